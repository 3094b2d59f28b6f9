import { EditorState } from '@codemirror/state';
import { expect, it } from 'vitest';
import { isWrapped, MAX_WRAPPED_CHARS, wrapping } from './wrapping.ts';

const start = (doc: string) => EditorState.create({ doc, extensions: wrapping });
const changed = (state: EditorState, from: number, to: number, insert: string) =>
  state.update({ changes: { from, to, insert } }).state;

it('lines are wrapped until one is very long, and again when none is', () => {
  const long = 'x'.repeat(MAX_WRAPPED_CHARS);
  let state = start(`a\n${long}\nb`);
  expect(isWrapped(state)).toBe(true);
  state = changed(state, 10, 10, 'x');
  expect(isWrapped(state)).toBe(false);
  // Elsewhere nothing changes that.
  state = changed(state, 0, 1, 'aa');
  expect(isWrapped(state)).toBe(false);
  state = changed(state, 100, 100, '\n');
  expect(isWrapped(state)).toBe(true);
});

it('a text of many lines is wrapped, however long it is, and one long line among them isn’t', () => {
  const lines = 's("bd hh")\n'.repeat(2_000);
  expect(isWrapped(start(lines))).toBe(true);
  expect(isWrapped(changed(start(lines), 0, 0, `one\n${'x'.repeat(MAX_WRAPPED_CHARS + 1)}\n`))).toBe(false);
  expect(isWrapped(start(`${lines}${'x'.repeat(MAX_WRAPPED_CHARS + 1)}`))).toBe(false);
});
