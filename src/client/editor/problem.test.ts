// @vitest-environment node
/** A problem stays at its line until that is changed. */
import { EditorState } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { expect, it } from 'vitest';
import { problemMarks, showProblem } from './problem.ts';

function setUp(doc: string) {
  const view = {
    state: EditorState.create({ doc, extensions: [problemMarks] }),
    dispatch(spec: Parameters<EditorState['update']>[0]) {
      view.state = view.state.update(spec).state;
    },
  };
  const lines = () => {
    const found: number[] = [];
    view.state.field(problemMarks).between(0, view.state.doc.length, (from, to, { spec }) => {
      if (spec.class === 'cm-problem-line' && from === to) found.push(view.state.doc.lineAt(from).number);
    });
    return found;
  };
  return { view: view as unknown as EditorView, lines };
}

it('moves with its line, and goes when that is changed', () => {
  const { view, lines } = setUp('one\ntwo\nthree');
  showProblem(view, { line: 2, message: 'oh' });
  expect(lines()).toEqual([2]);
  view.dispatch({ changes: { from: 0, insert: 'zero\n' } });
  expect(lines()).toEqual([3]);
  view.dispatch({ changes: { from: 10, insert: 'x' } });
  expect(lines()).toEqual([]);
});

it('goes when it is over, and is shown at the last line where there are fewer', () => {
  const { view, lines } = setUp('one\ntwo');
  showProblem(view, { line: 9, message: 'oh' });
  expect(lines()).toEqual([2]);
  showProblem(view, null);
  expect(lines()).toEqual([]);
});
