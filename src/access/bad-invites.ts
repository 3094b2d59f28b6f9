/**
 * Keeps invites from being guessed: after too many bad invites an address has to wait. The count is in Redis,
 * so it holds for all instances. Without Redis every caller may try: a good invite must not depend on Redis,
 * and a guess is hopeless anyway.
 */
import { Ratelimit } from '@upstash/ratelimit';
import { StorageUnavailableError } from '../domain/errors.ts';
import { MAX_BAD_INVITES_PER_MINUTE } from '../protocol/limits.ts';
import type { RedisScripts } from '../redis/client.ts';
import type { InviteGuard } from './admission.ts';
import { hashedId, networkOf } from './network.ts';

export interface BadInvitesOptions {
  redis: RedisScripts;
  /** Prefix of every key, such as `bb:`. */
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
}

export class BadInvites implements InviteGuard {
  readonly #options: BadInvitesOptions;
  #limiter: Ratelimit | undefined;

  constructor(options: BadInvitesOptions) {
    this.#options = options;
  }

  async mayTry(address: string): Promise<boolean> {
    const left = await this.#ask(address, (limiter, id) => limiter.getRemaining(id));
    return left === null || left.remaining > 0;
  }

  async failed(address: string): Promise<void> {
    await this.#ask(address, (limiter, id) => limiter.limit(id));
  }

  /** null when Redis is out of reach. */
  async #ask<T>(
    address: string,
    question: (limiter: Ratelimit, id: string) => Promise<T>,
  ): Promise<T | null> {
    const { redis, keyPrefix, secret } = this.#options;
    const id = await hashedId(`bad invites of ${networkOf(address)}`, secret);
    try {
      return await redis.call('bad invites', (client) => {
        this.#limiter ??= new Ratelimit({
          redis: client,
          limiter: Ratelimit.fixedWindow(MAX_BAD_INVITES_PER_MINUTE, '1 m'),
          prefix: `${keyPrefix}invites`,
          // The client has its own timeout; here a slow Redis would count as a yes.
          timeout: 0,
          ephemeralCache: false,
          enableTelemetry: false,
        });
        return question(this.#limiter, id);
      });
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      return null;
    }
  }
}
