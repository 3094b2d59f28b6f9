import { ChangeSet, Text } from '@codemirror/state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textChange } from '../protocol/text-change.ts';
import { difference, simpleDifference, sizeOf, splitsCharacter, textOf } from './index.ts';

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

it('finds what was typed at lines that are the same in the line where it was typed', () => {
  const line = fc.constantFrom('s("bd")', 's("bd").fast(2)', 'a', 'ab', '');
  const typed = fc.array(fc.tuple(line, fc.constantFrom('', '', 'j', 'jk', '.fast(2)')), {
    minLength: 2,
    maxLength: 12,
  });
  fc.assert(
    fc.property(typed, fc.nat(11), (lines, at) => {
      const before = textOf(lines.map(([line]) => line).join('\n'));
      const after = textOf(lines.map(([line, more]) => line + more).join('\n'));
      const mine = before.line((at % lines.length) + 1);
      const pending = ChangeSet.of({ from: mine.to, insert: '!' }, before.length);
      const merged = pending.map(difference(before, after)).apply(after);
      const isMarked = Array.from(merged.iterLines(), (line) => line.includes('!'));
      expect(isMarked.indexOf(true)).toBe(mine.number - 1);
    }),
    { numRuns: 2_000 },
  );
});

describe('of lines that look alike', () => {
  const ALIKE = [
    '// the second room of 1f10',
    '// co-author of 1f10 3; x',
    '// a',
    'n("0 1")',
    'note("0")',
    '',
  ];
  const linesOf = (...of: string[]) => fc.array(fc.constantFrom(...of), { maxLength: 8 });

  function expectBetweenLines(change: ChangeSet | null, before: string[], after: string): void {
    const isStart = (at: number) => at === 0 || after[at - 1] === '\n';
    let at = 0;
    for (const line of before) {
      const mapped = [-1, 1].map((side) => change?.mapPos(at, side) ?? 0);
      expect(mapped.some(isStart), `${JSON.stringify(change?.toJSON())} at ${at}`).toBe(true);
      at += line.length + 1;
    }
  }

  const whole = (lines: string[]) => lines.map((line) => `${line}\n`).join('');

  it('nothing lands in the middle of a line that stood between two', () => {
    // The last looks like the start of one and the end of another.
    const lines = linesOf(...ALIKE, '// 21 of 9; xx', '// 13 of 9; xx', '// 23 of 9; xx');
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const change = difference(textOf(whole(before)), textOf(whole(after)));
        expectBetweenLines(change, before, whole(after));
      }),
      { numRuns: 5_000 },
    );
  });

  it('nor where a look at both ends is enough', () => {
    const lines = linesOf(...ALIKE);
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        expectBetweenLines(simpleDifference(whole(before), whole(after)), before, whole(after));
      }),
      { numRuns: 3_000 },
    );
  });

  it('whole lines are put in and taken out', () => {
    const [one, both] = ['x\n// a', 'x\n// b\n// a'];
    expect(simpleDifference(one, both)?.toJSON()).toEqual([2, [0, '// b', ''], 4]);
    expect(simpleDifference(both, one)?.toJSON()).toEqual([2, [5], 4]);
  });
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

describe('a simple difference', () => {
  it('makes one text of the other, with no more than lies between both ends, or says that it takes more', () => {
    let found = 0;
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        const change = simpleDifference(before.toString(), after.toString());
        if (!change) return;
        found += 1;
        expect(change.apply(before).toString()).toBe(after.toString());
        expect(splitsCharacter(change, before)).toBe(false);
        const between = textChange(before.toString(), after.toString());
        const most = between ? between.to - between.from + between.insert.length : 0;
        expect(sizeOf(change)).toBeLessThanOrEqual(most);
      }),
      { numRuns: 2_000 },
    );
    expect(found).toBeGreaterThan(200);
  });

  it('is what was typed, deleted, pasted or replaced within a line', () => {
    const before = 'one\ntwo\nthree';
    const of = (after: string) => simpleDifference(before, after)?.toJSON();
    expect(of('one\ntwo!\nthree')).toEqual([7, [0, '!'], 6]);
    expect(of('one\nthree')).toEqual([4, [4], 5]);
    expect(of('one\nnew\nlines\ntwo\nthree')).toEqual([4, [0, 'new', 'lines', ''], 9]);
    expect(of('one\nTWO\nthree')).toEqual([4, [3, 'TWO'], 6]);
    expect(of(before)).toEqual([13]);
  });

  it('is not for lines that were replaced', () => {
    expect(simpleDifference('one\ntwo\nthree', 'ONE\ntwo\nTHREE')).toBeNull();
  });
});
