import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Tells the other clients that the sender stopped the music. */
export function stop(_message: ClientMessageOf<'stop'>, { sender, outbox }: HandlerContext): void {
  outbox.broadcast('stop', { display_name: sender.state.displayName }, sender);
}
