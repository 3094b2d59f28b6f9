/**
 * Tells the operator what goes wrong: after each turn of the cron it looks at the buffer and at the turn, and
 * posts to a webhook what has begun or is over since. What goes on is told once.
 */
import { z } from 'zod';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { BufferStats } from '../redis/session-buffer.ts';
import { describeUnexpected, logError, logInfo } from './log.ts';
import type { SweeperStorage } from './platform.ts';
import type { CronRun } from './scheduled.ts';

/**
 * Requests of one look: the buffer's figures (twice if Redis doesn't have the script yet), and the webhook.
 */
export const ALERT_REQUESTS = 3;
const TIMEOUT_MS = 5_000;
const STORAGE_KEY = 'alerts';

/** From which value on something is told. */
export interface AlertThresholds {
  /** Age of the session that has been dirty the longest, in milliseconds. */
  lagMs: number;
  deadLetters: number;
  /** Turns in a row that a failing store cut short. */
  failedTurns: number;
}

export interface AlertsOptions {
  /** It is a secret: callers who have it can post there. */
  webhookUrl: string;
  thresholds: AlertThresholds;
  storage: SweeperStorage;
  buffer: { stats(): Promise<BufferStats> };
  now?: () => number;
}

const NAMES = ['lag', 'dead_letters', 'redis_full', 'failures'] as const;
type AlertName = (typeof NAMES)[number];

const rememberedSchema = z.object({
  /** What goes on, and since when, in milliseconds since the epoch. */
  raised: z.partialRecord(z.enum(NAMES), z.number()),
  failedTurns: z.number().int().nonnegative(),
});
type Remembered = z.infer<typeof rememberedSchema>;

/** What to say of each; null where nothing is wrong, undefined where that isn't known. */
type Findings = Record<AlertName, string | null | undefined>;

const OVER: Record<AlertName, string> = {
  lag: 'sessions are flushed in time again',
  dead_letters: 'the dead letters are below the threshold again',
  redis_full: 'Redis takes data again',
  failures: 'the stores answer again',
};

/** One entry of what is posted. */
interface Alert {
  name: AlertName;
  state: 'raised' | 'over';
  message: string;
  /** When it began, as ISO 8601. */
  since: string;
}

export class Alerts {
  readonly #options: AlertsOptions & { now: () => number };

  constructor(options: AlertsOptions) {
    this.#options = { now: Date.now, ...options };
  }

  /**
   * Looks, and posts what is new. It never rejects: a webhook that fails is logged, and tried again after the
   * next turn.
   * @param turn what the turn did; its error if it threw one.
   */
  async afterTurn(turn: CronRun | Error): Promise<void> {
    try {
      await this.#look(turn);
    } catch (error) {
      logError('alerts_failed', describeUnexpected(error));
    }
  }

  async #look(turn: CronRun | Error): Promise<void> {
    const { storage, now } = this.#options;
    const parsed = rememberedSchema.safeParse(await storage.get(STORAGE_KEY));
    const before: Remembered = parsed.success ? parsed.data : { raised: {}, failedTurns: 0 };
    const hasFailed = turn instanceof Error || turn.failures > 0;
    const after: Remembered = { raised: {}, failedTurns: hasFailed ? before.failedTurns + 1 : 0 };
    const current = this.#findings(await this.#stats(), after.failedTurns, turn);
    const alerts: Alert[] = [];
    for (const name of NAMES) {
      const sinceMs = before.raised[name];
      const finding = current[name];
      if (finding === null || (finding === undefined && sinceMs === undefined)) {
        if (sinceMs !== undefined) alerts.push(alert(name, 'over', OVER[name], sinceMs));
        continue;
      }
      after.raised[name] = sinceMs ?? now();
      if (sinceMs === undefined && finding) alerts.push(alert(name, 'raised', finding, now()));
    }
    if (alerts.length > 0 && !(await this.#post(alerts))) return;
    if (JSON.stringify(after) !== JSON.stringify(before)) await storage.put(STORAGE_KEY, after);
  }

  #findings(stats: BufferStats | null, failedTurns: number, turn: CronRun | Error): Findings {
    const { thresholds } = this.#options;
    const reason = turn instanceof Error ? turn.name : turn.lastFailure;
    return {
      ...(stats
        ? ofBuffer(stats, thresholds)
        : { lag: undefined, dead_letters: undefined, redis_full: undefined }),
      failures:
        failedTurns >= thresholds.failedTurns
          ? `the last ${failedTurns} turns were cut short: ${reason ?? 'a store failed'}`
          : null,
    };
  }

  /** Null while Redis is out of reach. */
  async #stats(): Promise<BufferStats | null> {
    try {
      return await this.#options.buffer.stats();
    } catch (error) {
      if (error instanceof StorageUnavailableError) return null;
      throw error;
    }
  }

  /** @returns false when the webhook didn't take it. */
  async #post(alerts: readonly Alert[]): Promise<boolean> {
    const text = alerts.map(({ state, message }) => `${state === 'over' ? '✅' : '🔴'} Backbeat: ${message}`);
    try {
      const response = await fetch(this.#options.webhookUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: text.join('\n'), alerts }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (!response.ok) logError('alert_refused', { status: response.status });
      else for (const { name, state } of alerts) logInfo('alert', { name, state });
      return response.ok;
    } catch (error) {
      logError('alert_unsent', { error: error instanceof Error ? error.name : typeof error });
      return false;
    }
  }
}

function ofBuffer(
  { dirtySessions, oldestDirtyMs, deadLetters, isFull }: BufferStats,
  thresholds: AlertThresholds,
): Record<'lag' | 'dead_letters' | 'redis_full', string | null> {
  const ageS = Math.round(oldestDirtyMs / 1000);
  const isLate = oldestDirtyMs >= thresholds.lagMs;
  const isMuch = deadLetters >= thresholds.deadLetters;
  return {
    lag: isLate ? `${dirtySessions} sessions wait for Postgres, one for ${ageS} s` : null,
    dead_letters: isMuch ? `${deadLetters} dead letters wait to be looked at` : null,
    redis_full: isFull ? 'Redis takes no more data: Postgres stands in for it' : null,
  };
}

function alert(name: AlertName, state: Alert['state'], message: string, sinceMs: number): Alert {
  return { name, state, message, since: new Date(sinceMs).toISOString() };
}
