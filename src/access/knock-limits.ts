/**
 * How often people may knock: a knock rings at every host of a session, and costs a query. Counts are in
 * Redis, so they outlive rooms; what waits at one time is bounded by the room.
 */
import type { z } from 'zod';
import type { accessSchema } from '../config.ts';
import {
  MAX_KNOCKS_AT_SESSION_PER_HOUR,
  MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR,
  MAX_KNOCKS_OF_USER_PER_HOUR,
} from '../protocol/limits.ts';
import type { RedisScripts } from '../redis/client.ts';
import { hashedId, networkOf } from './network.ts';
import { SharedLimit } from './shared-limit.ts';
import { StrangerLimit } from './stranger-limits.ts';

/** The part of a day's knocks without an account that one site may take. */
const SITE_SHARE = 1 / 5;

interface KnockLimitsOptions {
  redis: RedisScripts;
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
}

export interface Knocker {
  sessionId: string;
  /** null: without an account; then their network counts. */
  userId: string | null;
  /** null where the platform doesn't say. */
  address: string | null;
}

/** Whom a room takes for one knocker: a user, or a network; null where neither is known. */
export function originOf({ userId, address }: Pick<Knocker, 'userId' | 'address'>): string | null {
  if (userId !== null) return `user ${userId}`;
  return address === null ? null : `network ${networkOf(address)}`;
}

export class KnockLimits {
  readonly #secret: string;
  readonly #strangers: StrangerLimit;
  readonly #users: SharedLimit;
  readonly #ofOne: SharedLimit;
  readonly #atSession: SharedLimit;

  constructor(
    settings: Pick<z.infer<typeof accessSchema>, 'ANONYMOUS_KNOCKS_PER_HOUR' | 'ANONYMOUS_KNOCKS_PER_DAY'>,
    { redis, keyPrefix, secret }: KnockLimitsOptions,
  ) {
    this.#secret = secret;
    this.#strangers = new StrangerLimit({
      redis,
      secret,
      keyPrefix: `${keyPrefix}strangers:knocks`,
      network: { max: settings.ANONYMOUS_KNOCKS_PER_HOUR, window: '1 h' },
      perDay: settings.ANONYMOUS_KNOCKS_PER_DAY,
      siteShare: SITE_SHARE,
    });
    const perHour = (name: string, max: number) =>
      new SharedLimit({ redis, keyPrefix: `${keyPrefix}knocks:${name}`, max, window: '1 h' });
    this.#users = perHour('user', MAX_KNOCKS_OF_USER_PER_HOUR);
    this.#ofOne = perHour('one', MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR);
    this.#atSession = perHour('session', MAX_KNOCKS_AT_SESSION_PER_HOUR);
  }

  /**
   * Counts a knock, from the narrowest limit to the widest: what one knocker isn't allowed doesn't keep
   * others from knocking.
   * @returns after how many milliseconds there is room again; null when it is allowed.
   */
  async take(knocker: Knocker): Promise<number | null> {
    const { sessionId, userId, address } = knocker;
    const one = await this.#idOfOne(knocker);
    if (one !== null) {
      const { isAllowed, quota } = await this.#ofOne.take(one);
      if (!isAllowed) return quota.resetMs;
    }
    if (userId === null) {
      const { isAllowed, resetMs } = await this.#strangers.take(address);
      if (!isAllowed) return resetMs;
    } else {
      const { isAllowed, quota } = await this.#users.take(userId);
      if (!isAllowed) return quota.resetMs;
    }
    const { isAllowed, quota } = await this.#atSession.take(sessionId);
    return isAllowed ? null : quota.resetMs;
  }

  /** Takes back what protects the hosts, as none of them heard the knock. What it cost the stores counts. */
  async giveBack(knocker: Knocker): Promise<void> {
    const one = await this.#idOfOne(knocker);
    if (one !== null) await this.#ofOne.giveBack(one);
    await this.#atSession.giveBack(knocker.sessionId);
  }

  async #idOfOne(knocker: Knocker): Promise<string | null> {
    const origin = originOf(knocker);
    return origin === null ? null : hashedId(`knocks of ${origin} at ${knocker.sessionId}`, this.#secret);
  }
}
