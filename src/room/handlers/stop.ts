import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Tells everybody else that somebody stopped the music. */
export function stop(_message: ClientMessageOf<'stop'>, { sender, room }: HandlerContext): void {
  room.broadcast('stop', { display_name: sender.state.displayName }, sender);
}
