/**
 * What the sweeper remembers of the system: after each turn it looks at the figures, adds them to the
 * history, and tells the operator what is new. Looking is a Redis command: without a webhook an idle system
 * does without.
 */
import { z } from 'zod';
import type { Alerts } from './alerts.ts';
import { ALERT_NAMES } from './findings.ts';
import { type History, sampleSchema } from './history.ts';
import { describeUnexpected, logError } from './log.ts';
import type { CronRun } from './scheduled.ts';
import type { SystemFigures, SystemReader } from './system-figures.ts';

/** Requests of one look: the figures (twice if Redis doesn't have the script yet), and the webhook. */
export const WATCH_REQUESTS = 3;

/** What it tells the Worker, as JSON between an object and its caller. */
export const watchedSchema = z.object({
  /** Since when each alert goes on, in milliseconds since the epoch. */
  raised: z.partialRecord(z.enum(ALERT_NAMES), z.number()),
  /** Turns in a row that a failing store cut short, and why the last was. */
  failures: z.object({ turns: z.number(), reason: z.string().nullable() }),
  samples: z.array(sampleSchema),
});
export type Watched = z.infer<typeof watchedSchema>;

interface WatchOptions {
  system: Pick<SystemReader, 'read'>;
  history: History;
  alerts: Alerts;
  now?: () => number;
}

export class Watch {
  readonly #options: WatchOptions & { now: () => number };

  constructor(options: WatchOptions) {
    this.#options = { now: Date.now, ...options };
  }

  /**
   * Looks once after a turn. It never rejects: the turn has done its work.
   * @param turn what the turn did; its error if it threw one.
   */
  async afterTurn(turn: CronRun | Error): Promise<void> {
    const { system, history, alerts, now } = this.#options;
    try {
      const nowMs = now();
      const isIdle = !(turn instanceof Error) && turn.outcome === 'idle' && turn.failures === 0;
      const isSkipped = isIdle && !alerts.canTell;
      const figures = isSkipped ? null : await system.read(nowMs);
      if (isSkipped || figures !== null) await history.add(sampleOf(figures, nowMs));
      await alerts.look(figures, turn, nowMs);
    } catch (error) {
      logError('watch_failed', describeUnexpected(error));
    }
  }

  async told(): Promise<Watched> {
    const { history, alerts } = this.#options;
    const [{ raised, failures }, samples] = await Promise.all([alerts.remembered(), history.samples()]);
    const since = Object.entries(raised).map(([name, { sinceMs }]) => [name, sinceMs]);
    return { raised: Object.fromEntries(since), failures, samples };
  }
}

/** @param figures null: nothing was dirty. */
function sampleOf(figures: SystemFigures | null, atMs: number) {
  const { stats } = figures ?? {};
  return {
    atMs,
    dirtySessions: stats?.dirtySessions ?? 0,
    oldestDirtyMs: stats?.oldestDirtyMs ?? 0,
    deadLetters: stats?.deadLetters ?? null,
    flushedSessions: stats?.flushedSessions ?? null,
  };
}
