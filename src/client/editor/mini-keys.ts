/**
 * The keys of mini-notation, which a phone's keyboard hides behind others: what each puts in. The page draws
 * the bar.
 */
import { EditorSelection, type EditorState, type TransactionSpec } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';

export interface MiniKey {
  /** What is on the key, and what it puts in. */
  key: string;
  /** Its name, for a button's label. */
  name: string;
  /** What it closes with, if it opens something. */
  closes?: string;
}

/** In the order of the bar: the most used first. */
export const MINI_KEYS: readonly MiniKey[] = [
  { key: '"', name: 'Quotes', closes: '"' },
  { key: '~', name: 'Rest' },
  { key: '*', name: 'Times: faster' },
  { key: '[', name: 'Group', closes: ']' },
  { key: ']', name: 'End of group' },
  { key: '<', name: 'One each cycle', closes: '>' },
  { key: '>', name: 'End of one each cycle' },
  { key: '(', name: 'Parenthesis', closes: ')' },
  { key: ')', name: 'End of parenthesis' },
  { key: ',', name: 'Comma: together' },
  { key: '.', name: 'Full stop' },
  { key: ':', name: 'Colon: variation' },
  { key: '/', name: 'Slash: slower' },
  { key: '@', name: 'At: longer' },
  { key: '!', name: 'Exclamation mark: again' },
  { key: '?', name: 'Question mark: by chance' },
  { key: '_', name: 'Underscore: hold' },
  { key: '$', name: 'Dollar: a part of its own' },
  { key: '{', name: 'Brace', closes: '}' },
  { key: '}', name: 'End of brace' },
  { key: '|', name: 'Bar: one of these' },
  { key: '-', name: 'Minus' },
  { key: '=', name: 'Equals' },
];

const byKey = new Map(MINI_KEYS.map((each) => [each.key, each]));

/**
 * Puts a key's text in at each caret. One that opens closes, too, with the caret between; around a selection
 * it goes on both sides; one that closes steps over its like. Exported for its test.
 */
export function keyTransaction(state: EditorState, key: string): TransactionSpec {
  const closes = byKey.get(key)?.closes;
  const spec = state.changeByRange(({ from, to }) => {
    const next = state.sliceDoc(to, to + 1);
    if (from === to && next === key && isClosing(state, key, from)) {
      return { range: EditorSelection.cursor(from + 1) };
    }
    const isEnd = key === '"' && from === to && isInText(state, from);
    // Before a word there is no place for a pair, nor for quotes before a text.
    const isBeforeWord = (key === '"' ? /[\w$"]/ : /[\w$]/).test(next);
    const mayPair = closes !== undefined && !isEnd && (from < to || !isBeforeWord);
    if (!mayPair) {
      return { changes: { from, to, insert: key }, range: EditorSelection.cursor(from + key.length) };
    }
    return {
      changes: [
        { from, insert: key },
        { from: to, insert: closes },
      ],
      range: from < to ? EditorSelection.range(from + 1, to + 1) : EditorSelection.cursor(from + 1),
    };
  });
  return { ...spec, userEvent: 'input.type', scrollIntoView: true };
}

/** Whether this key would only say again what closes here. */
function isClosing(state: EditorState, key: string, at: number): boolean {
  if (key !== '"') return MINI_KEYS.some(({ closes, key: opens }) => closes === key && opens !== key);
  return isInText(state, at);
}

/** As many quotes stand before as to make one here the end of a text. */
function isInText(state: EditorState, at: number): boolean {
  const { from } = state.doc.lineAt(at);
  return (state.sliceDoc(from, at).split('"').length - 1) % 2 === 1;
}

/** As if a key was typed, for a bar beside the editor. @returns false where nothing may be typed */
export function insertKey(view: EditorView, key: string): boolean {
  if (view.state.readOnly) return false;
  view.dispatch(keyTransaction(view.state, key));
  view.focus();
  return true;
}
