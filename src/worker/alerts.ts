/**
 * Tells the operator what goes wrong: after each turn of the cron it posts to a webhook what has begun, has
 * got worse or is over since the last one. What goes on is told once.
 */
import { z } from 'zod';
import {
  ALERT_NAMES,
  type AlertName,
  type AlertThresholds,
  type Finding,
  findingsOf,
  LEVELS,
  OVER,
} from './findings.ts';
import { logError, logInfo } from './log.ts';
import type { SweeperStorage } from './platform.ts';
import type { CronRun } from './scheduled.ts';
import type { SystemFigures } from './system-figures.ts';

const TIMEOUT_MS = 5_000;
const STORAGE_KEY = 'alerts';

export interface AlertsOptions {
  /** It is a secret: callers who have it can post there. Absent: nothing is posted. */
  webhookUrl: string | undefined;
  thresholds: AlertThresholds;
  storage: SweeperStorage;
}

const rememberedSchema = z.object({
  /** What goes on, and since when, in milliseconds since the epoch. */
  raised: z.partialRecord(z.enum(ALERT_NAMES), z.object({ sinceMs: z.number(), level: z.enum(LEVELS) })),
  failures: z.object({ turns: z.number().int().nonnegative(), reason: z.string().nullable() }),
});
type Remembered = z.infer<typeof rememberedSchema>;

/** One entry of what is posted. */
interface Alert {
  name: AlertName;
  state: 'raised' | 'over';
  message: string;
  /** When it began, as ISO 8601. */
  since: string;
}

export class Alerts {
  readonly #options: AlertsOptions;

  constructor(options: AlertsOptions) {
    this.#options = options;
  }

  /** There is a webhook. */
  get canTell(): boolean {
    return this.#options.webhookUrl !== undefined;
  }

  /** What can't be read is as if nothing was wrong. */
  async remembered(): Promise<Remembered> {
    const parsed = rememberedSchema.safeParse(await this.#options.storage.get(STORAGE_KEY));
    return parsed.success ? parsed.data : { raised: {}, failures: { turns: 0, reason: null } };
  }

  /**
   * Posts what is new. A webhook that fails is logged, and tried again after the next turn.
   * @param figures null when they aren't known.
   * @param turn what the turn did; its error if it threw one.
   */
  async look(figures: SystemFigures | null, turn: CronRun | Error, nowMs: number): Promise<void> {
    const before = await this.remembered();
    const failures = failuresAfter(before.failures, turn);
    const findings = findingsOf(figures, failures, this.#options.thresholds);
    const after: Remembered = { raised: {}, failures };
    const alerts: Alert[] = [];
    for (const name of ALERT_NAMES) {
      const was = before.raised[name];
      const finding = findings[name];
      if (finding === null) {
        if (was) alerts.push(alert(name, 'over', OVER[name], was.sinceMs));
      } else if (finding === undefined) {
        if (was) after.raised[name] = was;
      } else {
        const sinceMs = was?.sinceMs ?? nowMs;
        after.raised[name] = { sinceMs, level: finding.level };
        if (!was || isWorse(finding, was)) alerts.push(alert(name, 'raised', finding.message, sinceMs));
      }
    }
    if (alerts.length > 0 && !(await this.#post(alerts))) return;
    if (JSON.stringify(after) !== JSON.stringify(before)) await this.#options.storage.put(STORAGE_KEY, after);
  }

  /** @returns false when the webhook didn't take it. */
  async #post(alerts: readonly Alert[]): Promise<boolean> {
    const { webhookUrl } = this.#options;
    if (webhookUrl === undefined) return true;
    const text = alerts.map(({ state, message }) => `${state === 'over' ? '✅' : '🔴'} Backbeat: ${message}`);
    try {
      const response = await fetch(webhookUrl, {
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

function failuresAfter(before: Remembered['failures'], turn: CronRun | Error): Remembered['failures'] {
  const hasFailed = turn instanceof Error || turn.failures > 0;
  if (!hasFailed) return { turns: 0, reason: null };
  return { turns: before.turns + 1, reason: turn instanceof Error ? turn.name : turn.lastFailure };
}

const isWorse = ({ level }: Finding, was: Pick<Finding, 'level'>): boolean =>
  LEVELS.indexOf(level) > LEVELS.indexOf(was.level);

function alert(name: AlertName, state: Alert['state'], message: string, sinceMs: number): Alert {
  return { name, state, message, since: new Date(sinceMs).toISOString() };
}
