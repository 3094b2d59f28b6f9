import type { ClientMessageOf } from '../../protocol/index.ts';
import { hasJoined } from '../connections/connection.ts';
import type { HandlerContext } from './context.ts';

/** Shows the other clients where a writer's selection is. It is not committed, and opens no session. */
export async function cursorPosition(
  { payload: { line, col, anchor, head, rev } }: ClientMessageOf<'cursor_position'>,
  { sender, edits, session }: HandlerContext,
): Promise<void> {
  // An edit that came before it may wait for the session: the selection is in a text with that edit.
  if (session.isOpening) await session.open().catch(() => null);
  if (!hasJoined(sender)) return;
  const isInText = anchor !== undefined && head !== undefined && rev !== undefined;
  edits.select(sender, session.live, { line, col }, isInText ? { anchor, head, rev } : null);
}
