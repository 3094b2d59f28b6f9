// @vitest-environment node
/** What a key of the bar does. `|` is the caret, `‹…›` a selection. */
import { EditorSelection, EditorState } from '@codemirror/state';
import { expect, it } from 'vitest';
import { keyTransaction, MINI_KEYS } from './mini-keys.ts';

/** The text and the selection after some keys, in the same writing. */
function typed(marked: string, ...keys: string[]): string {
  const doc = marked.replace(/[|‹›]/g, '');
  const anchor = marked.search(/[|‹]/);
  const end = marked.indexOf('›');
  let state = EditorState.create({
    doc,
    selection: EditorSelection.range(anchor, end === -1 ? anchor : end - 1),
  });
  for (const key of keys) state = state.update(keyTransaction(state, key)).state;
  const { from, to } = state.selection.main;
  const text = state.doc.toString();
  return from === to
    ? `${text.slice(0, from)}|${text.slice(to)}`
    : `${text.slice(0, from)}‹${text.slice(from, to)}›${text.slice(to)}`;
}

it.each([
  ['s|', ['(', '"'], 's("|")'],
  ['s(|)', ['"', '<', '['], 's("<[|]>")'],
  ['s("bd|")', ['"', ')'], 's("bd")|'],
  ['s("|bd")', ['['], 's("[|bd")'],
  ['s("‹bd sd›")', ['['], 's("[‹bd sd›]")'],
  ['s("‹bd sd›")', ['<'], 's("<‹bd sd›>")'],
  ['s("‹bd›")', ['~'], 's("~|")'],
  ['s("[bd|]")', [']'], 's("[bd]|")'],
  ['s("bd|")', ['*'], 's("bd*|")'],
  ['s|bd', ['"'], 's"|bd'],
  ['s("bd|', ['"'], 's("bd"|'],
  ['s(|"bd")', ['"'], 's("|"bd")'],
])('%s and %j: %s', (before, keys, after) => {
  expect(typed(before, ...keys)).toBe(after);
});

it('each key has a name of its own, and is there once', () => {
  const names = MINI_KEYS.map(({ name }) => name);
  const keys = MINI_KEYS.map(({ key }) => key);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of '"<>[]()~*/:,._@!?') expect(keys).toContain(key);
});
