/** Whether both stores answer. */
import { Hono } from 'hono';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { briefCache } from '../brief-cache.ts';
import type { AppEnv } from '../env.ts';
import { describeUnexpected, logError } from '../log.ts';
import type { Services } from '../services.ts';

const KEEP_MS = 1_000;

interface StoreHealth {
  ok: boolean;
  latency_ms: number;
  error?: string;
}

async function check(store: { ping(): Promise<void> }): Promise<StoreHealth> {
  const startedMs = Date.now();
  const latency = () => ({ latency_ms: Date.now() - startedMs });
  try {
    await store.ping();
    return { ok: true, ...latency() };
  } catch (error) {
    if (error instanceof StorageUnavailableError) {
      // A store's own words name hosts and ports, and anybody may ask.
      logError('unhealthy', { store: error.store, reason: error.message });
      return { ok: false, ...latency(), error: 'out of reach' };
    }
    logError('health_check_failed', describeUnexpected(error));
    return { ok: false, ...latency(), error: 'failed' };
  }
}

async function checkBoth({ buffer, postgres }: Services) {
  const [redisHealth, postgresHealth] = await Promise.all([check(buffer), check(postgres)]);
  return { redis: redisHealth, postgres: postgresHealth };
}

/** 200 when both answer, 503 when one doesn't; the body tells which. */
export function healthRoutes(): Hono<AppEnv> {
  const stores = briefCache(checkBoth, KEEP_MS);
  return new Hono<AppEnv>().get('/', async (c) => {
    const { redis, postgres } = await stores(c.var.services);
    const ok = redis.ok && postgres.ok;
    return c.json({ status: ok ? 'ok' : 'unavailable', redis, postgres }, ok ? 200 : 503);
  });
}
