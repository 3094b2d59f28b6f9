import type { ClientMessageOf } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import { takingBack } from '../document/taking-back.ts';
import type { HandlerContext } from './context.ts';

/**
 * Takes back what the room itself changed (an answer of the AI, a switch, a restored version), or makes it
 * again. The first who asks has it done, and everybody hears of it as of any change by the room; another who
 * asks for the same is told so, and the code stays as it is.
 */
export async function takeBack(
  { payload }: ClientMessageOf<'take_back'>,
  { sender, session: hosted, edits, outbox, requestId }: HandlerContext,
): Promise<void> {
  const session = await hosted.open();
  if (!hasJoined(sender)) return;
  const { state, id } = sender;
  const { rev, turn, sync } = payload;
  const refuse = (error: 'conflict' | 'server_error' | 'validation_error', message: string) =>
    outbox.refuse(sender, error, message, { requestId });
  if (state.edits !== 'changes') {
    refuse('validation_error', 'only a connection that asked for changes can take back');
    return;
  }
  if (sync !== state.sync) {
    refuse('server_error', NOT_NOW);
    return;
  }
  const edit = takingBack(payload, { connectionId: id, userId: state.userId });
  const merged = edits.merge(session, edit, state, { source: 'taken_back', takes_back: { rev, turn } });
  if (merged.outcome === 'duplicate') refuse('conflict', turn % 2 === 1 ? TAKEN_BACK : MADE_AGAIN);
  if (merged.outcome === 'unknown_base') refuse('server_error', NOT_NOW);
  if (merged.outcome === 'refused') refuse('validation_error', merged.reason);
}

const TAKEN_BACK = 'that has been taken back already';
const MADE_AGAIN = 'that is back in the code already';
const NOT_NOW = 'the code changed too much in the meantime, try again';
