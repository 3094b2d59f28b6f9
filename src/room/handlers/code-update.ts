import type { ClientMessageOf, ServerPayload } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import type { Content } from '../document/document.ts';
import type { EditDetails } from '../document/shared-edits.ts';
import type { HandlerContext } from './context.ts';

type Payload = ClientMessageOf<'code_update'>['payload'];

/**
 * Accepts an edit: it becomes the session's next revision, the other clients see it at once, and its commit
 * is under way.
 */
export async function codeUpdate(
  { payload }: ClientMessageOf<'code_update'>,
  { sender, session: hosted, edits, outbox, requestId }: HandlerContext,
): Promise<void> {
  const session = await hosted.open();
  // A client that was kicked or replaced meanwhile sends the edit again on its next connection, if it still
  // may.
  if (!hasJoined(sender)) return;
  const { state } = sender;
  if ('changes' in payload !== (state.edits === 'changes')) {
    const message = 'edits are changes on a connection that asked for them, and else whole texts';
    outbox.refuse(sender, 'validation_error', message, { requestId });
    edits.setOutOfStep(sender, message);
    return;
  }
  // Made on a text before the last whole one that it was sent: the client makes it again.
  if ('changes' in payload && payload.sync !== state.sync) return;
  const edit = {
    connectionId: sender.id,
    participantId: state.participantId,
    clientSeq: payload.client_seq,
    requestId,
    editorId: state.userId,
    content: contentOf(payload),
  };
  const merged = edits.merge(session, edit, state, detailsOf(payload));
  if (merged.outcome === 'unknown_base') edits.setOutOfStep(sender, 'what the change was made on is too old');
  if (merged.outcome !== 'refused') return;
  outbox.refuse(sender, 'validation_error', merged.reason, { requestId });
  edits.setOutOfStep(sender, merged.reason);
}

function contentOf(payload: Payload): Content {
  return 'changes' in payload
    ? { kind: 'changes', changes: payload.changes, baseRev: payload.base_rev }
    : { kind: 'whole', code: payload.code, baseRev: payload.base_rev };
}

function detailsOf({ cursor_line, cursor_col, source }: Payload): EditDetails {
  const details: Partial<ServerPayload<'code_update'>> = {};
  if (cursor_line !== undefined) details.cursor_line = cursor_line;
  if (cursor_col !== undefined) details.cursor_col = cursor_col;
  if (source !== undefined) details.source = source;
  return details;
}
