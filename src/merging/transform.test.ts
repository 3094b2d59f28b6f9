/** Edits made at once are all kept, in whatever order two ends learn of them. */
import { ChangeSet, type ChangeSpec, type Text } from '@codemirror/state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { moveBehind, moveOver, splitsCharacter, takeOut, textOf, transform, undoOf } from './index.ts';

/** Empty, repetitive, and with characters of two code units; none is cut in two. */
const PARTS = ['', 'a', 'a', 'b', '\n', '😀', '🎛', 'aaaa'];
const parts = fc.array(fc.constantFrom(...PARTS), { maxLength: 12 });
const text = parts.map((some) => textOf(some.join('')));
/** Where changes begin, and how far they reach, as shares of a text; and what they put in. */
const places = fc.array(
  fc.record({ from: fc.double({ min: 0, max: 1, noNaN: true }), length: fc.nat({ max: 6 }), insert: parts }),
  { maxLength: 4 },
);
type Places = typeof places extends fc.Arbitrary<infer T> ? T : never;

/** A change of `on` in several places, which never cuts a character in two. */
function changeOf(on: Text, at: Places): ChangeSet {
  const specs: { from: number; to: number; insert: Text }[] = [];
  let least = 0;
  for (const { from, length, insert } of [...at].sort((a, b) => a.from - b.from)) {
    const start = between(on, Math.max(least, Math.floor(from * on.length)));
    least = between(on, Math.min(on.length, start + length));
    specs.push({ from: start, to: least, insert: textOf(insert.join('')) });
  }
  return ChangeSet.of(specs, on.length);
}

/** The offset, or the next one where it lies in a character. */
function between(on: Text, offset: number): number {
  return splitsCharacter(ChangeSet.of({ from: offset, insert: 'x' }, on.length), on) ? offset + 1 : offset;
}

const changes = (on: Text, some: readonly Places[]): ChangeSet[] => {
  let now = on;
  return some.map((at) => {
    const change = changeOf(now, at);
    now = change.apply(now);
    return change;
  });
};
const applied = (on: Text, some: readonly ChangeSet[]) => some.reduce((now, change) => change.apply(now), on);

