/** The code editor: CodeMirror, bound to the session's shared text. */
import { isolateHistory } from '@codemirror/commands';
import { javascript } from '@codemirror/lang-javascript';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { oneDark } from '@codemirror/theme-one-dark';
import { EditorView, keymap } from '@codemirror/view';
import { basicSetup } from 'codemirror';
import { difference, textOf } from '../../merging/index.ts';
import {
  answerMarks,
  type CollaborativeDocument,
  collaboration,
  dismissAnswer,
  type EditOrigin,
  editSource,
  newestAnswer,
  problemMarks,
  type SoundingPlace,
  showPlayed,
  showProblem,
  showSounding,
  sounding,
  takeBackAnswer,
} from '../editor/index.ts';
import { el } from './dom.ts';

export interface Editor {
  element: HTMLElement;
  /** The text as it stands in the editor. */
  readonly code: string;
  /** The newest answer of the AI is in the text, and can be taken back. */
  readonly hasAnswer: boolean;
  /** Makes this the text: an edit of the user's own, and one step of undo. */
  replace(code: string, source: EditOrigin['source']): void;
  /** Shows a text that belongs to no session any more. */
  show(code: string): void;
  takeBackAnswer(): void;
  keepAnswer(): void;
  /** @param code what plays from now on; null: nothing does. */
  showPlayed(code: string | null): void;
  /** Marks what sounds, by its places in the code that plays. */
  showSounding(places: readonly SoundingPlace[]): void;
  /** @param line from 1. */
  showProblem(problem: { message: string; line: number } | null): void;
  setReadOnly(isReadOnly: boolean): void;
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

export interface EditorActions {
  /** There is an answer to take back, or none any more. */
  onAnswer(): void;
  /** Ctrl or ⌘ and Enter. */
  play(): void;
  /** Ctrl or ⌘ and the full stop. */
  stop(): void;
}

export function createEditor(shared: CollaborativeDocument, actions: EditorActions): Editor {
  const element = el('div', { class: 'editor', 'data-testid': 'editor' });
  // In a shadow root CodeMirror adopts its style sheets instead of writing <style> elements, which a strict
  // content security policy forbids.
  const root = element.attachShadow({ mode: 'open' });
  const access = new Compartment();
  const binding = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: shared.text,
      extensions: [
        // Before CodeMirror's own, which puts in a blank line.
        Prec.highest(keymap.of([commandOf('Mod-Enter', actions.play), commandOf('Mod-.', actions.stop)])),
        basicSetup,
        javascript(),
        look,
        oneDark,
        binding.of(collaboration(shared)),
        answerMarks,
        sounding,
        problemMarks,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'Pattern code' }),
        access.of(readOnly(true)),
        EditorView.updateListener.of(({ startState, state }) => {
          if (newestAnswer(startState) !== newestAnswer(state)) actions.onAnswer();
        }),
      ],
    }),
  });
  let isReadOnly = true;
  return {
    element,
    get code() {
      return view.state.doc.toString();
    },
    get hasAnswer() {
      return newestAnswer(view.state) !== null;
    },
    replace(code, source) {
      view.dispatch({
        changes: difference(view.state.doc, textOf(code)),
        annotations: [editSource.of(source), isolateHistory.of('full')],
      });
    },
    show(code) {
      view.dispatch({ effects: binding.reconfigure([]) });
      view.dispatch({ changes: difference(view.state.doc, textOf(code)) });
    },
    takeBackAnswer() {
      takeBackAnswer(view);
      view.focus();
    },
    keepAnswer() {
      dismissAnswer(view);
      view.focus();
    },
    showPlayed: (code) => showPlayed(view, code),
    showSounding: (places) => showSounding(view, places),
    showProblem: (problem) => showProblem(view, problem),
    setReadOnly(wanted) {
      if (wanted === isReadOnly) return;
      isReadOnly = wanted;
      view.dispatch({ effects: access.reconfigure(readOnly(wanted)) });
    },
    focus() {
      view.focus();
    },
    destroy() {
      view.destroy();
    },
  };
}

function commandOf(key: string, command: () => void) {
  return {
    key,
    run: () => {
      command();
      return true;
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
