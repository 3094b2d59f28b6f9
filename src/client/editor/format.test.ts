// @vitest-environment node
/** Formatting changes the layout, never the music; carets and undo. */
import { history, undo } from '@codemirror/commands';
import { EditorState, type Transaction, type TransactionSpec } from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { describe, expect, it } from 'vitest';
import { formatCode } from './format.ts';
import { format } from './formatter.ts';

function setUp(doc: string, isReadOnly = false) {
  const anchor = Math.max(0, doc.indexOf('|'));
  const view = {
    state: EditorState.create({
      doc: doc.replace('|', ''),
      selection: { anchor },
      extensions: [history(), EditorState.readOnly.of(isReadOnly)],
    }),
    dispatched: [] as Transaction[],
    dispatch(spec: TransactionSpec) {
      const transaction = view.state.update(spec);
      view.dispatched.push(transaction);
      view.state = transaction.state;
    },
  };
  const marked = () => {
    const text = view.state.doc.toString();
    const { head } = view.state.selection.main;
    return `${text.slice(0, head)}|${text.slice(head)}`;
  };
  return { view, format: () => formatCode(view as unknown as EditorView), marked };
}

describe('the layout', () => {
  it.each([
    ['s( "bd  hh" ) . fast( 2 )', 's("bd  hh").fast(2)'],
    ['$:s("bd")\n\n\n\n_$:note("c").s( \'sine\' );', '$: s("bd")\n\n_$: note("c").s(\'sine\')'],
    ['// a beat\nsetcpm( 120/4 )\ns("bd*4") // four\n', '// a beat\nsetcpm(120 / 4)\ns("bd*4") // four\n'],
    ['s("bd").every(4,(x)=>x.fast(2)).gain(.5)', 's("bd")\n  .every(4, x => x.fast(2))\n  .gain(.5)'],
    ['note(`c e\n   <g   a>`)', 'note(`c e\n   <g   a>`)'],
    ["samples({'kick':[\"a.wav\"],snare:'b.wav'})", "samples({ 'kick': [\"a.wav\"], snare: 'b.wav' })"],
    ['"bd hh".s()', '"bd hh".s()'],
    ["'bd hh'", "'bd hh'"],
    ['const  a=await samples("x")\na', 'const a = await samples("x")\na'],
  ])('%j', async (code, expected) => {
    expect(await format(code)).toEqual({ code: expected });
    expect(await format(expected)).toEqual({ code: expected });
  });
});

it('is one edit that leaves the caret, and one undo takes it back', async () => {
  const { view, format, marked } = setUp('s( "bd h|h" )\n  .fast( 2 )');
  expect(await format()).toBe('formatted');
  expect(marked()).toBe('s("bd h|h").fast(2)');
  expect(view.dispatched).toHaveLength(1);
  undo(view as unknown as EditorView);
  expect(marked()).toBe('s( "bd h|h" )\n  .fast( 2 )');
});

it('changes only what differs', async () => {
  const lines = Array.from({ length: 50 }, (_, index) => `$: s("bd").gain(${index})`);
  const { view, format } = setUp([...lines, '$: s( "hh" )'].join('\n'));
  expect(await format()).toBe('formatted');
  const touched: [number, number][] = [];
  view.dispatched[0]?.changes.iterChanges((from, to) => touched.push([from, to]));
  const { from } = view.state.doc.line(51);
  expect(touched.every(([start]) => start >= from)).toBe(true);
});

it('says what can’t be read, and changes nothing', async () => {
  const { view, format } = setUp('s("bd")\n  .fast(2))');
  expect(await format()).toEqual({ error: expect.stringMatching(/^Line 2 can’t be read: /) });
  expect(view.dispatched).toEqual([]);
});

it('says when there is nothing to do, or nothing may be done', async () => {
  expect(await setUp('s("bd")').format()).toBe('unchanged');
  expect(await setUp('s( "bd" )', true).format()).toMatchObject({ error: expect.any(String) });
});

it('formats what is there when it is done, not what was there before', async () => {
  const { view, format } = setUp('s( "bd" )');
  const done = format();
  view.dispatch({ changes: { from: 0, insert: '$:' } });
  expect(await done).toBe('formatted');
  expect(view.state.doc.toString()).toBe('$: s("bd")');
});
