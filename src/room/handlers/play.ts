import { DEFAULT_CPS } from '../../domain/transport.ts';
import type { ClientMessageOf } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import { transportPayload } from '../document/session-state.ts';
import type { HandlerContext } from './context.ts';

/** Starts what the sender has evaluated, for all: everybody hears it, and participants who join later. */
export async function play(
  { payload }: ClientMessageOf<'play'>,
  { sender, session: hosted, outbox, edits }: HandlerContext,
): Promise<void> {
  const session = await hosted.open();
  if (!hasJoined(sender)) return;
  const { displayName, userId } = sender.state;
  // Without a tempo of its own, code goes on in the one there is.
  const cps = payload?.cps ?? session.transport?.cps ?? DEFAULT_CPS;
  const transport = session.play(
    { code: payload?.code, by: displayName, cps, sinceMs: payload?.since },
    userId,
  );
  edits.keepSameText(session);
  outbox.broadcast('play', { display_name: displayName }, sender);
  outbox.broadcast('transport', transportPayload(transport));
}
