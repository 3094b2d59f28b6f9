import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { IDLE_RUN } from '../../test/support/turns.ts';
import { Alerts } from './alerts.ts';
import { History } from './history.ts';
import type { CronRun } from './scheduled.ts';
import type { SystemFigures } from './system-figures.ts';
import { Watch, watchedSchema } from './watch.ts';

const IDLE: CronRun = { ...IDLE_RUN, ending: null };
const BUSY: CronRun = { ...IDLE, outcome: 'left_to_rooms' };
const MINUTE_MS = 60_000;
const START_MS = Date.parse('2026-01-01T00:00:00Z');

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.spyOn(console, 'error').mockImplementation((line) => lines.push(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

const figures = (over: Partial<SystemFigures['stats']> = {}): SystemFigures => ({
  stats: {
    dirtySessions: 0,
    oldestDirtyMs: 0,
    sweeperLeaseMs: 0,
    deadLetters: 0,
    deadLetterBytes: 0,
    isFull: false,
    commits: 0,
    edits: 0,
    messages: 0,
    flushes: 0,
    flushedSessions: 0,
    flushedMessages: 0,
    flushFailures: 0,
    deadLettered: 0,
    deadLettersRefused: 0,
    counts: [],
    ...over,
  },
  budgets: [],
});

/** A system that is looked at once a minute, each time by another instance over one storage. */
function watched(webhookUrl?: string) {
  const stored = new Map<string, unknown>();
  const seen = { reads: 0, writes: 0 };
  let nowMs = START_MS;
  let current: SystemFigures | null | Error = figures();
  const storage = {
    get: async (key: string) => structuredClone(stored.get(key)),
    put: async (key: string, value: unknown) => {
      seen.writes += 1;
      stored.set(key, structuredClone(value));
    },
  };
  const instance = () =>
    new Watch({
      system: {
        read: async () => {
          seen.reads += 1;
          if (current instanceof Error) throw current;
          return current;
        },
      },
      history: new History(storage),
      alerts: new Alerts({
        webhookUrl,
        thresholds: { lagMs: 120_000, deadLetters: 1, failedTurns: 2 },
        storage,
      }),
      now: () => nowMs,
    });
  return {
    seen,
    stored,
    async turn(run: CronRun | Error, found: SystemFigures | null | Error = figures()) {
      current = found;
      await instance().afterTurn(run);
      nowMs += MINUTE_MS;
    },
    told: () => instance().told(),
  };
}

it('reads nothing after an idle turn without a webhook, and seldom writes', async () => {
  const { turn, seen, told } = watched();
  for (let minute = 0; minute < 60; minute++) await turn(IDLE);
  // A sample for each five minutes.
  expect(seen).toEqual({ reads: 0, writes: 12 });
  const { samples } = await told();
  expect(samples).toHaveLength(12);
  expect(samples[1]).toEqual({
    atMs: START_MS + 5 * MINUTE_MS,
    dirtySessions: 0,
    oldestDirtyMs: 0,
    deadLetters: null,
    flushedSessions: null,
  });
});

it('reads after each turn with a webhook, as only that may tell what is over', async () => {
  const { turn, seen } = watched('http://127.0.0.1:1/');
  for (let minute = 0; minute < 3; minute++) await turn(IDLE);
  expect(seen.reads).toBe(3);
});

it('keeps the worst of five minutes, and the last count', async () => {
  const { turn, told } = watched();
  await turn(BUSY, figures({ dirtySessions: 3, oldestDirtyMs: 900, flushedSessions: 10, deadLetters: 1 }));
  await turn(BUSY, figures({ dirtySessions: 9, oldestDirtyMs: 100, flushedSessions: 12 }));
  await turn(IDLE);
  expect((await told()).samples).toEqual([
    {
      atMs: START_MS + MINUTE_MS,
      dirtySessions: 9,
      oldestDirtyMs: 900,
      deadLetters: 0,
      flushedSessions: 12,
    },
  ]);
});

it('keeps a day and no more', async () => {
  const { turn, told } = watched();
  for (let minute = 0; minute < 26 * 60; minute++) {
    await turn(BUSY, figures({ flushedSessions: minute }));
  }
  const { samples } = await told();
  expect(samples).toHaveLength(288);
  expect(samples.at(-1)?.flushedSessions).toBe(26 * 60 - 1);
});

it('has no sample of a time in which Redis was out of reach, and tells since when something is wrong', async () => {
  const { turn, told } = watched();
  const failed = { ...BUSY, failures: 1, lastFailure: 'redis: no answer' };
  await turn(failed, null);
  await turn(failed, null);
  await turn(BUSY, figures({ deadLetters: 4 }));
  const { raised, failures, samples } = watchedSchema.parse(await told());
  expect(samples).toHaveLength(1);
  expect(raised).toEqual({ dead_letters: START_MS + 2 * MINUTE_MS });
  expect(failures).toEqual({ turns: 0, reason: null });
});

it('never rejects, and begins anew where what it kept can’t be read', async () => {
  const { turn, told, stored } = watched();
  await turn(BUSY, new Error('broken'));
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(['watch_failed']);
  stored.set('history', 'garbage');
  await turn(BUSY);
  expect((await told()).samples).toHaveLength(1);
});
