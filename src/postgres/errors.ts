/** Turns what the Postgres driver throws into the storage layer's errors. */
import { NeonDbError } from '@neondatabase/serverless';
import { DrizzleQueryError } from 'drizzle-orm/errors';
import { StorageUnavailableError, WriteRefusedError } from '../domain/errors.ts';

/**
 * SQLSTATE classes that say the data itself is at fault: data exception, integrity constraint violation,
 * program limit exceeded (https://www.postgresql.org/docs/current/errcodes-appendix.html). Every other class,
 * an undefined table (42) among them, is cured by an operator or by time, so data must wait for it rather
 * than be given up.
 */
const REFUSING_CLASSES: ReadonlySet<string> = new Set(['22', '23', '54']);

const PAYLOAD_TOO_LARGE = 413;
const WRONG_PASSWORD = 'password authentication failed';

/** Postgres' text for these names schema objects or server states, never a statement's data. */
const SAFE_MESSAGE_CLASSES: ReadonlySet<string> = new Set(['08', '25', '40', '42', '53', '55', '57', '58']);

/**
 * The storage error for anything thrown by a query. Its message names codes, tables and constraints, never a
 * connection string, a parameter or stored data: Drizzle's own message quotes all parameters, and Postgres'
 * texts for classes 22 and 23 quote values.
 *
 * @param thrown what the driver, Drizzle or `fetch` threw; a storage error is returned as it is.
 */
function toStorageError(thrown: unknown): WriteRefusedError | StorageUnavailableError {
  const error = withoutDrizzle(thrown);
  if (error instanceof WriteRefusedError || error instanceof StorageUnavailableError) return error;
  if (error instanceof NeonDbError) return fromDriver(error);
  return new StorageUnavailableError('postgres', isTimeout(error) ? 'timed out' : 'request failed', {
    cause: error,
  });
}

function fromDriver(error: NeonDbError): WriteRefusedError | StorageUnavailableError {
  const sqlstate = error.code || null;
  if (sqlstate !== null) {
    const classCode = sqlstate.slice(0, 2);
    if (REFUSING_CLASSES.has(classCode)) {
      // No cause: the driver's error quotes the refused data.
      return new WriteRefusedError(sqlstate, `Postgres refused the data: ${describe(sqlstate, error)}`);
    }
    const text = SAFE_MESSAGE_CLASSES.has(classCode) ? `: ${error.message}` : '';
    return new StorageUnavailableError('postgres', `SQLSTATE ${sqlstate}${text}`, { cause: error });
  }
  const status = httpStatus(error);
  if (status === PAYLOAD_TOO_LARGE) {
    return new WriteRefusedError('too_large', 'Postgres refused the request for its size');
  }
  if (status !== null) {
    return new StorageUnavailableError('postgres', `HTTP status ${status}`, { cause: error });
  }
  // Neon's proxy checks passwords itself, and gives no SQLSTATE. Its message names the user.
  if (error.message.startsWith(WRONG_PASSWORD)) {
    return new StorageUnavailableError('postgres', WRONG_PASSWORD, { cause: error });
  }
  const timedOut = isTimeout(error.sourceError);
  return new StorageUnavailableError('postgres', timedOut ? 'timed out' : 'request failed', { cause: error });
}

function describe(sqlstate: string, error: NeonDbError): string {
  const where = [
    error.table && `table ${error.table}`,
    error.column && `column ${error.column}`,
    error.constraint && `constraint ${error.constraint}`,
  ].filter(Boolean);
  return [`SQLSTATE ${sqlstate}`, ...where].join(', ');
}

/** The driver gives the status of a reply that isn't an SQL error only in its message. */
function httpStatus(error: NeonDbError): number | null {
  const match = /\bHTTP status (\d{3})\b/.exec(error.message);
  return match?.[1] === undefined ? null : Number(match[1]);
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

function withoutDrizzle(thrown: unknown): unknown {
  let error = thrown;
  while (error instanceof DrizzleQueryError) error = error.cause;
  return error;
}

/** Runs one query; what it throws leaves as a storage error. */
export async function runQuery<T>(query: () => PromiseLike<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw toStorageError(error);
  }
}
