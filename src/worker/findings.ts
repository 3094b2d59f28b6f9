/** What is wrong with a system, by its figures and the thresholds. Pure. */
import type { BudgetName, BudgetUse } from '../access/budgets.ts';
import { BUDGET_NAMES } from '../protocol/http/operation.ts';
import type { BufferStats } from '../redis/session-buffer.ts';
import type { SystemFigures } from './system-figures.ts';

/** From which value on something is told. */
export interface AlertThresholds {
  /** Age of the session that has been dirty the longest, in milliseconds. */
  lagMs: number;
  deadLetters: number;
  /** Turns in a row that a failing store cut short. */
  failedTurns: number;
}

/** The part of a budget from which on it is told that little is left. */
const BUDGET_LOW_SHARE = 0.8;

type BudgetAlert = `budget_${BudgetName}`;
const BUDGET_ALERTS = BUDGET_NAMES.map((name): BudgetAlert => `budget_${name}`);
export const ALERT_NAMES = ['lag', 'dead_letters', 'redis_full', 'failures', ...BUDGET_ALERTS] as const;
export type AlertName = (typeof ALERT_NAMES)[number];

export const LEVELS = ['warning', 'critical'] as const;

export interface Finding {
  level: (typeof LEVELS)[number];
  message: string;
}

/** What to say of each; null where nothing is wrong, undefined where that isn't known. */
export type Findings = Partial<Record<AlertName, Finding | null>>;

/** What a budget is of, in words. */
const BUDGETS: Record<BudgetName, string> = {
  sessions: 'sessions that strangers may make today',
  entries: 'entries that strangers may make today',
  commits: 'commits that strangers may make today',
  ai_strangers: 'AI requests that strangers may make today',
  ai: 'AI requests that everybody together may make today',
};

/** What to say when it is over. */
export const OVER: Record<AlertName, string> = {
  lag: 'sessions are flushed in time again',
  dead_letters: 'the dead letters are below the threshold again',
  redis_full: 'Redis takes data again',
  failures: 'the stores answer again',
  budget_sessions: 'strangers may make sessions again',
  budget_entries: 'strangers may enter again',
  budget_commits: 'strangers may write again',
  budget_ai_strangers: 'strangers may ask the AI again',
  budget_ai: 'everybody may ask the AI again',
};

/** @param figures null when they aren't known. */
export function findingsOf(
  figures: SystemFigures | null,
  failures: { turns: number; reason: string | null },
  thresholds: AlertThresholds,
): Findings {
  const { turns, reason } = failures;
  const hasFailed = turns >= thresholds.failedTurns;
  return {
    ...(figures && { ...ofBuffer(figures.stats, thresholds), ...ofBudgets(figures.budgets) }),
    failures: warnIf(hasFailed, `the last ${turns} turns were cut short: ${reason ?? 'a store failed'}`),
  };
}

function ofBuffer(
  { dirtySessions, oldestDirtyMs, deadLetters, isFull }: BufferStats,
  thresholds: AlertThresholds,
): Findings {
  const ageS = Math.round(oldestDirtyMs / 1000);
  return {
    lag: warnIf(
      oldestDirtyMs >= thresholds.lagMs,
      `${dirtySessions} sessions wait for Postgres, one for ${ageS} s`,
    ),
    dead_letters: warnIf(
      deadLetters >= thresholds.deadLetters,
      `${deadLetters} dead letters wait to be looked at`,
    ),
    redis_full: warnIf(isFull, 'Redis takes no more data: Postgres stands in for it'),
  };
}

function ofBudgets(budgets: readonly BudgetUse[]): Findings {
  return Object.fromEntries(
    budgets.map((use) => [`budget_${use.name}` satisfies BudgetAlert, ofBudget(use)]),
  );
}

function ofBudget({ name, used, limit, isExhausted }: BudgetUse): Finding | null {
  if (isExhausted) return { level: 'critical', message: `all ${limit} ${BUDGETS[name]} are used up` };
  const percent = Math.floor((used / limit) * 100);
  return warnIf(
    used >= limit * BUDGET_LOW_SHARE,
    `${percent} % of the ${limit} ${BUDGETS[name]} are used up`,
  );
}

const warnIf = (isSo: boolean, message: string): Finding | null =>
  isSo ? { level: 'warning', message } : null;
