/**
 * How fast people without an account may write in a room: as fast as others, then with slower commits, then
 * not at all until the day is over. What they have is counted over all rooms, in blocks: a room asks for the
 * next one while it uses the last one up, so no message waits for the answer. Pure, but for what is asked.
 */
import { networkOf } from '../../access/network.ts';
import type { CommitGrant } from '../../access/stranger-commits.ts';
import { ExpiringMap } from '../../domain/expiring-map.ts';

/**
 * Commits that are counted at a time: at most so many are made before they are. A room forgets what is left
 * of a block when it hibernates, which is after each pause in people's work, so it begins with little.
 */
const FIRST_BLOCK_COMMITS = 10;
const BLOCK_COMMITS = 100;
/** Pause between two commits of a room in which a participant writes whose network has little left. */
export const SLOW_COMMIT_MS = 5_000;
/** Networks kept at a time. */
const MAX_NETWORKS = 1_000;
const KEEP_MS = 3_600_000;

export interface StrangerPaceOptions {
  /** @throws nothing: while its store is out of reach it counts in memory. */
  commits: { take(address: string | null, commits: number): Promise<CommitGrant> };
  /** Least pause between two commits: what is written within it is one commit. */
  commitMinMs: number;
}

export type WriteVerdict = { pace: 'normal' | 'slow' } | { pace: 'none'; resetMs: number };

interface Account {
  /** Commits of the block that aren't used yet. */
  left: number;
  /** Commits of the next block. */
  nextBlock: number;
  lastCommitMs: number;
  pace: CommitGrant['pace'];
  /** When `none` is over. */
  untilMs: number;
  isAsking: boolean;
}

export class StrangerPace {
  readonly #options: StrangerPaceOptions;
  readonly #accounts = new ExpiringMap<Account>(MAX_NETWORKS);

  constructor(options: StrangerPaceOptions) {
    this.#options = options;
  }

  /** Counts something that a stranger writes. @param address by which they are counted. */
  write(address: string | null, nowMs: number): WriteVerdict {
    const account = this.#accountOf(address, nowMs);
    if (account.pace === 'none') {
      if (nowMs < account.untilMs) return { pace: 'none', resetMs: account.untilMs - nowMs };
      account.pace = 'normal';
    }
    const pauseMs = account.pace === 'slow' ? SLOW_COMMIT_MS : this.#options.commitMinMs;
    if (nowMs - account.lastCommitMs >= pauseMs) {
      account.lastCommitMs = nowMs;
      account.left -= 1;
      if (account.left <= 0 && !account.isAsking) void this.#ask(address, account, nowMs);
    }
    return { pace: account.pace };
  }

  #accountOf(address: string | null, nowMs: number): Account {
    const key = address === null ? 'nowhere' : networkOf(address);
    const account = this.#accounts.get(key, nowMs) ?? {
      left: 0,
      nextBlock: FIRST_BLOCK_COMMITS,
      lastCommitMs: Number.NEGATIVE_INFINITY,
      pace: 'normal',
      untilMs: 0,
      isAsking: false,
    };
    this.#accounts.set(key, account, nowMs + KEEP_MS);
    return account;
  }

  async #ask(address: string | null, account: Account, nowMs: number): Promise<void> {
    account.isAsking = true;
    const block = account.nextBlock;
    const { pace, resetMs } = await this.#options.commits.take(address, block);
    account.isAsking = false;
    account.left += block;
    account.nextBlock = Math.min(BLOCK_COMMITS, 2 * block);
    account.pace = pace;
    account.untilMs = nowMs + resetMs;
  }
}
