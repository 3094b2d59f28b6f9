import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Shows the other clients where a writer's cursor is. It is never stored. */
export function cursorPosition(
  { payload }: ClientMessageOf<'cursor_position'>,
  { sender, outbox }: HandlerContext,
): void {
  const { displayName, userId, role } = sender.state;
  outbox.broadcast(
    'cursor_position',
    { line: payload.line, col: payload.col, display_name: displayName, user_id: userId, role },
    sender,
  );
}
