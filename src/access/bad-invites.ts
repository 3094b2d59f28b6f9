/**
 * Keeps invites from being guessed: after too many bad invites an address has to wait. The count is in Redis,
 * so it holds for all instances. While Redis is out of reach each instance counts in its memory: a good
 * invite must not depend on Redis, but each bad one costs a query.
 */
import type { Ratelimit } from '@upstash/ratelimit';
import { StorageUnavailableError } from '../domain/errors.ts';
import { ExpiringMap } from '../domain/expiring-map.ts';
import { MAX_BAD_INVITES_PER_MINUTE } from '../protocol/limits.ts';
import type { RedisScripts } from '../redis/client.ts';
import type { InviteGuard } from './invite-guard.ts';
import { hashedId, networkOf } from './network.ts';

interface BadInvitesOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
}

const MINUTE_MS = 60_000;
/** Counted in memory; beyond it, the one that tried the longest time ago is forgotten. */
const MAX_NETWORKS = 10_000;

export class BadInvites implements InviteGuard {
  readonly #options: BadInvitesOptions;
  readonly #limiter: Ratelimit;
  readonly #withoutRedis = new ExpiringMap<number>(MAX_NETWORKS);

  constructor(options: BadInvitesOptions) {
    this.#options = options;
    const { redis, keyPrefix } = options;
    this.#limiter = redis.fixedWindow(MAX_BAD_INVITES_PER_MINUTE, '1 m', `${keyPrefix}invites`);
  }

  async mayTry(address: string): Promise<boolean> {
    return this.#ask(
      address,
      async (id) => (await this.#limiter.getRemaining(id)).remaining > 0,
      (count) => count < MAX_BAD_INVITES_PER_MINUTE,
    );
  }

  async failed(address: string): Promise<void> {
    await this.#ask(
      address,
      async (id) => {
        await this.#limiter.limit(id);
      },
      (count, id, nowMs) => this.#withoutRedis.set(id, count + 1, nowMs + MINUTE_MS),
    );
  }

  /** @param instead is asked, with the minute's count, while Redis is out of reach. */
  async #ask<T>(
    address: string,
    question: (id: string) => Promise<T>,
    instead: (count: number, id: string, nowMs: number) => T,
  ): Promise<T> {
    const { redis, secret } = this.#options;
    const id = await hashedId(`bad invites of ${networkOf(address)}`, secret);
    try {
      return await redis.call('bad invites', () => question(id));
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      const nowMs = Date.now();
      return instead(this.#withoutRedis.get(id, nowMs) ?? 0, id, nowMs);
    }
  }
}
