/** What comes over the wire as changes, and what of it is one. */
import { ChangeSet, Text } from '@codemirror/state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesSchema } from '../protocol/messages.ts';
import { utf8Bytes } from '../protocol/text.ts';
import { bytesAdded, readChanges, splitsCharacter, textOf, type WireChanges, writeChanges } from './index.ts';

const TEXT = fc
  .array(fc.constantFrom('a', '\n', '€', '😀', 'bd*4'), { maxLength: 20 })
  .map((p) => p.join(''));
/** A text and a change of it in several places. */
const change = fc
  .tuple(TEXT, fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 5 }), TEXT), { maxLength: 4 }))
  .map(([code, places]) => {
    const on = textOf(code);
    let least = 0;
    const specs = places
      .sort(([a], [b]) => a - b)
      .map(([at, length, insert]) => {
        const from = Math.max(least, Math.min(at, on.length));
        least = Math.min(from + length, on.length);
        return { from, to: least, insert: textOf(insert) };
      });
    return { on, set: ChangeSet.of(specs, on.length) };
  });

describe('changes on the wire', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(change, ({ on, set }) => {
        const wire: WireChanges = JSON.parse(JSON.stringify(writeChanges(set)));
        expect(changesSchema.safeParse(wire).success).toBe(true);
        const read = readChanges(wire);
        expect(read?.toJSON()).toEqual(set.toJSON());
        expect(read?.apply(on).eq(set.apply(on))).toBe(true);
      }),
    );
  });

  it('may come in more parts than they need', () => {
    const parts: WireChanges = [1, 0, 2, [0], [1], [1, 'x'], [0, 'y', ''], 0];
    expect(readChanges(parts)?.apply(textOf('abcde')).toString()).toBe('abcxy\n');
    expect(readChanges([1, 2])?.toJSON()).toEqual([3]);
    expect(readChanges([])?.toJSON()).toEqual([]);
    expect(readChanges([[0, '']])?.empty).toBe(true);
  });

  it.each([
    [[-1]],
    [[1.5]],
    [[Number.NaN]],
    [[2 ** 53]],
    [[[-1, 'x']]],
    [[[0.5]]],
    [[[0, 'a\nb']]],
    [[[0, 'a', 'b\r']]],
  ] satisfies [WireChanges][])('are none: %j', (wire) => {
    expect(readChanges(wire)).toBeNull();
  });

  it('can be read exactly where the schema takes them', () => {
    const number = fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(-1, 0.5));
    const line = fc.constantFrom('', 'a', 'a\n', '\r');
    const part = fc.oneof(number, fc.tuple(number), fc.tuple(number, line), fc.tuple(number, line, line));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (wire) => {
        expect(readChanges(wire) !== null).toBe(changesSchema.safeParse(wire).success);
      }),
    );
  });
});

it('says by how many bytes a change makes a text longer', () => {
  fc.assert(
    fc.property(change, ({ on, set }) => {
      const [before, after] = [on.toString(), set.apply(on).toString()];
      // A change may cut a character in two, which then has other bytes.
      fc.pre(after.isWellFormed() && !splitsCharacter(set, on));
      expect(bytesAdded(set, on)).toBe(utf8Bytes(after) - utf8Bytes(before));
    }),
  );
});

describe('a change cuts a character in two', () => {
  const on = textOf('a😀b');
  const splits = (from: number, to = from) => splitsCharacter(ChangeSet.of({ from, to, insert: 'x' }, 4), on);

  it('where it begins or ends within it', () => {
    expect([splits(2), splits(1, 2), splits(2, 3), splits(0, 2)]).toEqual([true, true, true, true]);
  });

  it('not where it is beside it, or takes it whole', () => {
    expect([splits(0), splits(1), splits(1, 3), splits(3), splits(4)]).toEqual(Array(5).fill(false));
    expect(splitsCharacter(ChangeSet.empty(4), on)).toBe(false);
  });

  it('also where two changes touch in it', () => {
    const two = ChangeSet.of([{ from: 1, to: 2 }], 4).compose(ChangeSet.of([{ from: 1, to: 2 }], 3));
    // Together they take the character, and nothing else.
    expect(splitsCharacter(two, on)).toBe(false);
  });
});

it('ends lines with a line feed, whatever ended them', () => {
  expect(textOf('a\r\nb\rc\n').eq(Text.of(['a', 'b', 'c', '']))).toBe(true);
  expect(textOf('').eq(Text.empty)).toBe(true);
});
