import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Tells the other clients that the sender started the music. */
export function play(_message: ClientMessageOf<'play'>, { sender, outbox }: HandlerContext): void {
  outbox.broadcast('play', { display_name: sender.state.displayName }, sender);
}
