import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Answers a ping. It must not open the session: an idle tab would cost a Redis command a ping. */
export async function ping(
  { payload }: ClientMessageOf<'ping'>,
  { sender, slowConsumers, liveness, outbox, requestId }: HandlerContext,
): Promise<void> {
  const mark = slowConsumers.pinged(sender, payload?.mark);
  outbox.reply(sender, 'pong', {
    mark,
    now: Date.now(),
    ...(requestId === undefined ? {} : { request_id: requestId }),
  });
  await liveness.setHidden(sender, payload?.hidden ?? false);
}

/** Answers the room's `ping`. That it came is all that it says. */
export function pong(): void {}
