/**
 * How often something may happen within an hour or a day, counted in Redis: the count holds over all
 * instances, rooms and restarts. Windows begin at full hours, and at midnight UTC.
 *
 * - Where the limit is met, this instance says so by itself to the end of the window: callers who go on
 *   asking cost no command.
 * - While Redis is out of reach it counts in its memory, on top of the last count that Redis gave. To refuse
 *   would end the service for everybody whenever Redis fails for a moment; the harm is bounded by the number
 *   of instances.
 */
import type { Ratelimit } from '@upstash/ratelimit';
import { StorageUnavailableError } from '../domain/errors.ts';
import { ExpiringMap } from '../domain/expiring-map.ts';
import type { RedisScripts } from '../redis/client.ts';

export interface Quota {
  limit: number;
  remaining: number;
  /** Milliseconds until it is full again. */
  resetMs: number;
}

/** The result of counting. */
export interface Counted {
  isAllowed: boolean;
  quota: Quota;
  /** Why it was counted in memory only; null when Redis counted it, or didn't have to. */
  outage: string | null;
}

export interface SharedLimitOptions {
  redis: RedisScripts;
  /** Prefix of its keys, such as `bb:ai:user`. */
  keyPrefix: string;
  max: number;
  window: '1 h' | '1 d';
}

const WINDOW_MS = { '1 h': 3_600_000, '1 d': 86_400_000 } as const;
/** Ids counted in memory; beyond it, the count that is oldest is forgotten. */
const MAX_KNOWN = 10_000;

/**
 * The key of the count that a moment belongs to, as @upstash/ratelimit names it: a reader of many counts gets
 * them all with one command.
 */
export function countKey(
  { keyPrefix, window }: Pick<SharedLimitOptions, 'keyPrefix' | 'window'>,
  id: string,
  nowMs: number,
): string {
  return `${keyPrefix}:${id}:${Math.floor(nowMs / WINDOW_MS[window])}`;
}

/** When a moment's window is over, in milliseconds since the epoch. */
export function windowEndMs(window: SharedLimitOptions['window'], nowMs: number): number {
  return (Math.floor(nowMs / WINDOW_MS[window]) + 1) * WINDOW_MS[window];
}

export class SharedLimit {
  readonly #options: SharedLimitOptions;
  readonly #limiter: Ratelimit;
  /** The last count of the window that Redis gave, and what was counted since without it. */
  readonly #known = new ExpiringMap<number>(MAX_KNOWN);

  constructor(options: SharedLimitOptions) {
    this.#options = options;
    const { redis, max, window, keyPrefix } = options;
    // A fixed window counts exactly, and "a day" is the day that people know.
    this.#limiter = redis.fixedWindow(max, window, keyPrefix);
  }

  /** The refusal, where this instance knows the limit to be met; null otherwise. Costs nothing. */
  knownRefusal(id: string): Counted | null {
    const nowMs = Date.now();
    const { max, window } = this.#options;
    if ((this.#known.get(id, nowMs) ?? 0) <= max) return null;
    const resetMs = windowEndMs(window, nowMs) - nowMs;
    return { isAllowed: false, quota: { limit: max, remaining: 0, resetMs }, outage: null };
  }

  /** Counts, if the window has room for it. @param id goes into Redis as it is. */
  take(id: string, amount = 1): Promise<Counted> {
    return this.#count(id, amount);
  }

  /** Takes back what `take` counted. */
  giveBack(id: string, amount = 1): Promise<Counted> {
    return this.#count(id, -amount);
  }

  async #count(id: string, by: number): Promise<Counted> {
    const { redis, max, window } = this.#options;
    const nowMs = Date.now();
    const endMs = windowEndMs(window, nowMs);
    const before = this.#known.get(id, nowMs) ?? 0;
    let used: number;
    let outage: string | null = null;
    if (by > 0 && before > max) {
      used = before;
    } else {
      try {
        const counted = await redis.call('limit', () => this.#limiter.limit(id, { rate: by }));
        // It was counted all the same, and would go before what is given back later.
        if (by > 0 && !counted.success) {
          await redis.call('limit', () => this.#limiter.limit(id, { rate: -by }));
        }
        used = counted.success ? max - counted.remaining : max + 1;
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        outage = error.message;
        used = Math.max(0, before + by);
      }
      this.#known.set(id, used, endMs);
    }
    const resetMs = Math.max(0, endMs - Date.now());
    return {
      isAllowed: used <= max,
      quota: { limit: max, remaining: Math.max(0, max - used), resetMs },
      outage,
    };
  }
}
