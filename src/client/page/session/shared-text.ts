/** The session's text as the editor wants it. */
import type { CollaborativeDocument } from '../../editor/index.ts';
import { sentence } from '../../sdk/sentence.ts';
import type { SessionClient } from '../../sdk/session-client.ts';
import { RequestError } from '../../sdk/waiting-requests.ts';

/** @param tell says to the participant why something isn't taken back. */
export function sharedText(
  client: SessionClient,
  tell: (text: string, isError: boolean) => void,
): CollaborativeDocument {
  return {
    get text() {
      return client.text;
    },
    get peers() {
      return client.selections;
    },
    edit(changes, { source }) {
      client.change(changes, { source });
    },
    select: (anchor, head) => client.select(anchor, head),
    onChange: (listener) =>
      client.on('change', ({ changes, author, rev, isOwnRequest, source, takesBack }) =>
        listener({
          changes,
          author,
          rev,
          isOwnRequest,
          ...(source === undefined ? {} : { source }),
          ...(takesBack === undefined ? {} : { takesBack }),
        }),
      ),
    onSelections: (listener) => client.on('selections', listener),
    async takeBack(request) {
      if (!request) {
        tell('That is done already, or other text stands in its place.', false);
        return 'already';
      }
      try {
        await client.takeBack(request.changes, request, request.isStep);
        return 'done';
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        const isDone = error.code === 'conflict';
        tell(isDone ? sentence(error.message) : `The code is as it was: ${error.message}.`, !isDone);
        return isDone ? 'already' : 'failed';
      }
    },
  };
}
