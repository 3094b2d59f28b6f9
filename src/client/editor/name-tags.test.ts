/** Names lie on nothing that they needn't: not on each other, not outside of the editor. */
import { expect, it } from 'vitest';
import { placeTags, TAG_HEIGHT } from './name-tags.ts';

const area = { top: 0, right: 400 };
const caret = (left: number, top: number, name = 'Ana') => ({ left, top, height: 20, name });

it('go above the caret’s line', () => {
  expect(placeTags([caret(10, 60)], area)).toEqual([{ shift: 0, top: 60 - TAG_HEIGHT, endsAtCaret: false }]);
});

it('go below the topmost line that is visible', () => {
  expect(placeTags([caret(10, 14)], area)).toMatchObject([{ top: 34 }]);
  expect(placeTags([caret(10, 115)], { ...area, top: 110 })).toMatchObject([{ top: 135 }]);
  expect(placeTags([caret(10, 15)], area)).toMatchObject([{ top: 0 }]);
});

it('end at a caret that is at the right edge', () => {
  expect(placeTags([caret(399, 60)], area)).toMatchObject([{ endsAtCaret: true }]);
  // A name that is cut at neither side would need a wider editor.
  expect(placeTags([caret(5, 60, 'A very long name')], { top: 0, right: 50 })).toMatchObject([
    { endsAtCaret: false },
  ]);
});

it('are stacked where carets are in the same place, and the carets stand side by side', () => {
  const here = ['Ana', 'Ben', 'Cem', 'Dina'].map((name, index) => caret(50 + index / 10, 80, name));
  const places = placeTags(here, area);
  expect(places.map(({ shift }) => shift)).toEqual([0, 2, 4, 4]);
  expect(places.map(({ top }) => top)).toEqual([65, 50, 35, 20]);
});

it('are stacked downwards where a stack would reach beyond the top', () => {
  const places = placeTags([caret(50, 20), caret(50, 20, 'Ben'), caret(60, 20, 'Cem')], area);
  expect(places.map(({ top }) => top)).toEqual([5, 40, 55]);
});

it('of carets that are apart stay in one row', () => {
  const places = placeTags([caret(50, 80), caret(120, 80, 'Ben')], area);
  expect(places.map(({ top }) => top)).toEqual([65, 65]);
});
