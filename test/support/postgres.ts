/**
 * A migrated Postgres for one test file, behind the local SQL-over-HTTP front: embedded, or
 * the installed server.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from 'drizzle-orm/neon-http/migrator';
import { startPostgres } from '../../dev/neon/real-postgres.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { startNeonProcess } from './neon-process.ts';

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
 * @param engine `embedded`: in the front's own process, one transaction at a time; `real`:
 *   the installed server.
 */
export async function startPostgresFront(engine: 'embedded' | 'real' = 'embedded'): Promise<PostgresFront> {
  if (engine === 'embedded') return startFront({ PGLITE_DIR: 'memory' });
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
