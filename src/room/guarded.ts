/**
 * What a room answers when something fails. PartyKit shows its caller the message of an exception, and logs
 * it whole; such messages quote addresses, statements and their parameters. So nothing that a caller may set
 * off leaves the room's code as an exception.
 */
import { SessionNotFoundError, StorageUnavailableError, SupersededError } from '../domain/errors.ts';
import { refuse } from './connections/refusal.ts';
import { log } from './log.ts';

const STACK_FRAMES = 4;
/** Errors whose messages are made for the log: they quote nothing. */
const STORAGE_ERRORS = [StorageUnavailableError, SupersededError, SessionNotFoundError];

/** The answer, or a refusal that says nothing about the cause; the log gets what {@link describe} allows. */
export async function guarded(sessionId: string | null, answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof SessionNotFoundError) return refuse(404, 'not_found', 'there is no such session');
    if (error instanceof StorageUnavailableError || error instanceof SupersededError) {
      log(sessionId, 'request_failed', error.message);
      return refuse(503, 'server_error', 'storage is out of reach, try again in a moment');
    }
    log(sessionId, 'unexpected_error', describe(error));
    return refuse(500, 'server_error', 'something went wrong');
  }
}

/**
 * What the log may have of an error: of a storage error its message; of any other its name and where it was
 * thrown.
 */
export function describe(error: unknown): string {
  if (STORAGE_ERRORS.some((kind) => error instanceof kind)) return String(error);
  if (!(error instanceof Error)) return typeof error;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return [error.name, ...frames.slice(0, STACK_FRAMES).map((line) => line.trim())].join(' ');
}
