import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** Sends the whole text to a client that the room couldn't follow, or that asks for another reason. */
export async function resync(
  _message: ClientMessageOf<'resync'>,
  { sender, sessionState, limits, outbox, requestId }: HandlerContext,
): Promise<void> {
  if (!limits.takeResync(sender, Date.now())) {
    outbox.refuse(sender, 'too_many_requests', 'too many resyncs, try again in a minute', { requestId });
    return;
  }
  await sessionState.sendState(sender, requestId);
}
