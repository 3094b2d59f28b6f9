/** The code editor: CodeMirror, told about the room's text and telling about the user's. */
import { isolateHistory, undo } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { Compartment, EditorState, Transaction } from '@codemirror/state';
import { oneDark } from '@codemirror/theme-one-dark';
import { EditorView, type ViewUpdate } from '@codemirror/view';
import { basicSetup } from 'codemirror';
import { textChange } from '../../protocol/index.ts';
import type { EditDetails } from '../sdk/shared-document.ts';
import { el } from './dom.ts';
import { moveCursor, type RemoteCursor, remoteCursors, removeCursor } from './remote-cursors.ts';

export interface EditorOptions {
  onEdit(code: string, details: EditDetails): void;
  /** Line from 1, column from 0. */
  onCursor(line: number, col: number): void;
}

export interface Editor {
  element: HTMLElement;
  /** The text as it stands in the editor. */
  readonly code: string;
  /**
   * Takes over the room's text; the user's cursor and undo history stay.
   * @param isUndoable the user brought it about, so undoing takes it back as one step.
   */
  setCode(code: string, isUndoable?: boolean): void;
  /** Takes back the user's last step. */
  undo(): void;
  setReadOnly(isReadOnly: boolean): void;
  showCursor(cursor: RemoteCursor): void;
  hideCursor(id: string): void;
  focus(): void;
  destroy(): void;
}

const look = EditorView.theme(
  {
    '&': { height: '100%', backgroundColor: 'transparent', fontSize: '15px' },
    '&.cm-focused': { outline: 'none' },
    '.cm-scroller': {
      fontFamily: 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace',
      lineHeight: '1.6',
      overflow: 'auto',
    },
    '.cm-content': { padding: '14px 0' },
    '.cm-gutters': { backgroundColor: 'transparent', border: 'none', color: '#5b6675' },
    '.cm-activeLine': { backgroundColor: '#ffffff08' },
    '.cm-activeLineGutter': { backgroundColor: 'transparent', color: '#aeb8c6' },
  },
  { dark: true },
);

export function createEditor(options: EditorOptions): Editor {
  const element = el('div', { class: 'editor', 'data-testid': 'editor' });
  // In a shadow root CodeMirror adopts its style sheets instead of writing <style> elements, which a strict
  // content security policy forbids.
  const root = element.attachShadow({ mode: 'open' });
  const access = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      extensions: [
        basicSetup,
        javascript(),
        look,
        oneDark,
        remoteCursors,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Pattern code' }),
        access.of(readOnly(true)),
        EditorView.updateListener.of((update) => report(update, options)),
      ],
    }),
  });
  let isReadOnly = true;
  return {
    element,
    get code() {
      return view.state.doc.toString();
    },
    setCode(code, isUndoable = false) {
      // The editor knows one kind of line break only.
      const change = textChange(view.state.doc.toString(), code.replace(/\r\n?/g, '\n'));
      if (change === null) return;
      view.dispatch({
        changes: change,
        annotations: [
          Transaction.remote.of(true),
          isUndoable ? isolateHistory.of('full') : Transaction.addToHistory.of(false),
        ],
      });
    },
    undo() {
      undo(view);
      view.focus();
    },
    setReadOnly(wanted) {
      if (wanted === isReadOnly) return;
      isReadOnly = wanted;
      view.dispatch({ effects: access.reconfigure(readOnly(wanted)) });
    },
    showCursor(cursor) {
      view.dispatch({ effects: moveCursor.of(cursor) });
    },
    hideCursor(id) {
      view.dispatch({ effects: removeCursor.of(id) });
    },
    focus() {
      view.focus();
    },
    destroy() {
      view.destroy();
    },
  };
}

function readOnly(isReadOnly: boolean) {
  return [
    EditorState.readOnly.of(isReadOnly),
    EditorView.editable.of(!isReadOnly),
    // Not editable, so out of the tab order; it must still be possible to scroll and copy by keyboard.
    EditorView.contentAttributes.of(isReadOnly ? { tabindex: '0', 'aria-readonly': 'true' } : {}),
  ];
}

function report(update: ViewUpdate, options: EditorOptions): void {
  const own = update.transactions.filter((transaction) => !transaction.annotation(Transaction.remote));
  const { doc, selection } = update.state;
  const row = doc.lineAt(selection.main.head);
  const cursor = { line: row.number, col: selection.main.head - row.from };
  if (own.some((transaction) => transaction.docChanged)) {
    options.onEdit(doc.toString(), {
      cursorLine: cursor.line,
      cursorCol: cursor.col,
      source: own.some((transaction) => transaction.isUserEvent('input.paste')) ? 'paste' : 'typed',
    });
  } else if (own.some((transaction) => transaction.selection !== undefined)) {
    options.onCursor(cursor.line, cursor.col);
  }
}
