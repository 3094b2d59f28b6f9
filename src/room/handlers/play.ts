import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Tells everybody else that somebody started the music. */
export function play(_message: ClientMessageOf<'play'>, { sender, room }: HandlerContext): void {
  room.broadcast('play', { display_name: sender.state.displayName }, sender);
}
