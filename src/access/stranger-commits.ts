/**
 * What people without an account may have committed on one day: one network, and all of them together. A
 * commit is what writing costs, whatever is in it: some commands of the buffer, and a share of a flush.
 */
import type { RedisScripts } from '../redis/client.ts';
import { StrangerLimit } from './stranger-limits.ts';

/** The last part of a network's commits, which it gets more slowly. */
const SLOW_SHARE = 1 / 4;
/** The part of what all have that one site may take. */
const SITE_SHARE = 1 / 2;

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
  readonly #limit: StrangerLimit;

  constructor({ perNetwork, keyPrefix, ...options }: StrangerCommitsOptions) {
    this.#limit = new StrangerLimit({
      ...options,
      keyPrefix: `${keyPrefix}strangers:commits`,
      network: { max: perNetwork, window: '1 d' },
      siteShare: SITE_SHARE,
    });
  }

  /** Counts commits, before or after they are made. @param address null where the platform doesn't say. */
  async take(address: string | null, commits: number): Promise<CommitGrant> {
    const { isAllowed, quota, resetMs } = await this.#limit.take(address, commits);
    if (!isAllowed) return { pace: 'none', resetMs };
    return { pace: quota.remaining < quota.limit * SLOW_SHARE ? 'slow' : 'normal', resetMs };
  }
}
