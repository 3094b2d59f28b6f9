/**
 * The process that serves SQL over HTTP in front of a Postgres, real or embedded.
 *
 * Environment:
 * - `PORT`: of the HTTP server; 0 or absent: a free one.
 * - `DATABASE_URL`: a running Postgres; or, instead,
 * - `PGLITE_DIR`: the folder of an embedded PGlite, or `memory`; with `PG_PORT` (0 or absent: a free one),
 *   where it answers postgres:// clients, and `PG_PASSWORD` (by default `backbeat`).
 * - `MAX_RESPONSE_BYTES`, `MAX_STORAGE_BYTES`: see `NeonLimits` in `server.ts`.
 * - `PARENT_PID`: end when this process is gone.
 *
 * When ready it prints one line of JSON on stdout:
 * `{"ready":true,"fetchEndpoint":"http://127.0.0.1:…/sql","databaseUrl":"postgres://…","engine":"postgres"|"pglite"}`.
 * Logs go to stderr. SIGTERM and SIGINT close everything in order.
 *
 * Exit codes: 0 ended as asked, 1 failed, 2 bad configuration.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { z } from 'zod';
import { ConfigError, parseConfig } from '../../src/config.ts';
import { ConnectError, type SqlEngine } from './engine.ts';
import { PgliteEngine } from './engine-pglite.ts';
import { PostgresEngine } from './engine-postgres.ts';
import { MAX_RESPONSE_BYTES, startNeonServer } from './server.ts';

const port = z.coerce.number().int().min(0).max(65_535).default(0);
const configSchema = z
  .object({
    PORT: port,
    DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
    PGLITE_DIR: z.string().optional(),
    PG_PORT: port,
    PG_PASSWORD: z.string().default('backbeat'),
    MAX_RESPONSE_BYTES: z.coerce.number().int().positive().default(MAX_RESPONSE_BYTES),
    MAX_STORAGE_BYTES: z.coerce.number().int().nonnegative().optional(),
    PARENT_PID: z.coerce.number().int().positive().optional(),
  })
  .refine(({ DATABASE_URL, PGLITE_DIR }) => (DATABASE_URL === undefined) !== (PGLITE_DIR === undefined), {
    path: ['DATABASE_URL'],
    error: 'set either DATABASE_URL or PGLITE_DIR',
  });
type Config = z.infer<typeof configSchema>;

const parentCheckMs = 500;
/** How long a Postgres that is just starting is waited for. */
const reachTimeoutMs = 15_000;
const reachPauseMs = 200;
/** Past this, whatever still hangs is left to its fate: the data is safe without an orderly end. */
const closeTimeoutMs = 10_000;

const log = (line: string) => process.stderr.write(`${line}\n`);

function fail(error: unknown): never {
  log(`neon: ${inspect(error)}`);
  process.exit(1);
}

async function main(): Promise<void> {
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  const config = readConfig();
  // From the start, so that neither opening a database nor its first creation outlives a parent that is gone.
  let close: () => Promise<void> = async () => {};
  let ending = false;
  const end = (reason: string) => {
    if (ending) return;
    ending = true;
    log(`neon: ${reason}, closing`);
    setTimeout(() => fail(new Error(`not closed within ${closeTimeoutMs} ms`)), closeTimeoutMs).unref();
    close().then(() => process.exit(0), fail);
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  if (config.PARENT_PID !== undefined) watchParent(config.PARENT_PID, () => end('the parent is gone'));

  const engine = await openEngine(config);
  const limits = {
    maxResponseBytes: config.MAX_RESPONSE_BYTES,
    maxStorageBytes: config.MAX_STORAGE_BYTES ?? null,
  };
  const server = await startNeonServer({ engine, port: config.PORT, limits, log });
  close = async () => {
    await server.close();
    await engine.close();
  };
  if (ending) return;
  const { fetchEndpoint } = server;
  const ready = { ready: true, fetchEndpoint, databaseUrl: engine.databaseUrl, engine: engine.name };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

function readConfig(): Config {
  try {
    return parseConfig(configSchema, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log(`neon: ${error.message}`);
    process.exit(2);
  }
}

async function openEngine(config: Config): Promise<SqlEngine> {
  if (config.DATABASE_URL !== undefined) {
    const engine = new PostgresEngine({ databaseUrl: config.DATABASE_URL, log });
    await untilReachable(engine);
    return engine;
  }
  return PgliteEngine.open({
    dataDir: config.PGLITE_DIR === 'memory' ? null : (config.PGLITE_DIR ?? null),
    port: config.PG_PORT,
    password: config.PG_PASSWORD,
    onStopped: fail,
    log,
  });
}

async function untilReachable(engine: SqlEngine): Promise<void> {
  const deadline = Date.now() + reachTimeoutMs;
  for (;;) {
    try {
      await engine.query({ text: 'SELECT 1', params: [] }, AbortSignal.timeout(reachTimeoutMs));
      return;
    } catch (error) {
      if (!(error instanceof ConnectError) || Date.now() > deadline) throw error;
      await delay(reachPauseMs);
    }
  }
}

/** A parent that was killed can't tell its children; they are handed to another process, which shows. */
function watchParent(pid: number, onGone: () => void): void {
  const directParent = process.ppid;
  setInterval(() => {
    if (process.ppid !== directParent || !isAlive(pid)) onGone();
  }, parentCheckMs).unref();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

main().catch(fail);
