import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Answers a ping. It must not open the session: an idle tab would cost a Redis command a ping. */
export function ping(
  { payload }: ClientMessageOf<'ping'>,
  { sender, slowConsumers, outbox, requestId }: HandlerContext,
): void {
  const mark = slowConsumers.pinged(sender, payload?.mark);
  outbox.reply(sender, 'pong', {
    mark,
    now: Date.now(),
    ...(requestId === undefined ? {} : { request_id: requestId }),
  });
}
