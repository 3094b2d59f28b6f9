import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Shows everybody else where a writer's cursor is. It is never stored. */
export function cursorPosition(
  { payload }: ClientMessageOf<'cursor_position'>,
  { sender, room }: HandlerContext,
): void {
  const { displayName, userId, role } = sender.state;
  room.broadcast(
    'cursor_position',
    { line: payload.line, col: payload.col, display_name: displayName, user_id: userId, role },
    sender,
  );
}
