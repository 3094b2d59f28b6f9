import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Throttle } from './throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('runs at once when idle, and what is asked for last is always done', () => {
  const done: number[] = [];
  let state = 0;
  const throttle = new Throttle(() => done.push(state), 100);
  for (state = 1; state <= 25; state += 1) {
    throttle.call();
    vi.advanceTimersByTime(10);
  }
  state = 26;
  throttle.call();
  vi.advanceTimersByTime(100);
  expect(done).toEqual([1, 10, 20, 26]);
});

it('runs again when it is called while it runs', () => {
  let runs = 0;
  const throttle = new Throttle(() => {
    runs += 1;
    if (runs < 3) throttle.call();
  }, 100);
  throttle.call();
  vi.advanceTimersByTime(1_000);
  expect(runs).toBe(3);
});

it('asks each time how long the interval is', () => {
  let intervalMs = 100;
  const task = vi.fn();
  const throttle = new Throttle(task, () => intervalMs);
  throttle.call();
  intervalMs = 500;
  throttle.call();
  vi.advanceTimersByTime(499);
  expect(task).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(task).toHaveBeenCalledTimes(2);
});

it('is put off by a pause, and forgets what it is told to forget', () => {
  const task = vi.fn();
  const throttle = new Throttle(task, 100);
  throttle.call();
  throttle.pause(5_000);
  throttle.call();
  vi.advanceTimersByTime(4_999);
  expect(task).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(task).toHaveBeenCalledTimes(2);
  throttle.call();
  throttle.cancel();
  vi.advanceTimersByTime(1_000);
  expect(task).toHaveBeenCalledTimes(2);
});

it('doesn’t wait longer when the clock of the computer is set back', () => {
  const task = vi.fn();
  const throttle = new Throttle(task, 100);
  throttle.call();
  vi.setSystemTime(Date.now() - 3_600_000);
  throttle.call();
  vi.advanceTimersByTime(100);
  expect(task).toHaveBeenCalledTimes(2);
});
