// @vitest-environment node
/** What sounds is marked where it is in the text now. */
import { EditorState } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { describe, expect, it } from 'vitest';
import { showPlayed, showSounding, sounding } from './sounding.ts';

function setUp(doc: string) {
  const view = {
    state: EditorState.create({ doc, extensions: [sounding] }),
    dispatch(spec: Parameters<EditorState['update']>[0]) {
      view.state = view.state.update(spec).state;
    },
  };
  const marked = () => {
    const found: string[] = [];
    view.state.field(sounding).marks.between(0, view.state.doc.length, (from, to) => {
      found.push(view.state.sliceDoc(from, to));
    });
    return found;
  };
  return { view: view as unknown as EditorView, marked, state: () => view.state };
}

describe('what sounds', () => {
  it('is marked in the code that plays', () => {
    const { view, marked } = setUp('s("bd hh")');
    showPlayed(view, 's("bd hh")');
    showSounding(view, [
      { start: 6, end: 8 },
      { start: 3, end: 5 },
    ]);
    expect(marked()).toEqual(['bd', 'hh']);
    showSounding(view, []);
    expect(marked()).toEqual([]);
  });

  it('moves with the text, also in what was typed since it was evaluated', () => {
    const { view, marked } = setUp('// new\ns("bd hh")');
    showPlayed(view, 's("bd hh")');
    showSounding(view, [{ start: 6, end: 8 }]);
    expect(marked()).toEqual(['hh']);
    view.dispatch({ changes: { from: 0, insert: 'more ' } });
    expect(marked()).toEqual(['hh']);
    showSounding(view, [{ start: 3, end: 5 }]);
    expect(marked()).toEqual(['bd']);
  });

  it('isn’t marked where it was typed over', () => {
    const { view, marked } = setUp('s("bd hh")');
    showPlayed(view, 's("bd hh")');
    view.dispatch({ changes: { from: 3, to: 5, insert: 'cp' } });
    showSounding(view, [
      { start: 3, end: 5 },
      { start: 6, end: 8 },
    ]);
    expect(marked()).toEqual(['hh']);
  });

  it('is nothing once nothing plays, nor beyond the code', () => {
    const { view, marked } = setUp('s("bd")');
    showSounding(view, [{ start: 3, end: 5 }]);
    expect(marked()).toEqual([]);
    showPlayed(view, 's("bd")');
    showSounding(view, [{ start: 3, end: 99 }]);
    expect(marked()).toEqual([]);
    showSounding(view, [{ start: 3, end: 5 }]);
    showPlayed(view, null);
    expect(marked()).toEqual([]);
  });
});
