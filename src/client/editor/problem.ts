/**
 * Shows what is wrong with the code that was evaluated: its line is marked, with the words below it, until
 * the line is changed or something is evaluated anew.
 */
import { StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view';
import { LineWords } from './line-words.ts';

export interface Problem {
  message: string;
  /** From 1, in the text as it is. */
  line: number;
}

const set = StateEffect.define<Problem | null>();

export const problemMarks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, { docChanged, changes, effects, state, startState }) {
    let now = marks;
    if (docChanged && marks.size > 0) {
      const line = startState.doc.lineAt(marks.iter().from);
      now = changes.touchesRange(line.from, line.to) ? Decoration.none : marks.map(changes);
    }
    for (const effect of effects) {
      if (effect.is(set))
        now = effect.value
          ? marksOf(effect.value, state.doc.lines, (n) => state.doc.line(n))
          : Decoration.none;
    }
    return now;
  },
  provide: (field) => [
    EditorView.decorations.from(field),
    EditorView.baseTheme({
      '.cm-problem-line': { backgroundColor: '#ff5d5d22' },
      '.cm-problem': {
        color: 'light-dark(#8f1222, #ffb3b3)',
        backgroundColor: '#ff5d5d1a',
        borderLeft: '3px solid #ff6b6b',
        padding: '2px 10px',
        fontSize: '0.9em',
        whiteSpace: 'pre-wrap',
      },
    }),
  ],
});

/** @param problem null: there is none any more. */
export function showProblem(view: EditorView, problem: Problem | null): void {
  view.dispatch({ effects: set.of(problem) });
}

function marksOf(
  { message, line: number }: Problem,
  lines: number,
  lineOf: (number: number) => { from: number; to: number },
): DecorationSet {
  const line = lineOf(Math.min(Math.max(1, number), lines));
  return Decoration.set([
    Decoration.line({ class: 'cm-problem-line' }).range(line.from),
    Decoration.widget({ widget: new LineWords(message, 'cm-problem', 'alert'), block: true, side: 1 }).range(
      line.to,
    ),
  ]);
}