describe('two changes of one text', () => {
  it('give the same text in either order, and cut no character in two', () => {
    fc.assert(
      fc.property(text, places, fc.option(places), (on, a, other) => {
        const [first, second] = [changeOf(on, a), changeOf(on, other ?? a)];
        const [firstAfter, secondAfter] = transform(first, second);
        const result = secondAfter.apply(first.apply(on));
        expect(firstAfter.apply(second.apply(on)).toString()).toBe(result.toString());
        expect(splitsCharacter(secondAfter, first.apply(on))).toBe(false);
        expect(splitsCharacter(firstAfter, second.apply(on))).toBe(false);
        expect(result.toString().isWellFormed()).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  const on = textOf('abc');
  const merged = (first: ChangeSpec, second: ChangeSpec) => {
    const one = ChangeSet.of(first, on.length);
    return transform(one, ChangeSet.of(second, on.length))[1].apply(one.apply(on)).toString();
  };

  it('keep both insertions at one place, the first one’s before', () => {
    expect(merged({ from: 1, insert: '1' }, { from: 1, insert: '2' })).toBe('a12bc');
  });

  it('keep what one puts in where the other takes out', () => {
    expect(merged({ from: 0, to: 3 }, { from: 1, insert: 'x' })).toBe('x');
    expect(merged({ from: 1, insert: 'x' }, { from: 0, to: 3 })).toBe('x');
    expect(merged({ from: 0, to: 2, insert: 'y' }, { from: 1, insert: 'x' })).toBe('yxc');
  });

  it('do once what both do, where nobody types it by chance', () => {
    const formatted = [
      { from: 1, insert: ' ' },
      { from: 2, insert: ' ' },
    ];
    expect(merged(formatted, formatted)).toBe('a b c');
    expect(merged({ from: 0, to: 3, insert: 'xyz' }, { from: 0, to: 3, insert: 'xyz' })).toBe('xyz');
    // Two have typed the same letter.
    expect(merged({ from: 1, insert: '1' }, { from: 1, insert: '1' })).toBe('a11bc');
  });

  it('take out once what both take out', () => {
    expect(merged({ from: 0, to: 2 }, { from: 1, to: 3 })).toBe('');
  });

  it('have to be of one text', () => {
    const insertion = (length: number) => ChangeSet.of({ from: 0, insert: 'x' }, length);
    expect(() => transform(insertion(3), insertion(4))).toThrow('length');
  });
});

describe('one change and several others', () => {
  const others = fc.array(places, { maxLength: 4 });

  it('give the same text when it is moved behind them, and they over it', () => {
    fc.assert(
      fc.property(text, others, places, (on, some, at) => {
        const before = changes(on, some);
        const movable = before.map((change) => ({ change }));
        const change = changeOf(on, at);
        const moved = moveBehind(change, movable);
        const result = moved.apply(applied(on, before)).toString();
        const after = movable.map((other) => other.change);
        expect(applied(change.apply(on), after).toString()).toBe(result);
      }),
    );
  });

  it('give the same text when it is the room’s, and they wait for the room', () => {
    fc.assert(
      fc.property(text, others, places, (on, some, at) => {
        const before = changes(on, some);
        const pending = before.map((change) => ({ change }));
        const change = changeOf(on, at);
        const moved = moveOver(change, pending);
        const result = moved.apply(applied(on, before)).toString();
        const after = pending.map((edit) => edit.change);
        expect(applied(change.apply(on), after).toString()).toBe(result);
      }),
    );
  });

  it('come out the same in the room and in its client', () => {
    fc.assert(
      fc.property(text, places, others, (on, at, own) => {
        // The client's edits, made without knowing the room's change.
        const edits = changes(on, own);
        const change = changeOf(on, at);
        const inRoom = [{ change }];
        let room = change.apply(on);
        for (const edit of edits) room = moveBehind(edit, inRoom).apply(room);
        const pending = edits.map((edit) => ({ change: edit }));
        const local = moveOver(change, pending).apply(applied(on, edits));
        expect(local.toString()).toBe(room.toString());
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('taking changes out again', () => {
  const madeOf = (on: Text, some: readonly ChangeSet[]) => {
    let before = on;
    return some.map((change, index) => {
      const made = { change, undo: undoOf(change, before), index };
      before = change.apply(before);
      return made;
    });
  };

  it('gives the text as it was before the last ones', () => {
    fc.assert(
      fc.property(text, fc.array(places, { minLength: 1, maxLength: 5 }), fc.nat(), (on, some, n) => {
        const all = changes(on, some);
        const kept = n % all.length;
        const out = takeOut(madeOf(on, all), ({ index }) => index >= kept);
        expect(out?.apply(applied(on, all)).toString()).toBe(applied(on, all.slice(0, kept)).toString());
      }),
    );
  });

  it('leaves what others put in, each once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat()), { minLength: 1, maxLength: 12 }), (steps) => {
        let now = textOf('start');
        const made = steps.map(([isOut, at], i) => {
          const insert = String.fromCharCode(0xe000 + i);
          const change = ChangeSet.of({ from: at % (now.length + 1), insert }, now.length);
          const entry = { change, undo: undoOf(change, now), isOut };
          now = change.apply(now);
          return entry;
        });
        const out = takeOut(made, ({ isOut }) => isOut);
        const isKept = (_: unknown, i: number) => !steps[i]?.[0];
        const tokens = steps.map((_, i) => String.fromCharCode(0xe000 + i));
        const left = (out ? out.apply(now) : now).toString();
        for (const [i, token] of tokens.entries()) {
          expect(left.split(token)).toHaveLength(isKept(token, i) ? 2 : 1);
        }
        expect(left.replaceAll(/[\ue000-\uf8ff]/g, '')).toBe('start');
      }),
    );
  });

  it('is nothing where there is none to take out', () => {
    expect(takeOut([], () => true)).toBeNull();
    expect(takeOut(madeOf(textOf('a'), [ChangeSet.empty(1)]), () => false)).toBeNull();
  });
});
