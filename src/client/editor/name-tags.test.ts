/** Names lie on nothing: not on what is written, not on each other, not outside of the editor. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Caret, placeTags, TAG_HEIGHT, type Written } from './name-tags.ts';

const area = { left: 0, top: 0, right: 400, bottom: 200 };
const caret = (left: number, top: number, name = 'Ana') => ({ left, top, height: 20, name });
/** A row of so many pixels. */
const row = (top: number, right: number): Written => ({ top, right, bottom: top + 20 });
const ANA = 35;

it('stand behind the end of the caret’s row', () => {
  expect(placeTags([caret(10, 60)], [row(60, 100)], area)).toEqual([
    { shift: 0, tag: { left: 112, top: 62.5, width: ANA } },
  ]);
});

it('stand one behind the other in a row, and the carets of one place side by side', () => {
  const here = ['Ana', 'Ben', 'Cem', 'Dina'].map((name, index) => caret(50 + index / 10, 80, name));
  const places = placeTags(here, [row(80, 100)], area);
  expect(places.map(({ shift }) => shift)).toEqual([0, 2, 4, 4]);
  expect(places.map(({ tag }) => tag?.left)).toEqual([112, 150, 188, 228]);
  expect(new Set(places.map(({ tag }) => tag?.top)).size).toBe(1);
});

it('go above or below the caret where its row is full and theirs is free', () => {
  const full = row(80, 395);
  expect(placeTags([caret(200, 80)], [row(60, 100), full], area)).toMatchObject([
    { tag: { left: 200, top: 62.5 } },
  ]);
  expect(placeTags([caret(200, 80)], [row(60, 395), full, row(100, 250)], area)).toMatchObject([
    { tag: { left: 262, top: 102.5 } },
  ]);
  expect(placeTags([caret(390, 80)], [row(60, 100), full], area)).toMatchObject([{ tag: { left: 365 } }]);
  expect(placeTags([caret(200, 0)], [row(0, 395), row(20, 100)], area)).toMatchObject([
    { tag: { left: 200, top: 22.5 } },
  ]);
});

it('get shorter where there is little room, and aren’t shown where there is none', () => {
  const rows = [row(60, 395), row(80, 350), row(100, 395)];
  expect(placeTags([caret(200, 80, 'A long name')], rows, area)).toMatchObject([
    { tag: { left: 362, width: 38 } },
  ]);
  expect(placeTags([caret(200, 80)], [row(60, 395), row(80, 390), row(100, 395)], area)).toEqual([
    { shift: 0, tag: null },
  ]);
});

it('cover nothing, wherever carets are and whatever is written', () => {
  const rowEnds = fc.array(fc.nat(420), { minLength: 1, maxLength: 10 });
  const carets = fc.array(fc.record({ row: fc.nat(9), at: fc.double({ min: 0, max: 1, noNaN: true }) }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(rowEnds, carets, (ends, places) => {
      const written = ends.map((right, index) => row(index * 20, right));
      const all = places.map(({ row: index, at }, who): Caret => {
        const line = index % ends.length;
        return caret(at * (ends[line] ?? 0), line * 20, 'Participant'.slice(0, 1 + (who % 11)));
      });
      const tags = placeTags(all, written, area).flatMap(({ tag }) => tag ?? []);
      for (const [index, tag] of tags.entries()) {
        const bottom = tag.top + TAG_HEIGHT;
        expect(tag.top >= 0 && bottom <= area.bottom && tag.left + tag.width <= area.right).toBe(true);
        for (const { top, right, bottom: end } of written) {
          expect(bottom <= top || end <= tag.top || right < tag.left).toBe(true);
        }
        for (const other of tags.slice(index + 1)) {
          const isApart = tag.left + tag.width <= other.left || other.left + other.width <= tag.left;
          expect(isApart || bottom <= other.top || other.top + TAG_HEIGHT <= tag.top).toBe(true);
        }
      }
    }),
  );
});
