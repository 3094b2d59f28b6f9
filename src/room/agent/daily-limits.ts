/**
 * How often one person may ask the AI on one day. The count is in Redis, so it holds over rooms, restarts and
 * reconnects. Days are UTC's, and each count expires a day after its first request.
 *
 * While Redis is out of reach the requests are counted in this instance's memory, on top of the last count
 * that Redis gave. Refusing them would end the AI for all users whenever Redis fails for a moment. The harm
 * is bounded: to get a second count a person needs another instance, and the limit per minute holds in any
 * case.
 */
import type { Ratelimit } from '@upstash/ratelimit';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { ExpiringMap } from '../../domain/expiring-map.ts';
import { MAX_AI_REQUESTS_PER_DAY } from '../../protocol/index.ts';
import type { RedisScripts } from '../../redis/client.ts';

/** For whom requests are counted. The id goes into Redis as it is. */
export interface CountedPerson {
  kind: keyof typeof MAX_AI_REQUESTS_PER_DAY;
  id: string;
}

export interface Quota {
  limit: number;
  remaining: number;
  /** Milliseconds until it is full again. */
  resetMs: number;
}

interface DailyLimitsOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
}

/** The result of counting one request. */
export interface Counted {
  isAllowed: boolean;
  quota: Quota;
  /** Why it was counted in memory only; null when Redis counted it. */
  outage: string | null;
}

const DAY_MS = 86_400_000;
/** People counted in memory; beyond it, the count that is oldest is forgotten. */
const MAX_KNOWN = 10_000;

export class DailyLimits {
  readonly #options: DailyLimitsOptions;
  readonly #limiters: Record<CountedPerson['kind'], Ratelimit>;
  /** Requests of the day: the last count that Redis gave, and what was counted since without it. */
  readonly #known = new ExpiringMap<number>(MAX_KNOWN);

  constructor(options: DailyLimitsOptions) {
    this.#options = options;
    const { redis, keyPrefix } = options;
    // A fixed window counts exactly, and "a day" is the day that people know.
    const perDay = (kind: CountedPerson['kind']) =>
      redis.fixedWindow(MAX_AI_REQUESTS_PER_DAY[kind], '1 d', `${keyPrefix}ai:${kind}`);
    this.#limiters = { anonymous: perDay('anonymous'), user: perDay('user') };
  }

  /** Counts a request, if the day has room for it. */
  take(person: CountedPerson): Promise<Counted> {
    return this.#count(person, 1);
  }

  /** Takes back what `take` counted: the person got no answer. */
  giveBack(person: CountedPerson): Promise<Counted> {
    return this.#count(person, -1);
  }

  async #count(person: CountedPerson, by: 1 | -1): Promise<Counted> {
    const limit = MAX_AI_REQUESTS_PER_DAY[person.kind];
    const name = `${person.kind}:${person.id}`;
    const nowMs = Date.now();
    const dayEndMs = (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;
    let used: number;
    let outage: string | null = null;
    try {
      const counted = await this.#options.redis.call('ai limit', () =>
        this.#limiters[person.kind].limit(person.id, { rate: by }),
      );
      used = counted.success ? limit - counted.remaining : limit + 1;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      outage = error.message;
      used = Math.max(0, (this.#known.get(name, nowMs) ?? 0) + by);
    }
    this.#known.set(name, used, dayEndMs);
    const quota = {
      limit,
      remaining: Math.max(0, limit - used),
      resetMs: Math.max(0, dayEndMs - Date.now()),
    };
    return { isAllowed: used <= limit, quota, outage };
  }
}
