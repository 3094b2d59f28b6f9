/** The device takes the sound away, and gives it back: each is told once. */
import { expect, it } from 'vitest';
import { Interruption } from './interruption.ts';

it('is told after a second, and its end at once', () => {
  const interruption = new Interruption();
  const said = [
    [0, false],
    [100, true],
    [900, true],
    [1_100, true],
    [5_000, true],
    [5_100, false],
    [5_200, false],
  ].map(([atMs, isSilenced]) => interruption.changeAt(Number(atMs), Boolean(isSilenced)));
  expect(said).toEqual([null, null, null, true, null, false, null]);
});

it('isn’t told of a moment', () => {
  const interruption = new Interruption();
  expect(interruption.changeAt(0, true)).toBeNull();
  expect(interruption.changeAt(500, false)).toBeNull();
  expect(interruption.changeAt(1_200, true)).toBeNull();
});
