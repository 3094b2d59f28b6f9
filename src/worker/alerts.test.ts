import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { IDLE_RUN } from '../../test/support/turns.ts';
import type { BudgetUse } from '../access/budgets.ts';
import type { BufferStats } from '../redis/session-buffer.ts';
import { Alerts } from './alerts.ts';
import type { CronRun } from './scheduled.ts';

const received: { text: string; alerts: { name: string; state: string; since: string }[] }[] = [];
let status = 200;
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => {
    body += part;
  });
  request.on('end', () => {
    if (status === 200) received.push(JSON.parse(body));
    response.writeHead(status).end();
  });
});
let webhookUrl = '';
let lines: string[];

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  webhookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/T0PSECRET`;
});
afterAll(() => server.close());
beforeEach(() => {
  received.length = 0;
  status = 200;
  lines = [];
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((line) => lines.push(String(line)));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const CLEAN: BufferStats = {
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
};
const TURN: CronRun = { ...IDLE_RUN, ending: null };
const FAILED: CronRun = { ...TURN, failures: 1, lastFailure: 'postgres: no answer in 15000 ms' };

/**
 * A system whose figures a test sets, over the storage of one sweeper: each turn may be another instance's.
 */
function watched() {
  const stored = new Map<string, unknown>();
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  /** @param figures null while Redis is out of reach. */
  const turn = async (
    figures: (Partial<BufferStats> & { budgets?: BudgetUse[] }) | null,
    did: CronRun | Error = TURN,
  ) => {
    nowMs += 60_000;
    received.length = 0;
    const alerts = new Alerts({
      webhookUrl,
      thresholds: { lagMs: 120_000, deadLetters: 2, failedTurns: 2 },
      storage: {
        get: async (key) => structuredClone(stored.get(key)),
        put: async (key, value) => void stored.set(key, structuredClone(value)),
      },
    });
    const { budgets = [], ...stats } = figures ?? {};
    await alerts.look(figures && { stats: { ...CLEAN, ...stats }, budgets }, did, nowMs);
    return received.flatMap(({ alerts: told }) => told.map(({ name, state }) => `${name} ${state}`));
  };
  return { turn, stored };
}

it('tells once what goes wrong, and once that it is over', async () => {
  const { turn } = watched();
  expect(await turn({})).toEqual([]);
  expect(await turn({ dirtySessions: 3, oldestDirtyMs: 119_999 })).toEqual([]);
  expect(await turn({ dirtySessions: 3, oldestDirtyMs: 120_000 })).toEqual(['lag raised']);
  expect(received[0]?.text).toBe('🔴 Backbeat: 3 sessions wait for Postgres, one for 120 s');
  const since = received[0]?.alerts[0]?.since;
  expect(await turn({ dirtySessions: 9, oldestDirtyMs: 500_000 })).toEqual([]);
  expect(await turn({ deadLetters: 2, oldestDirtyMs: 500_000 })).toEqual(['dead_letters raised']);
  expect(await turn({ deadLetters: 1 })).toEqual(['lag over', 'dead_letters over']);
  expect(received[0]?.alerts[0]?.since).toBe(since);
  expect(await turn({})).toEqual([]);
});

it('tells that Redis takes no more data', async () => {
  const { turn } = watched();
  expect(await turn({ isFull: true })).toEqual(['redis_full raised']);
  expect(await turn({})).toEqual(['redis_full over']);
});

it('tells of failures from so many turns in a row on, those that threw included', async () => {
  const { turn } = watched();
  expect(await turn({}, FAILED)).toEqual([]);
  expect(await turn({})).toEqual([]);
  expect(await turn({}, FAILED)).toEqual([]);
  expect(await turn({}, new TypeError('unexpected'))).toEqual(['failures raised']);
  expect(received[0]?.text).toBe('🔴 Backbeat: the last 2 turns were cut short: TypeError');
  expect(await turn({}, FAILED)).toEqual([]);
  expect(await turn({})).toEqual(['failures over']);
});

it('says nothing of the buffer while Redis is out of reach, neither that it began nor that it is over', async () => {
  const { turn } = watched();
  await turn({ dirtySessions: 1, oldestDirtyMs: 200_000 });
  expect(await turn(null, FAILED)).toEqual([]);
  expect(await turn(null, FAILED)).toEqual(['failures raised']);
  expect(await turn({ dirtySessions: 1, oldestDirtyMs: 400_000 })).toEqual(['failures over']);
  expect(await turn({})).toEqual(['lag over']);
});

it('tells again after a webhook failed, and writes its address to no log', async () => {
  const { turn } = watched();
  status = 500;
  expect(await turn({ oldestDirtyMs: 200_000 })).toEqual([]);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { level: 'error', event: 'alert_refused', status: 500 },
  ]);
  status = 200;
  expect(await turn({ oldestDirtyMs: 260_000 })).toEqual(['lag raised']);
  expect(lines.join()).not.toContain('T0PSECRET');
});

it('begins anew where what it kept can’t be read', async () => {
  const { turn, stored } = watched();
  stored.set('alerts', { raised: 'all' });
  expect(await turn({ deadLetters: 5 })).toEqual(['dead_letters raised']);
});

describe('of what strangers may do on a day', () => {
  const budget = (used: number, isExhausted = false): { budgets: BudgetUse[] } => ({
    budgets: [
      { name: 'sessions', used: 1, limit: 500, isExhausted: false, resetsAtMs: 0 },
      { name: 'commits', used, limit: 1_000, isExhausted, resetsAtMs: 0 },
    ],
  });

  it('tells once that little is left, once that nothing is, and once that it is over', async () => {
    const { turn } = watched();
    expect(await turn(budget(799))).toEqual([]);
    expect(await turn(budget(800))).toEqual(['budget_commits raised']);
    expect(received[0]?.text).toBe(
      '🔴 Backbeat: 80 % of the 1000 commits that strangers may make today are used up',
    );
    const since = received[0]?.alerts[0]?.since;
    expect(await turn(budget(950))).toEqual([]);
    expect(await turn(budget(1_000, true))).toEqual(['budget_commits raised']);
    expect(received[0]?.text).toBe('🔴 Backbeat: all 1000 commits that strangers may make today are used up');
    expect(received[0]?.alerts[0]?.since).toBe(since);
    expect(await turn(budget(1_000, true))).toEqual([]);
    // Something was given back: little is left still.
    expect(await turn(budget(990))).toEqual([]);
    expect(await turn(null, FAILED)).toEqual([]);
    expect(await turn(budget(0))).toEqual(['budget_commits over']);
    expect(await turn(budget(0))).toEqual([]);
  });

  it('tells of one that is used up between two turns once', async () => {
    const { turn } = watched();
    expect(await turn(budget(1_000, true))).toEqual(['budget_commits raised']);
    expect(await turn(budget(1_000, true))).toEqual([]);
  });
});

it('remembers without a webhook what goes on, and posts nothing', async () => {
  const stored = new Map<string, unknown>();
  const alerts = new Alerts({
    webhookUrl: undefined,
    thresholds: { lagMs: 120_000, deadLetters: 2, failedTurns: 2 },
    storage: {
      get: async (key) => stored.get(key),
      put: async (key, value) => void stored.set(key, value),
    },
  });
  expect(alerts.canTell).toBe(false);
  await alerts.look({ stats: { ...CLEAN, isFull: true }, budgets: [] }, FAILED, 1_000);
  expect(await alerts.remembered()).toEqual({
    raised: { redis_full: { sinceMs: 1_000, level: 'warning' } },
    failures: { turns: 1, reason: FAILED.lastFailure },
  });
  expect([received, lines]).toEqual([[], []]);
});
