/**
 * The process: Upstash's REST API on 127.0.0.1.
 *
 * Environment: `PORT` (0 or absent takes a free one), `UPSTASH_TOKEN`, and either `REDIS_URL` (a real Redis)
 * or `EMBEDDED_DIR` (the embedded engine with its data there; `memory` keeps nothing). With `PARENT_PID` it
 * ends when that process does.
 *
 * Once it answers it prints one line of JSON on stdout:
 * `{"ready":true,"url":"http://127.0.0.1:…","engine":"redis"|"embedded"}`. Logs go to stderr.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ConfigError, parseConfig } from '../../src/config.ts';
import { EngineUnavailableError, type RedisEngine } from './engine.ts';
import { createEmbeddedEngine } from './engine-embedded.ts';
import { createRedisEngine } from './engine-redis.ts';
import { createUpstashServer } from './server.ts';

const PARENT_CHECK_INTERVAL_MS = 500;
const REDIS_START_MS = 5_000;
const REDIS_RETRY_MS = 20;

const configSchema = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  UPSTASH_TOKEN: z.string().min(1),
  REDIS_URL: z.string().optional(),
  EMBEDDED_DIR: z.string().optional(),
  PARENT_PID: z.coerce.number().int().positive().optional(),
});

/** @throws {ConfigError} neither engine is configured, or both. */
async function startEngine({
  REDIS_URL: url,
  EMBEDDED_DIR: directory,
}: z.infer<typeof configSchema>): Promise<RedisEngine> {
  if (url !== undefined && directory === undefined) {
    const engine = createRedisEngine({ url });
    await waitUntilAnswering(engine);
    return engine;
  }
  if (directory !== undefined && url === undefined) {
    return createEmbeddedEngine({ directory: directory === 'memory' ? null : directory });
  }
  throw new ConfigError('configuration: exactly one of REDIS_URL and EMBEDDED_DIR has to be set');
}

/** A Redis that takes longer than this to come up is answered for with 503 until it is there. */
async function waitUntilAnswering(engine: RedisEngine): Promise<void> {
  const deadline = Date.now() + REDIS_START_MS;
  while (Date.now() < deadline) {
    try {
      await engine.call(['PING']);
      return;
    } catch (error) {
      if (!(error instanceof EngineUnavailableError)) throw error;
      await sleep(REDIS_RETRY_MS);
    }
  }
  console.error(`[upstash] redis doesn't answer yet; trying on`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  const config = parseConfig(configSchema, process.env);
  const engine = await startEngine(config);
  const server = createUpstashServer({ engine, token: config.UPSTASH_TOKEN });

  let isStopping = false;
  async function stop(): Promise<void> {
    if (isStopping) return;
    isStopping = true;
    await server.close();
    await engine.close();
    process.exit(0);
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  const { PARENT_PID } = config;
  if (PARENT_PID !== undefined) {
    // A parent that is killed can't tell its children; they would hold their port and data for ever. The
    // direct parent may be a launcher between the two, so both are watched: who it is, and whether the one
    // that was named is alive.
    const launcherPid = process.ppid;
    setInterval(() => {
      if (process.ppid !== launcherPid || !isAlive(PARENT_PID)) void stop();
    }, PARENT_CHECK_INTERVAL_MS).unref();
  }

  const url = await server.listen(config.PORT);
  console.log(JSON.stringify({ ready: true, url, engine: engine.kind }));
}

main().catch((error: unknown) => {
  console.error('[upstash]', error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
