/**
 * A migrated Postgres for one test file, behind the local SQL-over-HTTP front: embedded, or
 * the installed server.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from 'drizzle-orm/neon-http/migrator';
import type pg from 'pg';
import { expect } from 'vitest';
import { PostgresEngine } from '../../dev/neon/engine-postgres.ts';
import { startPostgres } from '../../dev/neon/real-postgres.ts';
import { MAX_RESPONSE_BYTES, startNeonServer } from '../../dev/neon/server.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { startNeonProcess } from './neon-process.ts';
import { newDatabase } from './shared-postgres.ts';
import { WAIT } from './wait.ts';

const MIGRATIONS = fileURLToPath(new URL('../../drizzle', import.meta.url));

export interface PostgresFront {
  /** SQL over HTTP. */
  fetchEndpoint: string;
  /** The same database by Postgres' own protocol. */
  databaseUrl: string;
  stop(): Promise<void>;
}

/**
 * Starts a throwaway database with all migrations applied.
 * @param engine `embedded`: in the front's own process, one transaction at a time; `real`: the installed
 *   server, a server of its own; `any`: a database on the installed server that all files share, or else
 *   embedded. Of those a process has one at a time: {@link connectNeon} knows them by host and port.
 */
export async function startPostgresFront(engine: 'embedded' | 'real' | 'any'): Promise<PostgresFront> {
  const database = engine === 'any' ? await newDatabase() : null;
  if (database !== null) return startFrontHere(database);
  if (engine !== 'real') return startFront({ PGLITE_DIR: 'memory' });
  const dataDir = await mkdtemp(join(tmpdir(), 'backbeat-postgres-'));
  const server = await startPostgres({ dataDir, log: () => {} });
  const stopServer = async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const front = await startFront({ DATABASE_URL: server.url });
    return {
      ...front,
      stop: async () => {
        await front.stop();
        await stopServer();
      },
    };
  } catch (error) {
    await stopServer();
    throw error;
  }
}

/** In this process: only one of its own can be killed, and this is there sooner. */
async function startFrontHere(databaseUrl: string): Promise<PostgresFront> {
  const log = () => {};
  const engine = new PostgresEngine({ databaseUrl, log });
  const limits = { maxResponseBytes: MAX_RESPONSE_BYTES, maxStorageBytes: null };
  const server = await startNeonServer({ engine, port: 0, limits, log });
  return {
    fetchEndpoint: server.fetchEndpoint,
    databaseUrl,
    stop: async () => {
      await server.close();
      await engine.close();
    },
  };
}

async function startFront(env: Record<string, string>): Promise<PostgresFront> {
  const front = await startNeonProcess(env);
  const { fetchEndpoint, databaseUrl } = front;
  const stop = async () => {
    await front.stop();
  };
  try {
    const db = connectNeon({ databaseUrl, fetchEndpoint, timeoutMs: 30_000 });
    await migrate(db, { migrationsFolder: MIGRATIONS });
    return { fetchEndpoint, databaseUrl, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until some backend of a server of one's own waits for a lock. */
export async function waitUntilBlocked(client: pg.Client): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await client.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'");
      return rows.length;
    }, WAIT)
    .toBeGreaterThan(0);
}
