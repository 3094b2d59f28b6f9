/**
 * What people without an account may have committed on one day: one network, and all of them together. A
 * commit is what writing costs, whatever is in it: some commands of the buffer, and a share of a flush.
 */
import type { RedisScripts } from '../redis/client.ts';
import { hashedId, networkOf } from './network.ts';
import { SharedLimit } from './shared-limit.ts';

/** The last part of a network's commits, which it gets more slowly. */
const SLOW_SHARE = 1 / 4;
/** The part of what all have that one IPv4 address or one IPv6 site of 48 bits may take. */
const SITE_SHARE = 1 / 2;
const EVERYBODY = 'all';

export interface CommitGrant {
  /** `slow`: little is left for the network. */
  pace: 'normal' | 'slow' | 'none';
  /** Milliseconds until there are as many again. */
  resetMs: number;
}

interface StrangerCommitsOptions {
  redis: RedisScripts;
  keyPrefix: string;
  /** Addresses are hashed with it. */
  secret: string;
  perNetwork: number;
  perDay: number;
}

export class StrangerCommits {
  readonly #secret: string;
  readonly #network: SharedLimit;
  readonly #site: SharedLimit;
  readonly #all: SharedLimit;

  constructor({ redis, keyPrefix, secret, perNetwork, perDay }: StrangerCommitsOptions) {
    this.#secret = secret;
    const limit = (name: string, max: number) =>
      new SharedLimit({ redis, keyPrefix: `${keyPrefix}strangers:commits:${name}`, max, window: '1 d' });
    this.#network = limit('network', perNetwork);
    this.#site = limit('site', Math.ceil(perDay * SITE_SHARE));
    this.#all = limit('all', perDay);
  }

  /** Counts commits, before or after they are made. @param address null where the platform doesn't say. */
  async take(address: string | null, commits: number): Promise<CommitGrant> {
    const idOf = (bits: 48 | 64) =>
      hashedId(`strangers of ${address === null ? 'nowhere' : networkOf(address, bits)}`, this.#secret);
    const own = await this.#network.take(await idOf(64), commits);
    const { limit, remaining, resetMs } = own.quota;
    if (!own.isAllowed) return { pace: 'none', resetMs };
    for (const [shared, id] of [
      [this.#site, await idOf(48)],
      [this.#all, EVERYBODY],
    ] as const) {
      const counted = await shared.take(id, commits);
      if (!counted.isAllowed) return { pace: 'none', resetMs: counted.quota.resetMs };
    }
    return { pace: remaining < limit * SLOW_SHARE ? 'slow' : 'normal', resetMs };
  }
}
