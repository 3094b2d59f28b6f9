import fc from 'fast-check';
import { expect, it } from 'vitest';
import { COUNTS_PER_TERM, MAX_TERM, numberIn, termOf } from './revision.ts';

const term = fc.integer({ min: 1, max: MAX_TERM });
const count = fc.integer({ min: 0, max: COUNTS_PER_TERM - 1 });

it('says of each number which term it is of', () => {
  fc.assert(fc.property(term, count, (of, at) => termOf(numberIn(of, at)) === of));
});

it('orders numbers by their term, then by their count', () => {
  const place = fc.record({ term, count });
  fc.assert(
    fc.property(place, place, (a, b) => {
      const order = a.term - b.term || a.count - b.count;
      return Math.sign(numberIn(a.term, a.count) - numberIn(b.term, b.count)) === Math.sign(order);
    }),
  );
});

it('stays exact up to the last number of the greatest term', () => {
  const last = numberIn(MAX_TERM, COUNTS_PER_TERM - 1);
  expect(Number.isSafeInteger(last)).toBe(true);
  expect(Number(last.toFixed(0))).toBe(last);
  expect(termOf(last)).toBe(MAX_TERM);
});

it('puts a session that nobody has edited before every term', () => {
  expect(termOf(0)).toBe(0);
  expect(numberIn(1, 0)).toBeGreaterThan(0);
});
