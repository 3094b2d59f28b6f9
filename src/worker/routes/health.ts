/** Whether both stores answer. */
import type { z } from 'zod';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { getHealth } from '../../protocol/http/operation.ts';
import { everyone } from '../auth.ts';
import { briefCache } from '../brief-cache.ts';
import { describeUnexpected, logError } from '../log.ts';
import { type Served, serve } from '../serve.ts';
import type { Services } from '../services.ts';

const KEEP_MS = 1_000;

type StoreHealth = z.infer<typeof getHealth.reply>['redis'];

async function check(store: { ping(): Promise<void> }): Promise<StoreHealth> {
  const startedMs = Date.now();
  const latency = () => ({ latency_ms: Date.now() - startedMs });
  try {
    await store.ping();
    return { ok: true, ...latency() };
  } catch (error) {
    if (error instanceof StorageUnavailableError) {
      // A store's own words name hosts and ports, and this route is public.
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
export function healthRoute(): Served {
  const stores = briefCache(checkBoth, KEEP_MS);
  return serve(getHealth, everyone, async ({ services, c }) => {
    const { redis, postgres } = await stores(services);
    const ok = redis.ok && postgres.ok;
    const reply: z.infer<typeof getHealth.reply> = { status: ok ? 'ok' : 'unavailable', redis, postgres };
    return c.json(reply, ok ? 200 : 503);
  });
}
