import type { ClientMessageOf } from '../../protocol/index.ts';
import type { HandlerContext } from './context.ts';

/** A host lets a caller in, or refuses them. */
export async function answerKnock(
  { payload }: ClientMessageOf<'answer_knock'>,
  { sender, knocks, outbox, requestId }: HandlerContext,
): Promise<void> {
  const answer = payload.refused
    ? ({ refused: true } as const)
    : { role: payload.role, readmit: payload.readmit ?? false };
  const refusal = await knocks.answer(payload.knock_id, answer, sender, requestId);
  if (refusal) outbox.refuse(sender, refusal.error, refusal.message, { requestId });
}
