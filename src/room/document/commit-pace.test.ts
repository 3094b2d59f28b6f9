import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commitWindow } from './commit-pace.ts';

describe('the window for the next commit', () => {
  const options = { minMs: 20, maxMs: 1_000, targetPerS: 3_000 };
  it.each([
    ['alone, as soon as allowed', { dirtySessions: 1, latencyMs: 1 }, 20, 20],
    ['among 2,000 busy rooms, around its share', { dirtySessions: 2_000, latencyMs: 10 }, 600, 2_200 / 3],
    ['among 100,000, no later than allowed', { dirtySessions: 100_000, latencyMs: 10 }, 1_000, 1_000],
    ['with a slow store, after twice what it took', { dirtySessions: 1, latencyMs: 200 }, 360, 440],
    [
      'with a very slow one, also beyond the longest pause',
      { dirtySessions: 1, latencyMs: 1_500 },
      2_700,
      3_300,
    ],
    ['with any store, at most four of those', { dirtySessions: 1, latencyMs: 60_000 }, 3_600, 4_400],
  ])('%s', (_name, load, fromMs, toMs) => {
    const window = commitWindow(load, options);
    expect(window.fromMs).toBeCloseTo(fromMs);
    expect(window.toMs).toBeCloseTo(toMs);
  });
});

describe('the pause between commits', () => {
  const load = fc.record({ dirtySessions: fc.nat(), latencyMs: fc.nat() });
  const pace = fc
    .record({
      minMs: fc.nat({ max: 500 }),
      moreMs: fc.nat({ max: 5_000 }),
      targetPerS: fc.integer({ min: 1, max: 9_000 }),
    })
    .map(({ minMs, moreMs, targetPerS }) => ({ minMs, maxMs: minMs + moreMs, targetPerS }));

  it('stays within its bounds, and never shrinks as the load grows', () => {
    fc.assert(
      fc.property(load, load, pace, (a, b, options) => {
        const { fromMs, toMs } = commitWindow(a, options);
        const greater = {
          dirtySessions: Math.max(a.dirtySessions, b.dirtySessions),
          latencyMs: Math.max(a.latencyMs, b.latencyMs),
        };
        const later = commitWindow(greater, options);
        const restMs = 2.2 * Math.min(a.latencyMs, 2 * options.maxMs);
        const longestMs = Math.max(options.maxMs, restMs * 1.000_001);
        const isWithin = fromMs >= options.minMs && fromMs <= toMs && toMs <= longestMs;
        return isWithin && later.fromMs >= fromMs && later.toMs >= toMs;
      }),
    );
  });

  it('keeps all rooms together at the target, as far as the bounds let it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), pace, (dirtySessions, options) => {
        const { fromMs, toMs } = commitWindow({ dirtySessions, latencyMs: 0 }, options);
        const meanMs = (fromMs + toMs) / 2;
        // A hair more than the target is rounding.
        return toMs === options.maxMs || (dirtySessions * 1_000) / meanMs <= options.targetPerS * 1.000_001;
      }),
    );
  });
});
