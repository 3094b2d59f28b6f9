/**
 * Dead letters: buffered data that Postgres refuses for a reason that a retry won't mend. Kept whole, with
 * the reason.
 */
import { z } from 'zod';

/**
 * Bytes of the dead letters in all, and of one session: Upstash takes 100 MB a record, and they are in one;
 * a free plan has 256 MB for everything. What they have no room for stays where it is, and is tried again
 * after a while.
 */
export const MAX_LETTER_BYTES = 50_000_000;
export const MAX_LETTER_BYTES_PER_SESSION = 8_000_000;
export const LETTER_RETRY_MS = 10 * 60_000;
/** Bytes of one page of them, once encoded. */
export const LETTER_PAGE_BYTES = 1_000_000;
/** Removed by one command at most: Redis does nothing else meanwhile. */
export const MAX_DISCARDED_LETTERS = 500;

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

/**
 * What a letter stands in the stead of, in the buffer: a message; the code at a revision; or a session's hash
 * that is damaged, as it was with its last commit.
 */
export type LetterSource =
  | { kind: 'message'; id: string }
  | { kind: 'code'; rev: number }
  | { kind: 'session'; lastCommit: string };

/** A letter that is to be put aside, and what is taken out of the buffer then. */
export interface Deliverable {
  letter: DeadLetter;
  source: LetterSource;
}
