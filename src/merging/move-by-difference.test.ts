/** What was made of a text goes into another one whole, or not at all. */
import { Text } from '@codemirror/state';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { moveByDifference } from './move-by-difference.ts';

const move = (before: string, after: string, now: string) => {
  const [from, to, text] = [before, after, now].map((code) => Text.of(code.split('\n'))) as [
    Text,
    Text,
    Text,
  ];
  return moveByDifference(from, to, text)?.apply(text).toString() ?? null;
};

it('is made where the lines are that it changes', () => {
  expect(move('a\nb\nc', 'a\nB\nc', 'a\nb\nnew\nc')).toBe('a\nB\nnew\nc');
  expect(move('a\nb\nc', 'a\nB\nc', 'x\ny\nb\nz')).toBe('x\ny\nB\nz');
});

it('isn’t made where these lines are gone, or have others between them', () => {
  expect(move('a\nb\nc', 'a\nB\nc', 'a\nb!\nc')).toBeNull();
  expect(move('a\nb', 'a\nnew\nb', 'a\nother\nb')).toBeNull();
  expect(move('one', 'two', 'three')).toBeNull();
});

it('keeps each line that others put in, and each that it puts in, once and whole', () => {
  const shared = fc.constantFrom('same', 's("bd hh")', '', '})', 'note("c3")');
  const lines = (own: string) =>
    fc
      .array(fc.oneof(shared, fc.constant(own)), { maxLength: 10 })
      .map((all) => all.map((line, index) => (line === own ? `${own}${index} s("bd")` : line)));
  const mixed = fc.tuple(lines('given'), lines('answer'), lines('typed'), fc.array(fc.nat(9)));
  let made = 0;
  fc.assert(
    fc.property(mixed, ([given, answer, typed, kept]) => {
      // Both go on from what the AI was given, in part.
      const [after, now] = [answer, typed].map((more) =>
        given
          .flatMap((line, index) => (kept.includes(index) ? [line] : (more[index] ?? [])))
          .concat(more.slice(given.length)),
      ) as [string[], string[]];
      const moved = move(given.join('\n'), after.join('\n'), now.join('\n'));
      if (moved === null) return;
      made += 1;
      const result = moved.split('\n');
      for (const own of ['typed', 'answer']) {
        const mine = (all: string[]) => all.filter((line) => line.startsWith(own));
        expect(mine(result)).toEqual(mine(own === 'typed' ? now : after));
      }
      const known = new Set([...now, ...after]);
      for (const line of result) expect(known.has(line) || line === '').toBe(true);
    }),
    { numRuns: 3_000 },
  );
  expect(made).toBeGreaterThan(100);
});
