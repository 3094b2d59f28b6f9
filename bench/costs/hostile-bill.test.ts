import { expect, it } from 'vitest';
import { PRICES } from '../report/prices.ts';
import { allowedOf, type HostileCounts, hostileBill, sumOf } from './hostile-bill.ts';

const nothing = {
  redisCommands: 0,
  redisCommandsInScripts: 0,
  redisBytes: 0,
  postgresTransactions: 0,
  rowsWritten: 0,
  walBytes: 0,
};
const none = { tried: 0, gotThrough: 0 };
const NO_HOUR = { sessions: none, entries: none, commits: none, aiRequests: none };
const COUNTS: HostileCounts = {
  first: {
    sessions: { tried: 400, gotThrough: 100 },
    entries: none,
    commits: { tried: 2_000_000, gotThrough: 1_000 },
    aiRequests: { tried: 60, gotThrough: 2 },
  },
  later: { ...NO_HOUR, commits: { tried: 0, gotThrough: 10 } },
  limitCommands: { first: 1_000, later: 100 },
  units: {
    session: nothing,
    entry: nothing,
    commit: { ...nothing, redisCommands: 3, redisCommandsInScripts: 20, redisBytes: 1e6 },
  },
  aiChars: 2_000_000,
};
const bill = hostileBill(COUNTS, { AI_MAX_OUTPUT_TOKENS: 1_000_000 });
const dollars = (what: string) =>
  [...bill.bounded, ...bill.unbounded].find((line) => line.what.startsWith(what))?.dollars;

it('counts a first hour and twenty-three later ones', () => {
  expect(allowedOf(COUNTS, 'commits')).toBe(1_230);
  const commands = 1_230 * 20 + 1_000 + 23 * 100;
  expect(dollars('Upstash: commands')).toBeCloseTo(commands * PRICES.redisPerCommand, 9);
  expect(dollars('Upstash: traffic')).toBeCloseTo(1_230e6 * PRICES.redisPerByte, 9);
  expect(dollars('Rooms: frames')).toBeCloseTo((2e6 / 20) * PRICES.roomPerRequest, 9);
  expect(dollars('Rooms: kept awake')).toBeCloseTo(100 * 86_400 * PRICES.roomPerSecond, 9);
});

it('has each AI request answered twice, at an assumed price', () => {
  // Two requests, each asked twice: a million tokens in, a million out.
  expect(dollars('AI requests')).toBeCloseTo(4 * (3 + 15), 9);
});

it('costs nothing but a Postgres that never sleeps when nothing gets through', () => {
  const idle = hostileBill(
    { ...COUNTS, first: NO_HOUR, later: NO_HOUR, limitCommands: { first: 0, later: 0 } },
    { AI_MAX_OUTPUT_TOKENS: 1 },
  );
  expect(sumOf(idle.unbounded)).toBe(0);
  expect(sumOf(idle.bounded)).toBeCloseTo(6 * 0.106, 6);
});
