import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Moment, pointsOf, ratesOf, roundUp, runsOf, thinned, withMoments } from './series.ts';

const S = 1_000;
const MINUTE = 60 * S;
const moment = (atMs: number, over: Partial<Moment> = {}): Moment => ({
  atMs,
  lagS: 0,
  dirtySessions: 0,
  letters: null,
  flushed: null,
  ...over,
});
const points = (...pairs: [atMs: number, value: number][]) => pairs.map(([atMs, value]) => ({ atMs, value }));

it('the last day and what is polled become one row, each moment once', () => {
  const day = 24 * 60 * MINUTE;
  const polled = [moment(day + 10), moment(day + 20)];
  const found = withMoments([moment(10), moment(30), moment(day + 10)], polled);
  // What is older than a day goes.
  expect(found.map(({ atMs }) => atMs)).toEqual([30, day + 10, day + 20]);
});

it('a figure has no point where it isn’t known', () => {
  const moments = [moment(1, { letters: 3 }), moment(2), moment(3, { letters: 0 })];
  expect(pointsOf(moments, ({ letters }) => letters)).toEqual(points([1, 3], [3, 0]));
});

describe('a counter’s rate', () => {
  it('is that of the last minute', () => {
    const counts = points([0, 100], [30 * S, 110], [60 * S, 110], [90 * S, 130]);
    expect(ratesOf(counts)).toEqual(points([30 * S, 20], [60 * S, 10], [90 * S, 20]));
  });

  it('is that since the point before, where they are further apart', () => {
    expect(ratesOf(points([0, 0], [5 * MINUTE, 50], [10 * MINUTE, 50]))).toEqual(
      points([5 * MINUTE, 10], [10 * MINUTE, 0]),
    );
  });

  it('isn’t known where the counter begins anew', () => {
    expect(ratesOf(points([0, 500], [MINUTE, 5], [2 * MINUTE, 8]))).toEqual(points([2 * MINUTE, 3]));
  });
});

describe('thinned points', () => {
  it('keep the greatest, and are at most so many, in order', () => {
    const row = fc
      .array(fc.record({ atMs: fc.nat(1e6), value: fc.nat(1_000) }), { maxLength: 300 })
      .map((all) => all.sort((a, b) => a.atMs - b.atMs));
    fc.assert(
      fc.property(row, fc.integer({ min: 1, max: 50 }), (all, parts) => {
        const found = thinned(all, parts);
        expect(found.length).toBeLessThanOrEqual(Math.max(parts, 0));
        expect(Math.max(0, ...found.map(({ value }) => value))).toBe(
          Math.max(0, ...all.map(({ value }) => value)),
        );
        expect(found.map(({ atMs }) => atMs)).toEqual(found.map(({ atMs }) => atMs).sort((a, b) => a - b));
      }),
    );
  });

  it('are all of them where there are few', () => {
    const few = points([1, 2], [2, 1]);
    expect(thinned(few, 5)).toEqual(few);
    expect(thinned([], 5)).toEqual([]);
  });
});

it('a line is cut where nothing was known for long', () => {
  const all = points([0, 1], [5 * MINUTE, 1], [30 * MINUTE, 2], [31 * MINUTE, 3]);
  expect(runsOf(all)).toEqual([all.slice(0, 2), all.slice(2)]);
  expect(runsOf([])).toEqual([]);
});

it('the top of a plot is a round number that holds everything', () => {
  expect([0, 0.4, 1, 1.2, 3, 7, 10, 42, 501].map(roundUp)).toEqual([1, 1, 1, 2, 5, 10, 10, 50, 1_000]);
});
