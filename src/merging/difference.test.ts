import { ChangeSet, Text } from '@codemirror/state';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { difference, sizeOf, splitsCharacter, textOf } from './index.ts';

const text = (of: readonly string[]) =>
  fc.array(fc.constantFrom(...of), { maxLength: 60 }).map((parts) => textOf(parts.join('')));

const pairs = fc.oneof(
  ...[
    ['a', 'b', '\n'],
    ['a'],
    ['a\n', 'b\n', '\n'],
    ['😀', '🎛', 'x', '\n'],
    ['s("bd")', '\n', ' ', '日本'],
  ].map((of) => fc.tuple(text(of), text(of))),
);

it('makes one text of the other, and never cuts a character in two', () => {
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      const change = difference(before, after);
      expect(change.apply(before).toString()).toBe(after.toString());
      expect(splitsCharacter(change, before)).toBe(false);
      const isWhole = (inserted: Text) => inserted.toString().isWellFormed();
      change.iterChanges((_a, _b, _c, _d, inserted) => expect(isWhole(inserted)).toBe(true));
    }),
    { numRuns: 2_000 },
  );
});

it('finds what differs in several places', () => {
  const before = textOf('one\ntwo\nthree\nfour\nfive');
  const after = textOf('one!\ntwo\nTHREE\nfour\nfive\nsix');
  expect(difference(before, after).toJSON()).toEqual([3, [0, '!'], 5, [5, 'THREE'], 10, [0, '', 'six']]);
  expect(sizeOf(difference(before, after))).toBe(15);
});

it('leaves a line alone that only moved down', () => {
  const change = difference(textOf('a\nb\nc'), textOf('new\na\nb\nc'));
  expect(change.toJSON()).toEqual([[0, 'new', ''], 5]);
});

it('does a bounded amount of work on texts that have nothing in common', () => {
  const lines = (letter: string) =>
    textOf(Array.from({ length: 5_000 }, (_, i) => `${letter}${i * 7919}`).join('\n'));
  const [before, after] = [lines('a'), lines('b')];
  const change = difference(before, after);
  expect(change.apply(before).eq(after)).toBe(true);
  const words = textOf('the quick brown fox jumps');
  expect(difference(words, textOf('0123456789 ABCDEF 0123456')).toJSON()).toHaveLength(1);
});

it('is empty for equal texts', () => {
  expect(difference(textOf('a\n'), Text.of(['a', '']))).toEqual(ChangeSet.empty(2));
});
