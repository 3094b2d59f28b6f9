import type { ClientMessageOf, ServerPayload } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import type { HandlerContext } from './context.ts';

/**
 * Accepts an edit: it becomes the session's next revision, the other clients see it at once, and its commit
 * is under way.
 */
export async function codeUpdate(
  { payload }: ClientMessageOf<'code_update'>,
  { sender, session: hosted, outbox, requestId }: HandlerContext,
): Promise<void> {
  const session = await hosted.open();
  // A client that was kicked or replaced meanwhile sends the edit again on its next connection, if it still
  // may.
  if (!hasJoined(sender)) return;
  const { participantId, displayName, userId, role } = sender.state;
  const accepted = session.edit({
    connectionId: sender.id,
    participantId,
    clientSeq: payload.client_seq,
    requestId,
    code: payload.code,
    editorId: userId,
  });
  if (!accepted) return;
  const update: ServerPayload<'code_update'> = {
    code: payload.code,
    rev: accepted.rev,
    display_name: displayName,
    user_id: userId,
    role,
  };
  if (payload.cursor_line !== undefined) update.cursor_line = payload.cursor_line;
  if (payload.cursor_col !== undefined) update.cursor_col = payload.cursor_col;
  if (payload.source !== undefined) update.source = payload.source;
  outbox.broadcast('code_update', update, sender);
}
