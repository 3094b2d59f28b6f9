/**
 * What is used of each limit that all callers share on a day: the counts that strangers' limits and the AI's
 * keep, read together.
 */
import type { Config } from '../config.ts';
import type { BUDGET_NAMES } from '../protocol/http/operation.ts';
import { countKey, windowEndMs } from './shared-limit.ts';

export type BudgetName = (typeof BUDGET_NAMES)[number];

/** Rooms count commits in such blocks, in smaller ones at first: less than one left counts as none. */
export const COMMIT_BLOCK = 100;

interface Budget {
  name: BudgetName;
  keyPrefix: string;
  limit: number;
  /** The least that is taken at a time. */
  unit: number;
}

export interface BudgetUse {
  name: BudgetName;
  used: number;
  limit: number;
  /** Nothing more can be taken. */
  isExhausted: boolean;
  /** When the day is over, in milliseconds since the epoch. */
  resetsAtMs: number;
}

const WINDOW = '1 d';
/** The counts' id: they are of all together. */
const EVERYBODY = 'all';

export class Budgets {
  readonly #budgets: readonly Budget[];

  /** @param config its `KEY_PREFIX` is that of every key, such as `bb:`. */
  constructor(
    config: Pick<
      Config,
      | 'KEY_PREFIX'
      | 'ANONYMOUS_SESSIONS_PER_DAY'
      | 'ANONYMOUS_ENTRIES_PER_DAY'
      | 'ANONYMOUS_COMMITS_PER_DAY'
      | 'AI_ANONYMOUS_REQUESTS_PER_DAY'
      | 'AI_REQUESTS_PER_DAY'
    >,
  ) {
    const budget = (name: BudgetName, counts: string, limit: number, unit = 1) => {
      return { name, keyPrefix: config.KEY_PREFIX + counts, limit, unit };
    };
    this.#budgets = [
      budget('sessions', 'strangers:sessions:all', config.ANONYMOUS_SESSIONS_PER_DAY),
      budget('entries', 'strangers:entries:all', config.ANONYMOUS_ENTRIES_PER_DAY),
      budget('commits', 'strangers:commits:all', config.ANONYMOUS_COMMITS_PER_DAY, COMMIT_BLOCK),
      budget('ai_strangers', 'ai:strangers', config.AI_ANONYMOUS_REQUESTS_PER_DAY),
      budget('ai', 'ai:all', config.AI_REQUESTS_PER_DAY),
    ];
  }

  /** The keys of the day's counts, one for each budget. */
  keys(nowMs: number): string[] {
    return this.#budgets.map(({ keyPrefix }) => countKey({ keyPrefix, window: WINDOW }, EVERYBODY, nowMs));
  }

  /** @param counts what is under these keys, in their order. */
  uses(counts: readonly number[], nowMs: number): BudgetUse[] {
    return this.#budgets.map(({ name, limit, unit }, index) => {
      const used = counts[index] ?? 0;
      const isExhausted = used + unit > limit;
      return { name, used, limit, isExhausted, resetsAtMs: windowEndMs(WINDOW, nowMs) };
    });
  }
}
