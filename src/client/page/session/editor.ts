/** The code editor: CodeMirror, bound to the session's shared text. */
import { defaultKeymap, history, historyKeymap, isolateHistory } from '@codemirror/commands';
import { Compartment, EditorState, type Extension, Prec } from '@codemirror/state';
import {
  crosshairCursor,
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  rectangularSelection,
} from '@codemirror/view';
import { difference, textOf } from '../../../merging/index.ts';
import {
  answerMarks,
  bringAnswerAgain,
  type CollaborativeDocument,
  caretInSight,
  collaboration,
  dismissAnswer,
  type EditOrigin,
  editSource,
  flashes,
  hangingIndent,
  newestAnswer,
  problemMarks,
  type SoundingPlace,
  showPlayed,
  showProblem,
  showSounding,
  showUnheard,
  sounding,
  takeBackAnswer,
  type UnheardSound,
  unheardMarks,
  wrapping,
} from '../../editor/index.ts';
import type { Formatted, Vocabulary } from '../../editor/writing.ts';
import { look } from './editor-look.ts';

/** `editor-extras.ts`, which is loaded once the editor stands. */
export type Extras = typeof import('./editor-extras.ts');

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
  /** Puts an answer's code in: by the room where it was the newest and is taken back, else as an edit. */
  useAnswer(code: string, isNewest: boolean): void;
  keepAnswer(): void;
  /** @param code what plays from now on; null: nothing does. */
  showPlayed(code: string | null): void;
  /** Marks what sounds, by its places in the code that plays. */
  showSounding(places: readonly SoundingPlace[]): void;
  /** @param line from 1. */
  showProblem(problem: { message: string; line: number } | null): void;
  /** Shows what of the code that plays isn't heard. @returns what the text doesn't have any more */
  showUnheard(sounds: readonly UnheardSound[]): readonly UnheardSound[];
  /** What may be written, as the player says it. */
  setVocabulary(names: Vocabulary): void;
  /** Formats the text, as one edit of the user's own. */
  format(): Promise<Formatted>;
  /** Opens the find panel. */
  find(): Promise<void>;
  /** As if a key was typed. */
  insertKey(key: string): Promise<void>;
  /** Brings a position of the text into sight. */
  reveal(position: number): void;
  setReadOnly(isReadOnly: boolean): void;
  focus(): void;
  destroy(): void;
}

export interface EditorActions {
  /** What is added once it is there; null: it can't be had, and the editor does without. */
  loadExtras(): Promise<Extras | null>;
  /** The keyboard is the editor's, or isn't any more. */
  onFocus(isFocused: boolean): void;
  /** There is an answer to take back, or none any more. */
  onAnswer(): void;
  /** The user typed, scrolled or set the caret. */
  onOwnMove(): void;
  /** Ctrl or ⌘ and Enter. */
  play(): void;
  /** Ctrl or ⌘ and the full stop. */
  stop(): void;
}

/** What any editor has, whatever is written in it. */
export const base: Extension = [
  highlightActiveLineGutter(),
  highlightSpecialChars(),
  history(),
  drawSelection(),
  dropCursor(),
  EditorState.allowMultipleSelections.of(true),
  rectangularSelection(),
  crosshairCursor(),
  highlightActiveLine(),
  keymap.of([...defaultKeymap, ...historyKeymap]),
];

const OWN_MOVES = ['input', 'delete', 'move', 'select', 'undo', 'redo'];

export function createEditor(shared: CollaborativeDocument, actions: EditorActions): Editor {
  const element = document.createElement('div');
  element.className = 'editor';
  element.dataset.testid = 'editor';
  // In a shadow root CodeMirror adopts its style sheets instead of writing <style> elements, which a strict
  // content security policy forbids.
  const root = element.attachShadow({ mode: 'open' });
  const extras = new Compartment();
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
        lineNumbers(),
        extras.of([]),
        base,
        look,
        binding.of(collaboration(shared)),
        answerMarks,
        flashes,
        sounding,
        problemMarks,
        // After `sounding`, so that it is around what that marks.
        unheardMarks,
        wrapping,
        hangingIndent,
        caretInSight,
        EditorView.contentAttributes.of({ 'aria-label': 'Pattern code' }),
        access.of(readOnly(true)),
        EditorView.focusChangeEffect.of((_, isFocused) => {
          actions.onFocus(isFocused);
          return null;
        }),
        EditorView.updateListener.of(({ startState, state, transactions }) => {
          if (newestAnswer(startState) !== newestAnswer(state)) actions.onAnswer();
          if (transactions.some((one) => OWN_MOVES.some((event) => one.isUserEvent(event)))) {
            actions.onOwnMove();
          }
        }),
        EditorView.domEventObservers({ wheel: actions.onOwnMove, touchmove: actions.onOwnMove }),
      ],
    }),
  });
  let isReadOnly = true;
  let isGone = false;
  let vocabulary: Vocabulary | null = null;
  const loading = actions.loadExtras().then((loaded) => {
    if (!loaded || isGone) return null;
    view.dispatch({ effects: extras.reconfigure(loaded.extras) });
    if (vocabulary) loaded.setVocabulary(view, vocabulary);
    return loaded;
  });
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
    useAnswer(code, isNewest) {
      if (!isNewest || !bringAnswerAgain(view)) this.replace(code, 'typed');
    },
    keepAnswer() {
      dismissAnswer(view);
      view.focus();
    },
    showPlayed: (code) => showPlayed(view, code),
    showSounding: (places) => showSounding(view, places),
    showProblem: (problem) => showProblem(view, problem),
    showUnheard: (sounds) => showUnheard(view, sounds),
    setVocabulary(names) {
      vocabulary = names;
      void loading.then((loaded) => loaded?.setVocabulary(view, names));
    },
    async format() {
      const loaded = await loading;
      return loaded ? loaded.formatCode(view) : { error: 'The formatter could not be loaded.' };
    },
    async find() {
      (await loading)?.openFind(view);
    },
    async insertKey(key) {
      (await loading)?.insertKey(view, key);
    },
    reveal(position) {
      view.dispatch({ effects: EditorView.scrollIntoView(position, { y: 'center' }) });
    },
    setReadOnly(wanted) {
      if (wanted === isReadOnly) return;
      isReadOnly = wanted;
      view.dispatch({ effects: access.reconfigure(readOnly(wanted)) });
    },
    focus() {
      view.focus();
    },
    destroy() {
      isGone = true;
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
