import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textChange } from './text-change.ts';

describe('the change between two texts', () => {
  it.each([
    ['an insertion', 'ad', 'abcd', { from: 1, to: 1, insert: 'bc' }],
    ['a deletion', 'abcd', 'ad', { from: 1, to: 3, insert: '' }],
    ['a replacement', 'abcd', 'axd', { from: 1, to: 3, insert: 'x' }],
    ['a repeated letter', 'aa', 'aaa', { from: 2, to: 2, insert: 'a' }],
    ['from nothing', '', 'abc', { from: 0, to: 0, insert: 'abc' }],
    ['to nothing', 'abc', '', { from: 0, to: 3, insert: '' }],
  ])('is minimal for %s', (_, before, after, change) => {
    expect(textChange(before, after)).toEqual(change);
  });

  it('is null between equal texts', () => {
    expect(textChange('same', 'same')).toBeNull();
  });

  it('never cuts a character in half', () => {
    // 🥁 and 🥂 share their first half; 🥁 and 🙁 their second.
    expect(textChange('a🥁b', 'a🥂b')).toEqual({ from: 1, to: 3, insert: '🥂' });
    expect(textChange('a\u{1F941}b', 'a\u{1F641}b')).toEqual({ from: 1, to: 3, insert: '\u{1F641}' });
  });

  it('turns the one text into the other', () => {
    const texts = ['', 'a', 'aa', 'ab', 'aba', 'abba', 'a🥁', '🥁🥁', '🥁a🥁', 'baab'];
    for (const before of texts) {
      for (const after of texts) {
        const change = textChange(before, after);
        const result = change
          ? before.slice(0, change.from) + change.insert + before.slice(change.to)
          : before;
        expect(result).toBe(after);
      }
    }
  });

  it('turns any text into any other, and is no larger than what was changed', () => {
    const piece = fc
      .array(fc.constantFrom('a', 'b', 'é', '€', '🎵', '🎶', '🐵', '\u{1f3b5}a', '\n'), { maxLength: 40 })
      .map((units) => units.join(''));
    // Longer than what is compared at once.
    const filler = fc.integer({ min: 0, max: 1_200 }).map((n) => 'é🎵x'.repeat(n / 4));
    fc.assert(
      fc.property(filler, piece, piece, filler, (start, old, fresh, end) => {
        const [before, after] = [start + old + end, start + fresh + end];
        const change = textChange(before, after);
        if (change === null) {
          expect(before).toBe(after);
          return;
        }
        const { from, to, insert } = change;
        expect(before.slice(0, from) + insert + before.slice(to) === after).toBe(true);
        expect(to - from).toBeLessThanOrEqual(old.length);
        expect(insert.length).toBeLessThanOrEqual(fresh.length);
        for (const part of [before.slice(0, from), before.slice(from, to), insert, before.slice(to)]) {
          expect(part.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it('leaves lone surrogates as they are', () => {
    const texts = ['\ud83e', '\ud83e\udd41', '\udd41', 'a\ud83eb', '\ud83e\ud83e\udd41', ''];
    for (const before of texts) {
      for (const after of texts) {
        const change = textChange(before, after) ?? { from: 0, to: 0, insert: '' };
        expect(before.slice(0, change.from) + change.insert + before.slice(change.to)).toBe(after);
      }
    }
  });
});
