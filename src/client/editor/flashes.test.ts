// @vitest-environment node
/** Who changed what: marked in their colour, moved with the text, gone after a moment. */
import { EditorState, type Transaction } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { HeldNetwork, MergingRoom } from '../../../test/support/merging-room.ts';
import { FLASH_MS, FlashMarks, flashOf } from './flashes.ts';
import { peersOf, setPeers } from './peers.ts';
import type { RemoteChange } from './ports.ts';
import { remoteTransaction } from './remote-change.ts';

function setUp(doc: string) {
  const room = new MergingRoom(doc, new HeldNetwork().channel);
  let state = EditorState.create({ doc, extensions: peersOf(room.join('A')) });
  const peer = { id: 'B', name: 'Ben', color: 4, anchor: 0, head: 0 };
  state = state.update({ effects: setPeers.of([peer]) }).state;
  const apply = (transaction: Transaction) => {
    state = transaction.state;
    return [transaction];
  };
  return {
    text: () => state.doc.toString(),
    remote(from: number, to: number, insert: string, more: Partial<RemoteChange> = {}) {
      const changes = state.changes({ from, to, insert });
      const author = { id: 'B', name: 'Ben' };
      return apply(
        state.update(remoteTransaction({ changes, author, rev: null, isOwnRequest: false, ...more })),
      );
    },
    own: (from: number, insert: string) => apply(state.update({ changes: { from, insert } })),
    marked(marks: FlashMarks) {
      const found: string[] = [];
      marks.marks.between(0, state.doc.length, (from, to, { spec }) => {
        found.push(`${spec.class.split('-').at(-1)}:${state.sliceDoc(from, to)}`);
      });
      return found;
    },
  };
}

describe('what another participant puts in', () => {
  it('is marked in their colour, and moves with the text', () => {
    const editor = setUp('s("bd")');
    let marks = new FlashMarks().after(editor.remote(5, 5, ' hh'), 0);
    expect(editor.marked(marks)).toEqual(['4: hh']);
    marks = marks.after(editor.own(0, '$: '), 100);
    expect(editor.marked(marks)).toEqual(['4: hh']);
    expect(editor.text()).toBe('$: s("bd hh")');
  });

  it('goes after its moment, each by itself', () => {
    const editor = setUp('');
    let marks = new FlashMarks().after(editor.remote(0, 0, 'one'), 0);
    marks = marks.after(editor.remote(3, 3, 'two'), 1_000);
    expect(marks.nextEndMs).toBe(FLASH_MS);
    marks = marks.at(FLASH_MS);
    expect(editor.marked(marks)).toEqual(['4:two']);
    marks = marks.at(1_000 + FLASH_MS);
    expect([marks.size, marks.nextEndMs]).toEqual([0, null]);
  });

  it('is bounded: the newest stay', () => {
    const editor = setUp('');
    let marks = new FlashMarks();
    for (let index = 0; index < 150; index++) {
      marks = marks.after(editor.remote(editor.text().length, editor.text().length, `${index} `), index);
    }
    expect(marks.size).toBe(100);
    expect(editor.marked(marks).at(0)).toBe('4:50 ');
  });
});

it('own edits, answers of an AI, switches, deletions, and very much text don’t flash', () => {
  const editor = setUp('s("bd")');
  const flashing = ([transaction]: Transaction[]) => (transaction ? flashOf(transaction) : null);
  expect(flashing(editor.own(0, 'x'))).toBeNull();
  expect(flashing(editor.remote(0, 1, ''))).toBeNull();
  expect(flashing(editor.remote(0, 0, 'x', { source: 'ai' }))).toBeNull();
  expect(flashing(editor.remote(0, 0, 'x', { source: 'loaded_strudel' }))).toBeNull();
  expect(flashing(editor.remote(0, 0, 'x', { isOwnRequest: true }))).toBeNull();
  expect(flashing(editor.remote(0, 0, 'x', { author: null }))).toBeNull();
  expect(flashing(editor.remote(0, 0, 'x'.repeat(6_000)))).toBeNull();
  expect(flashing(editor.remote(0, 0, 'x', { source: 'typed' }))).toMatchObject({ color: 4 });
});
