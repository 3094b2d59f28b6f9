/** A migrated Postgres for one test file, behind the local SQL-over-HTTP front: embedded, or the installed server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { migrate } from 'drizzle-orm/neon-http/migrator';
import { z } from 'zod';
import { startPostgres } from '../../dev/neon/real-postgres.ts';
import { connectNeon } from '../../src/sessions/neon.ts';

const FRONT = fileURLToPath(new URL('../../dev/neon/main.ts', import.meta.url));
const MIGRATIONS = fileURLToPath(new URL('../../drizzle', import.meta.url));
const READY_TIMEOUT_MS = 60_000;

const readySchema = z.object({ ready: z.literal(true), fetchEndpoint: z.url(), databaseUrl: z.string() });

export interface PostgresFront {
  /** SQL over HTTP. */
  fetchEndpoint: string;
  /** The same database by Postgres' own protocol. */
  databaseUrl: string;
  stop(): Promise<void>;
}

/**
 * Starts a throwaway database with all migrations applied.
 * @param engine `embedded`: in the front's own process, one connection at a time; `real`: the installed server.
 * @throws {Error} with the front's log when it doesn't come up.
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
  const child = spawn(process.execPath, ['--import', 'tsx', FRONT], {
    env: { ...process.env, ...env, PARENT_PID: String(process.pid) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };
  try {
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line', {
        signal: AbortSignal.timeout(READY_TIMEOUT_MS),
      }),
      exited.then(() => Promise.reject(new Error('it exited'))),
    ]);
    const { fetchEndpoint, databaseUrl } = readySchema.parse(JSON.parse(String(line)));
    const db = connectNeon({ databaseUrl, fetchEndpoint, timeoutMs: 30_000 });
    await migrate(db, { migrationsFolder: MIGRATIONS });
    return { fetchEndpoint, databaseUrl, stop };
  } catch (error) {
    await stop();
    throw new Error(`the Postgres front did not come up: ${log}`, { cause: error });
  }
}
