/**
 * How much one person may ask the AI on one day. Counted in Redis, so that it holds over rooms, restarts and reconnects;
 * days are UTC's, and each count is forgotten a day after its first request.
 *
 * While Redis is out of reach people may still ask, counted in this instance's memory from what was last heard of Redis.
 * Everything else goes on without Redis too, and the harm of counting wrong is bounded: a person needs another instance, and
 * is held to the limit of a minute in any case. Refusing would end the AI for all whenever Redis hiccups.
 */
import { Ratelimit } from '@upstash/ratelimit';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { ExpiringMap } from '../../domain/expiring-map.ts';
import { MAX_AI_REQUESTS_PER_DAY } from '../../protocol/index.ts';
import type { RedisScripts } from '../../redis/client.ts';

/** Who is counted. Ids go into Redis as they are. */
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

export interface DailyLimitsOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
}

/** What became of a count. */
export interface Counted {
  isAllowed: boolean;
  quota: Quota;
  /** Why it was counted in memory only; null when Redis has it. */
  outage: string | null;
}

const DAY_MS = 86_400_000;
/** People counted in memory; beyond it, the one who was counted the longest time ago is forgotten. */
const MAX_KNOWN = 10_000;

type Kind = CountedPerson['kind'];

export class DailyLimits {
  readonly #options: DailyLimitsOptions;
  readonly #limiters = new Map<Kind, Ratelimit>();
  /** Requests of the day as last heard of Redis, and those counted since without it. */
  readonly #known = new ExpiringMap<number>(MAX_KNOWN);

  constructor(options: DailyLimitsOptions) {
    this.#options = options;
  }

  /** Counts a request, if the day has room for it. */
  take(person: CountedPerson): Promise<Counted> {
    return this.#count(person, 1);
  }

  /** Takes back what `take` counted: the person got nothing for it. */
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
      const counted = await this.#options.redis.call('ai limit', (redis) =>
        this.#limiter(person.kind, redis).limit(person.id, { rate: by }),
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

  #limiter(kind: Kind, redis: ConstructorParameters<typeof Ratelimit>[0]['redis']): Ratelimit {
    let limiter = this.#limiters.get(kind);
    if (!limiter) {
      limiter = new Ratelimit({
        redis,
        // A fixed window counts exactly, and "50 a day" then means a day that people know.
        limiter: Ratelimit.fixedWindow(MAX_AI_REQUESTS_PER_DAY[kind], '1 d'),
        prefix: `${this.#options.keyPrefix}ai:${kind}`,
        // The client has a time limit of its own; here a slow Redis would count as a yes.
        timeout: 0,
        ephemeralCache: false,
        enableTelemetry: false,
      });
      this.#limiters.set(kind, limiter);
    }
    return limiter;
  }
}
