import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Answers, and nothing else: a ping must not touch storage, or an open tab in a silent session would cost something. */
export function ping(
  { payload }: ClientMessageOf<'ping'>,
  { sender, room, requestId }: HandlerContext,
): void {
  const mark = room.pinged(sender, payload?.mark);
  room.reply(sender, 'pong', { mark, ...(requestId === undefined ? {} : { request_id: requestId }) });
}
