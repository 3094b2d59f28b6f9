/** Brings the database's schema up to date. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { messageOf, StackError } from './errors.ts';
import { PROJECT_DIR } from './project.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/**
 * How long a migration may wait for a table. While it waits, every other query on that table waits behind it:
 * after this it fails instead, with nothing of it kept, and may be tried again.
 */
const LOCK_TIMEOUT_MS = 5_000;
/** For Postgres' `options`: of `pg`, or in the environment as `PGOPTIONS`. */
export const lockTimeoutOption = `-c lock_timeout=${LOCK_TIMEOUT_MS}`;

/**
 * Applies the migrations of `drizzle/` that the database doesn't have yet.
 * @throws {StackError} when one fails or the database is out of reach.
 */
export async function applyMigrations(databaseUrl: string): Promise<void> {
  const migrationsFolder = join(PROJECT_DIR, 'drizzle');
  if (!existsSync(join(migrationsFolder, 'meta', '_journal.json'))) return;
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // "schema already exists, skipping" at every start is no news.
    options: `-c client_min_messages=warning ${lockTimeoutOption}`,
  });
  // A connection that breaks fails the query that uses it; without a listener it would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await migrate(drizzle(client), { migrationsFolder });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : '';
    throw new StackError(`the migrations can't be applied: ${messageOf(error)}${cause}`);
  } finally {
    await client.end().catch(() => {});
  }
}
