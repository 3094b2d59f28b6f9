import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Shows the other clients where a writer's selection is. It is never stored, and opens no session. */
export function cursorPosition(
  { payload: { line, col, anchor, head, rev } }: ClientMessageOf<'cursor_position'>,
  { sender, edits, session }: HandlerContext,
): void {
  const isInText = anchor !== undefined && head !== undefined && rev !== undefined;
  edits.select(sender, session.live, { line, col }, isInText ? { anchor, head, rev } : null);
}
