import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Answers, and nothing else: a ping must not touch storage, or an open tab in a silent session would cost something. */
export function ping(_message: ClientMessageOf<'ping'>, { sender, room, requestId }: HandlerContext): void {
  room.reply(sender, 'pong', requestId === undefined ? {} : { request_id: requestId });
}
