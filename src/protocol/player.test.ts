/** What a frame says of unheard sounds is text and places within bounds, or nothing. */
import { expect, it } from 'vitest';
import { fromPlayerSchema, MAX_UNHEARD, MAX_UNHEARD_PLACES } from './player.ts';

const sound = { kind: 'unknown', message: 'no foo', places: [{ start: 3, end: 6 }] };
const parse = (...sounds: unknown[]) =>
  fromPlayerSchema.safeParse({ type: 'unheard', id: 1, sounds }).success;

it('is taken as it is meant', () => {
  expect(parse()).toBe(true);
  expect(parse(sound, { ...sound, kind: 'loading', places: [] })).toBe(true);
  expect(fromPlayerSchema.safeParse({ type: 'interrupted', is_interrupted: true }).success).toBe(true);
});

it.each([
  ['another kind', { ...sound, kind: 'error' }],
  ['no words', { kind: 'unknown', places: [] }],
  ['words that are no text', { ...sound, message: { toString: 'x' } }],
  ['a book', { ...sound, message: 'x'.repeat(2_001) }],
  ['a place before the code', { ...sound, places: [{ start: -1, end: 2 }] }],
  ['a place that isn’t whole', { ...sound, places: [{ start: 1.5, end: Number.NaN }] }],
  ['too many places', { ...sound, places: Array(MAX_UNHEARD_PLACES + 1).fill({ start: 0, end: 1 }) }],
])('is nothing with %s', (_, wrong) => {
  expect(parse(wrong)).toBe(false);
  expect(parse(sound, wrong)).toBe(false);
});

it('is nothing when it is too much', () => {
  expect(parse(...Array(MAX_UNHEARD).fill(sound))).toBe(true);
  expect(parse(...Array(MAX_UNHEARD + 1).fill(sound))).toBe(false);
  expect(fromPlayerSchema.safeParse({ type: 'interrupted', is_interrupted: 'yes' }).success).toBe(false);
});
