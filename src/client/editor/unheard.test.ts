// @vitest-environment node
/** What isn't heard is shown where the text still has it as it plays. */
import { EditorState } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { expect, it } from 'vitest';
import { showPlayed, sounding } from './sounding.ts';
import { showUnheard, unheardMarks } from './unheard.ts';

const PLAYED = 's("bd foo")\n// second\ns("bar foo")';

/** @param doc the text, while `PLAYED` plays */
function setUp(doc = PLAYED) {
  const view = {
    state: EditorState.create({ doc, extensions: [unheardMarks, sounding] }),
    dispatch(spec: Parameters<EditorState['update']>[0]) {
      view.state = view.state.update(spec).state;
    },
  };
  showPlayed(view as unknown as EditorView, PLAYED);
  const shown = () => {
    const marked: string[] = [];
    const words: number[] = [];
    const { doc } = view.state;
    view.state.field(unheardMarks).marks.between(0, doc.length, (from, to, { spec }) => {
      if (spec.class) marked.push(`${doc.lineAt(from).number}:${doc.sliceString(from, to)}`);
      else words.push(doc.lineAt(from).number);
    });
    return { marked, words };
  };
  return { view: view as unknown as EditorView, shown };
}

const places = (name: string) =>
  [...PLAYED.matchAll(new RegExp(name, 'g'))].map(({ index }) => ({
    start: index,
    end: index + name.length,
  }));
const foo = { message: 'no foo', places: places('foo') };
const bar = { message: 'no bar', places: places('bar') };

it('is marked wherever it is, with its words once, below the first', () => {
  const { view, shown } = setUp();
  expect(showUnheard(view, [foo, bar])).toEqual([]);
  expect(shown()).toEqual({ marked: ['1:foo', '3:bar', '3:foo'], words: [1, 3] });
  showUnheard(view, [bar]);
  expect(shown()).toEqual({ marked: ['3:bar'], words: [3] });
  showUnheard(view, []);
  expect(shown()).toEqual({ marked: [], words: [] });
});

it('moves with the text, and goes where its sound is changed', () => {
  const { view, shown } = setUp();
  showUnheard(view, [foo]);
  view.dispatch({ changes: { from: 0, insert: '// first\n' } });
  expect(shown()).toEqual({ marked: ['2:foo', '4:foo'], words: [2] });
  const end = view.state.doc.toString().indexOf('foo') + 3;
  view.dispatch({ changes: { from: end, insert: 'd' } });
  expect(shown()).toEqual({ marked: ['4:foo'], words: [4] });
  // Nor does it come back there with what is said next.
  showUnheard(view, [foo, bar]);
  expect(shown().marked).toEqual(['4:bar', '4:foo']);
});

it('is handed back where the text doesn’t have it, and while nothing plays', () => {
  const { view, shown } = setUp('s("bd")\n// second\ns("bar")');
  const elsewhere = { message: 'nowhere', places: [] };
  expect(showUnheard(view, [foo, bar, elsewhere])).toEqual([foo, elsewhere]);
  expect(shown().marked).toEqual(['3:bar']);
  showPlayed(view, null);
  expect(shown().marked).toEqual([]);
  expect(showUnheard(view, [bar])).toEqual([bar]);
});

it('goes with what plays', () => {
  const { view, shown } = setUp();
  showUnheard(view, [foo]);
  showPlayed(view, PLAYED);
  expect(shown()).toEqual({ marked: [], words: [] });
});

it('takes places that aren’t in the code for none', () => {
  const { view, shown } = setUp();
  const wrong = {
    message: 'wrong',
    places: [
      { start: 5, end: 9_999 },
      { start: 4, end: 4 },
      { start: 9, end: 3 },
    ],
  };
  expect(showUnheard(view, [wrong])).toEqual([wrong]);
  expect(shown()).toEqual({ marked: [], words: [] });
});
