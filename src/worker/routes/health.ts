/**
 * Whether the Worker runs, and whether the stores answer.
 *
 * Strangers may ask, and monitors ask every minute: so what they ask costs next to nothing. Neon's compute
 * goes to sleep after five minutes without a query, and a probe each minute would keep it awake all month.
 */
import type { z } from 'zod';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { getHealth, getLive } from '../../protocol/http/operation.ts';
import { everyone, maybeWatching } from '../auth.ts';
import { briefCache } from '../brief-cache.ts';
import { describeUnexpected, logError } from '../log.ts';
import { type Served, serve } from '../serve.ts';
import type { Services } from '../services.ts';

const KEEP_MS = 1_000;
/** Of a store that answers, for strangers: an idle system costs one Redis command a minute at most. */
const KEEP_FOR_STRANGERS_MS = 60_000;

type Health = z.infer<typeof getHealth.reply>;
type StoreHealth = Health['redis'];

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

/** 200 while this runs. */
export const liveRoute = serve(getLive, everyone, async () => ({ status: 'ok' as const }));

/** 200 when the stores that are asked answer, 503 when one doesn't; the body tells which. */
export function healthRoute(): Served {
  const both = briefCache(checkBoth, KEEP_MS);
  const redisOnly = briefCache(
    async ({ buffer }: Services) => check(buffer),
    ({ ok }) => (ok ? KEEP_FOR_STRANGERS_MS : KEEP_MS),
  );
  return serve(getHealth, maybeWatching, async ({ services, caller: { mayWatch }, c }) => {
    const stores = mayWatch ? await both(services) : { redis: await redisOnly(services) };
    const isOk = Object.values(stores).every(({ ok }) => ok);
    const reply: Health = { status: isOk ? 'ok' : 'unavailable', ...stores };
    return c.json(reply, isOk ? 200 : 503);
  });
}
