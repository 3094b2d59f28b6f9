import { expect, it } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.ts';

class Outage extends Error {}

function setUp() {
  const clock = { nowMs: 0 };
  const breaker = new CircuitBreaker({
    failures: 3,
    retryMs: 1_000,
    isFailure: (error) => error instanceof Outage,
    now: () => clock.nowMs,
  });
  const fail = (error: Error = new Outage()) => breaker.watch(Promise.reject(error)).catch(() => {});
  const succeed = () => breaker.watch(Promise.resolve('ok'));
  return { clock, breaker, fail, succeed };
}

it('opens after so many failures in a row, and only then', async () => {
  const { breaker, fail, succeed } = setUp();
  await fail();
  await fail();
  await succeed();
  await fail();
  await fail();
  expect(breaker.tryEnter()).toBe(true);
  await fail();
  expect(breaker.tryEnter()).toBe(false);
});

it('lets one call try again after a while, and closes when it succeeds', async () => {
  const { clock, breaker, fail, succeed } = setUp();
  for (let i = 0; i < 3; i++) await fail();
  clock.nowMs = 999;
  expect(breaker.tryEnter()).toBe(false);
  clock.nowMs = 1_000;
  expect([breaker.tryEnter(), breaker.tryEnter()]).toEqual([true, false]);
  await fail();
  clock.nowMs = 2_000;
  expect([breaker.tryEnter(), breaker.tryEnter()]).toEqual([true, false]);
  await succeed();
  expect([breaker.tryEnter(), breaker.tryEnter()]).toEqual([true, true]);
});

it('does not count errors that say nothing of the service', async () => {
  const { breaker, fail } = setUp();
  for (let i = 0; i < 10; i++) await fail(new Error('superseded'));
  expect(breaker.tryEnter()).toBe(true);
});
