/**
 * The rows on which a wrapped line goes on are indented: by the line's own indentation and a little more.
 * Only lines in sight are looked at, and only their beginnings, so a key costs the same in any text.
 */
import { countColumn, type Extension, type Range } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { isWrapped } from './wrapping.ts';

/** Columns by which a line goes on further in than it begins. */
const MORE_COLUMNS = 2;
/** At most this part of a row stays empty, or on a phone deeply indented code would have no room. */
const MAX_PART = 0.4;

/**
 * @param text of a line.
 * @param maxColumns it isn't indented further.
 * @returns by how many columns its other rows are indented.
 */
export function hangingColumns(text: string, tabSize: number, maxColumns: number): number {
  const indented = /^[ \t]*/.exec(text)?.[0].length ?? 0;
  const columns = countColumn(text, tabSize, indented) + MORE_COLUMNS;
  // The browser counts tab stops from where the other rows begin.
  const step = text.includes('\t') ? tabSize : 1;
  const most = Math.floor(maxColumns / step) * step;
  return Math.max(0, Math.min(Math.ceil(columns / step) * step, most));
}

const byColumns = new Map<number, Decoration>();

function decorationOf(columns: number): Decoration {
  let decoration = byColumns.get(columns);
  if (!decoration) {
    decoration = Decoration.line({ attributes: { style: `--cm-hanging: ${columns}ch` } });
    byColumns.set(columns, decoration);
  }
  return decoration;
}

function decorationsIn({ state, visibleRanges }: EditorView, maxColumns: number): DecorationSet {
  const found: Range<Decoration>[] = [];
  if (!isWrapped(state)) return Decoration.none;
  let next = 0;
  for (const { from, to } of visibleRanges) {
    for (let at = Math.max(from, next); at <= to; at = next) {
      const line = state.doc.lineAt(at);
      found.push(decorationOf(hangingColumns(line.text, state.tabSize, maxColumns)).range(line.from));
      next = line.to + 1;
    }
  }
  return Decoration.set(found);
}

class HangingIndent {
  decorations: DecorationSet;
  #maxColumns: number;

  constructor(view: EditorView) {
    this.#maxColumns = maxColumnsOf(view);
    this.decorations = decorationsIn(view, this.#maxColumns);
  }

  update({ view, docChanged, viewportChanged, geometryChanged, startState, state }: ViewUpdate): void {
    // With a change the layout isn't known yet, and asking for it would cost each key one.
    const maxColumns = geometryChanged && !docChanged ? maxColumnsOf(view) : this.#maxColumns;
    const isAsBefore = maxColumns === this.#maxColumns && startState.tabSize === state.tabSize;
    if (!docChanged && !viewportChanged && isAsBefore) return;
    this.#maxColumns = maxColumns;
    this.decorations = decorationsIn(view, maxColumns);
  }
}

function maxColumnsOf({ contentDOM, defaultCharacterWidth }: EditorView): number {
  return Math.floor((MAX_PART * contentDOM.clientWidth) / defaultCharacterWidth);
}

export const hangingIndent: Extension = [
  ViewPlugin.fromClass(HangingIndent, { decorations: (plugin) => plugin.decorations }),
  EditorView.theme({
    '.cm-line': {
      // Six pixels are CodeMirror's own.
      paddingLeft: 'calc(6px + var(--cm-hanging, 0px))',
      textIndent: 'calc(-1 * var(--cm-hanging, 0px))',
    },
    // What stands in a line as a box begins where it stands.
    '.cm-line > *': { textIndent: '0' },
  }),
];
