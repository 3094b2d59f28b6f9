/**
 * The installed Postgres, where there is one, for all test files of a run: one server, and a migrated
 * database for each who asks. Vitest's global setup of the integration tests.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { applyMigrations } from '../../dev/migrate.ts';
import { findPostgres, startPostgres } from '../../dev/neon/real-postgres.ts';

/** Where the server answers its operator, for the processes that run the files. */
const VARIABLE = 'BACKBEAT_TEST_POSTGRES_URL';
/** Each database is a copy of this one. Postgres copies it only while it has no connection. */
const TEMPLATE = 'migrated';

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if ((await findPostgres()) === null) return undefined;
  const dataDir = await mkdtemp(join(tmpdir(), 'backbeat-postgres-'));
  const options = { dataDir, password: randomUUID(), log: () => {} };
  const server = await startPostgres(options);
  await operate(server.url, [
    // It goes when the tests have ended: nothing has to survive this machine.
    'alter system set fsync = off',
    'alter system set max_connections = 400',
    `create database ${TEMPLATE}`,
  ]);
  await server.stop();
  const again = await startPostgres(options);
  await applyMigrations(urlOf(again.url, TEMPLATE));
  process.env[VARIABLE] = again.url;
  return async () => {
    await again.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}

/** @returns the URL of a new database with all migrations applied; null where no server is installed. */
export async function newDatabase(): Promise<string | null> {
  const server = process.env[VARIABLE];
  if (!server) return null;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await operate(server, [`create database ${name} template ${TEMPLATE}`]);
  return urlOf(server, name);
}

async function operate(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
