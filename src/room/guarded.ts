/**
 * Answers of last resort. PartyKit shows its caller the message of whatever is thrown, and logs it whole; such messages quote
 * addresses, statements and what they were given. So nothing that a caller may set off leaves this code as an exception.
 */
import { SessionNotFoundError, StorageUnavailableError, SupersededError } from '../domain/errors.ts';
import { refuse } from './connections/refusal.ts';
import { log } from './log.ts';

const FRAMES = 4;
const OURS = [StorageUnavailableError, SupersededError, SessionNotFoundError];

/** The answer, or a refusal that tells nothing; the log has the kind of error and where it came from, never its message. */
export async function guarded(sessionId: string | null, answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    log(sessionId, 'unexpected_error', describe(error));
    return refuse(500, 'server_error', 'something went wrong');
  }
}

/** What the log may have of an error: the message of the storage layer's own, which are made for it; of any other its kind and place. */
export function describe(error: unknown): string {
  if (OURS.some((kind) => error instanceof kind)) return String(error);
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames.slice(0, FRAMES).map((line) => line.trim())].join(' ');
}
