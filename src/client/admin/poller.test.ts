import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Poller } from './poller.ts';

const EVERY_MS = 5_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function polling(ask: () => Promise<number>) {
  const seen: (number | string)[] = [];
  const poller = new Poller({
    ask,
    everyMs: EVERY_MS,
    onAnswer: (answer) => seen.push(answer),
    onFailure: (error) => seen.push(String(error)),
  });
  return { poller, seen };
}

it('asks at once and then each few seconds, also after a failure', async () => {
  let asked = 0;
  const { poller, seen } = polling(async () => {
    asked += 1;
    if (asked === 2) throw new Error('gone');
    return asked;
  });
  poller.setPaused(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toEqual([1]);
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  expect(seen).toEqual([1, 'Error: gone', 3]);
});

it('asks nothing while paused, and at once afterwards if it would have', async () => {
  let asked = 0;
  const { poller } = polling(async () => ++asked);
  poller.setPaused(true);
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(asked).toBe(0);
  poller.setPaused(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toBe(1);
  poller.setPaused(true);
  await vi.advanceTimersByTimeAsync(1_000);
  poller.setPaused(false);
  await vi.advanceTimersByTimeAsync(EVERY_MS - 1_001);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked).toBe(2);
});

it('has one question under way at a time, whatever happens meanwhile', async () => {
  const answers: ((value: number) => void)[] = [];
  const { poller, seen } = polling(() => new Promise((resolve) => answers.push(resolve)));
  poller.setPaused(false);
  await vi.advanceTimersByTimeAsync(0);
  poller.askNow();
  poller.setPaused(true);
  poller.setPaused(false);
  await vi.advanceTimersByTimeAsync(3 * EVERY_MS);
  expect(answers).toHaveLength(1);
  answers[0]?.(1);
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect([answers.length, seen]).toEqual([2, [1]]);
});

it('drops the answer that comes after its end', async () => {
  const answers: ((value: number) => void)[] = [];
  const { poller, seen } = polling(() => new Promise((resolve) => answers.push(resolve)));
  poller.setPaused(false);
  await vi.advanceTimersByTimeAsync(0);
  poller.stop();
  answers[0]?.(1);
  await vi.advanceTimersByTimeAsync(3 * EVERY_MS);
  expect([answers.length, seen]).toEqual([1, []]);
});
