/**
 * Dead letters: buffered data that Postgres refuses for a reason that a retry won't mend. Kept whole, with
 * the reason.
 */
import { z } from 'zod';

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
