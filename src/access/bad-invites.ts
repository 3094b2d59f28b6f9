/**
 * Keeps invites from being guessed: after too many bad invites an address has to wait. The count is in Redis,
 * so it holds for all instances. Without Redis every caller may try: a good invite must not depend on Redis,
 * and a guess is hopeless anyway.
 */
import type { Ratelimit } from '@upstash/ratelimit';
import { StorageUnavailableError } from '../domain/errors.ts';
import { MAX_BAD_INVITES_PER_MINUTE } from '../protocol/limits.ts';
import type { RedisScripts } from '../redis/client.ts';
import type { InviteGuard } from './admission.ts';
import { hashedId, networkOf } from './network.ts';

interface BadInvitesOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
}

export class BadInvites implements InviteGuard {
  readonly #options: BadInvitesOptions;
  readonly #limiter: Ratelimit;

  constructor(options: BadInvitesOptions) {
    this.#options = options;
    const { redis, keyPrefix } = options;
    this.#limiter = redis.fixedWindow(MAX_BAD_INVITES_PER_MINUTE, '1 m', `${keyPrefix}invites`);
  }

  async mayTry(address: string): Promise<boolean> {
    const left = await this.#ask(address, (id) => this.#limiter.getRemaining(id));
    return left === null || left.remaining > 0;
  }

  async failed(address: string): Promise<void> {
    await this.#ask(address, (id) => this.#limiter.limit(id));
  }

  /** null when Redis is out of reach. */
  async #ask<T>(address: string, question: (id: string) => Promise<T>): Promise<T | null> {
    const { redis, secret } = this.#options;
    const id = await hashedId(`bad invites of ${networkOf(address)}`, secret);
    try {
      return await redis.call('bad invites', () => question(id));
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      return null;
    }
  }
}
