/** Dead letters: buffered data that Postgres refuses for a reason that a retry won't mend. Kept whole, with the reason. */
import { z } from 'zod';
import type { SessionWrite } from '../sessions/types.ts';

const reasonSchema = z.object({
  /** SQLSTATE, `too_large`, `session_missing` or `malformed`. */
  code: z.string(),
  message: z.string(),
});

export const deadLetterSchema = z.object({
  id: z.string(),
  session_id: z.string(),
  kind: z.enum(['code', 'message']),
  reason: reasonSchema,
  /** When it was put aside, ISO 8601. */
  at: z.string(),
  /** The code write or the message as it was buffered, as JSON text. */
  data: z.string(),
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;
export type DeadReason = z.infer<typeof reasonSchema>;

/** The letters of one write that can't be done: one for its code, one for each message. The same write gives the same ids. */
export function lettersFor(write: SessionWrite, reason: DeadReason, nowMs: number): DeadLetter[] {
  const base = { session_id: write.sessionId, reason, at: new Date(nowMs).toISOString() };
  const letters: DeadLetter[] = write.messages.map((message) => ({
    ...base,
    id: `${write.sessionId}:m:${message.id}`,
    kind: 'message',
    data: JSON.stringify(message),
  }));
  if (write.code) {
    letters.push({
      ...base,
      id: `${write.sessionId}:c:${write.code.epoch}:${write.code.rev}`,
      kind: 'code',
      data: JSON.stringify(write.code),
    });
  }
  return letters;
}

/** The letter of a buffered message that can't even be read: its text, as it was. */
export function malformedLetter(
  sessionId: string,
  messageId: string,
  text: string,
  nowMs: number,
): DeadLetter {
  return {
    id: `${sessionId}:m:${messageId}`,
    session_id: sessionId,
    kind: 'message',
    reason: { code: 'malformed', message: 'the buffered message does not fit its schema' },
    at: new Date(nowMs).toISOString(),
    data: text,
  };
}
