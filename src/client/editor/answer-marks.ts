/** Marks what the newest answer of an AI put into the text. */
import { type Extension, RangeSetBuilder } from '@codemirror/state';
import { Decoration, EditorView } from '@codemirror/view';
import { newestAnswer, roomChanges, roomChangesInHistory } from './room-changes.ts';

const mark = Decoration.mark({ class: 'cm-answer' });

/** The marks, and the state that `newestAnswer`, `takeBackAnswer` and `dismissAnswer` are about. */
export const answerMarks: Extension = [
  roomChangesInHistory,
  EditorView.decorations.compute([roomChanges], (state) => {
    const builder = new RangeSetBuilder<Decoration>();
    const ranges = newestAnswer(state)?.places.flatMap(({ inserted }) => inserted) ?? [];
    for (const { from, to } of ranges) builder.add(from, to, mark);
    return builder.finish();
  }),
  EditorView.baseTheme({
    '.cm-answer': {
      backgroundColor: 'light-dark(#a356001f, #ffb4541f)',
      boxShadow: 'inset 0 -1px light-dark(#a35600aa, #ffb45466)',
    },
  }),
];
