/** Marks what the newest answer of an AI put into the text. */
import { type Extension, RangeSetBuilder } from '@codemirror/state';
import { Decoration, EditorView } from '@codemirror/view';
import { answerField, answerInHistory, newestAnswer } from './answer.ts';

const mark = Decoration.mark({ class: 'cm-answer' });

/** The marks, and the state that `newestAnswer`, `takeBackAnswer` and `dismissAnswer` are about. */
export const answerMarks: Extension = [
  answerField,
  answerInHistory,
  EditorView.decorations.compute([answerField], (state) => {
    const builder = new RangeSetBuilder<Decoration>();
    const ranges = newestAnswer(state)?.places.flatMap(({ inserted }) => inserted) ?? [];
    for (const { from, to } of ranges) builder.add(from, to, mark);
    return builder.finish();
  }),
  EditorView.baseTheme({
    '.cm-answer': { backgroundColor: '#ffb4541f', boxShadow: 'inset 0 -1px #ffb45466' },
  }),
];
