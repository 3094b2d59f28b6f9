/**
 * What people without an account may have committed on one day: one network, and all of them together. A
 * commit is what writing costs, whatever is in it: some commands of the buffer, and a share of a flush.
 */
import type { RedisScripts } from '../redis/client.ts';
import { hashedId, networkOf } from './network.ts';
import { SharedLimit } from './shared-limit.ts';

/** The last part of a network's commits, which it gets more slowly. */
const SLOW_SHARE = 1 / 4;
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
  readonly #all: SharedLimit;

  constructor({ redis, keyPrefix, secret, perNetwork, perDay }: StrangerCommitsOptions) {
    this.#secret = secret;
    const limit = (name: string, max: number) =>
      new SharedLimit({ redis, keyPrefix: `${keyPrefix}strangers:commits:${name}`, max, window: '1 d' });
    this.#network = limit('network', perNetwork);
    this.#all = limit('all', perDay);
  }

  /** Counts commits, before or after they are made. @param address null where the platform doesn't say. */
  async take(address: string | null, commits: number): Promise<CommitGrant> {
    const place = address === null ? 'nowhere' : networkOf(address);
    const own = await this.#network.take(await hashedId(`strangers of ${place}`, this.#secret), commits);
    const { limit, remaining, resetMs } = own.quota;
    if (!own.isAllowed) return { pace: 'none', resetMs };
    const all = await this.#all.take(EVERYBODY, commits);
    if (!all.isAllowed) return { pace: 'none', resetMs: all.quota.resetMs };
    return { pace: remaining < limit * SLOW_SHARE ? 'slow' : 'normal', resetMs };
  }
}
