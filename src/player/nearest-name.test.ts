/** Which known name was meant. */
import { expect, it } from 'vitest';
import { editsBetween, nearestName } from './nearest-name.ts';

const NAMES = ['bd', 'sd', 'hh', 'sine', 'piano', 'sawtooth', 'casio'];

it.each([
  ['pinao', 'piano'],
  ['Pianoo', 'piano'],
  ['sawtoth', 'sawtooth'],
  ['bdd', 'bd'],
  ['kick', 'bd'],
  ['hi_hat', 'hh'],
  ['clap', null],
  ['xylophone', null],
  ['', null],
])('takes %s for %s', (written, meant) => {
  expect(nearestName(written, NAMES)).toBe(meant);
});

it.each([
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
])('counts the edits from %s to %s', (a, b, edits) => {
  expect(editsBetween(a, b)).toBe(edits);
  expect(editsBetween(b, a)).toBe(edits);
});

it('doesn’t compute for what is no name', () => {
  expect(nearestName('x'.repeat(100_000), NAMES)).toBeNull();
});
