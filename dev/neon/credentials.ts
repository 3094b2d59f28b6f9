/** Checks the connection string that comes with each request against the one database that is served here. */

import { SqlError } from './engine.ts';
import { ConnectionStringError, RequestError } from './errors.ts';

export interface Credentials {
  readonly user: string;
  /** Null where the database asks for none. */
  readonly password: string | null;
  readonly database: string;
}

/**
 * Reads user, password and database out of a postgres:// URL.
 * @throws {ConnectionStringError} when it is none, or lacks the user, host or database. The
 *   message never repeats it.
 */
export function parseConnectionString(connectionString: string): Credentials {
  const match = /^(postgres(?:ql)?):(.*)$/s.exec(connectionString);
  if (match === null) throw new ConnectionStringError('incorrect scheme');
  // Under a scheme that URL treats as special, so that it splits host and credentials as the
  // driver's own parser does.
  const address = `http:${match[2]}`;
  if (!URL.canParse(address)) throw new ConnectionStringError('invalid connection string');
  const url = new URL(address);
  const user = decode(url.username);
  const database = decode(url.pathname.slice(1));
  if (user === '') throw new ConnectionStringError('missing username');
  if (url.hostname === '') throw new ConnectionStringError('missing hostname');
  if (database === '') throw new ConnectionStringError('missing database name');
  return { user, password: url.password === '' ? null : decode(url.password), database };
}

/**
 * A wrong password never reaches Postgres: Neon's proxy checks it, and its error has no SQLSTATE (compared
 * on 28 November 2026 with `proxy/src/serverless/sql_over_http.rs` of neondatabase/neon at 01481d3b, where
 * only an error of Postgres' fills `code`, and with Neon's page "Connection errors").
 * @throws {RequestError} 400 for a wrong user or password.
 * @throws {SqlError} 3D000 for another database, as Postgres would refuse.
 */
export function verifyCredentials(given: Credentials, expected: Credentials): void {
  const passwordFits = expected.password === null || given.password === expected.password;
  if (given.user !== expected.user || !passwordFits) {
    throw new RequestError(400, `password authentication failed for user '${given.user}'`);
  }
  if (given.database !== expected.database) {
    throw new SqlError(`database "${given.database}" does not exist`, {
      severity: 'FATAL',
      code: '3D000',
      file: 'postinit.c',
      routine: 'InitPostgres',
    });
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ConnectionStringError('invalid connection string', { cause });
  }
}
