/** What stands at a place in a pattern's code, by its syntax tree. Pure: no view. */
import { ensureSyntaxTree, syntaxTree } from '@codemirror/language';
import type { EditorState } from '@codemirror/state';

type SyntaxNode = ReturnType<ReturnType<typeof syntaxTree>['resolveInner']>;

/** Where a busy machine hasn't read the code that far yet, it is given so long, in milliseconds. */
const PARSE_MS = 200;

function treeAt(state: EditorState, position: number) {
  return ensureSyntaxTree(state, position, PARSE_MS) ?? syntaxTree(state);
}

/** Text between quotes, up to a position. */
export interface StringPlace {
  kind: 'string';
  /** The innermost function of those asked for that takes this text. */
  taker: string;
  /** What stands between the opening quote and the position. */
  before: string;
}

/** A word that is being written. */
export interface WordPlace {
  kind: 'word';
  from: number;
  /** It follows a full stop, so it is a method. */
  isChained: boolean;
}

const STRINGS = ['String', 'TemplateString'];
const NOT_WORDS = ['LineComment', 'BlockComment', 'RegExp', 'Number'];

/**
 * @param takers the functions whose text is of interest
 * @returns null where neither a word nor such a text is
 */
export function placeAt(
  state: EditorState,
  position: number,
  takers: ReadonlySet<string>,
): StringPlace | WordPlace | null {
  const node = treeAt(state, position).resolveInner(position, -1);
  if (STRINGS.includes(node.name)) return stringAt(state, node, position, takers);
  if (NOT_WORDS.includes(node.name)) return null;
  const line = state.doc.lineAt(position);
  const before = state.sliceDoc(line.from, position);
  const [word = ''] = /[a-zA-Z_$][\w$]*$/.exec(before) ?? [];
  const from = position - word.length;
  const ahead = state.sliceDoc(Math.max(0, from - 200), from).trimEnd();
  // A digit's full stop is a fraction's.
  const isChained = /[\w$)\]"'`]\s*\.$/.test(ahead) && !/(^|[^\w$])\d+\.$/.test(ahead);
  if (!isChained && /[.\d]$/.test(before.slice(0, before.length - word.length))) return null;
  return { kind: 'word', from, isChained };
}

function stringAt(
  state: EditorState,
  node: SyntaxNode,
  position: number,
  takers: ReadonlySet<string>,
): StringPlace | null {
  if (position <= node.from || (position === node.to && isClosed(state, node))) return null;
  const before = state.sliceDoc(node.from + 1, position);
  // `"bd hh".s()`, or `s("bd hh")`, also with something done to the text first.
  for (let at: SyntaxNode | null = node; at; at = at.parent) {
    const { parent } = at;
    const name =
      parent?.name === 'MemberExpression'
        ? nameOf(state, parent.getChild('PropertyName'))
        : parent?.name === 'ArgList'
          ? calleeOf(state, parent)
          : null;
    if (name !== null && takers.has(name)) return { kind: 'string', taker: name, before };
    if (parent?.name === 'ArrowFunction' || parent?.name === 'Script') return null;
  }
  return null;
}

/** @returns whether the position behind a text is outside of it */
function isClosed(state: EditorState, node: SyntaxNode): boolean {
  const text = state.sliceDoc(node.from, node.to);
  return text.length > 1 && text.at(-1) === text[0];
}

const nameOf = (state: EditorState, node: SyntaxNode | null): string | null =>
  node ? state.sliceDoc(node.from, node.to) : null;

/** @param list what stands between a call's parentheses, and these */
function calleeOf(state: EditorState, list: SyntaxNode): string | null {
  const callee = list.parent?.firstChild ?? null;
  if (callee?.name === 'MemberExpression') return nameOf(state, callee.getChild('PropertyName'));
  return callee?.name === 'VariableName' ? nameOf(state, callee) : null;
}

export interface Word {
  from: number;
  to: number;
  name: string;
}

/** The function's name at a position, if one stands there. */
export function wordAt(state: EditorState, position: number): Word | null {
  for (const side of [-1, 1] as const) {
    const node = treeAt(state, position).resolveInner(position, side);
    if (node.name === 'VariableName' || node.name === 'PropertyName') {
      return { from: node.from, to: node.to, name: state.sliceDoc(node.from, node.to) };
    }
  }
  return null;
}

/** The names of the calls around a position, from the innermost, each where it is written. */
export function callsAround(state: EditorState, position: number): Word[] {
  const found: Word[] = [];
  for (let at: SyntaxNode | null = treeAt(state, position).resolveInner(position, -1); at; at = at.parent) {
    if (at.name !== 'ArgList') continue;
    const callee = at.parent?.firstChild;
    const node = callee?.name === 'MemberExpression' ? callee.getChild('PropertyName') : callee;
    if (node) found.push({ from: node.from, to: node.to, name: state.sliceDoc(node.from, node.to) });
  }
  return found;
}
