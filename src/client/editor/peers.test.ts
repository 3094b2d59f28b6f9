/** Where others are shown: with the text, and with what they type. */
import { ChangeSet } from '@codemirror/state';
import { expect, it } from 'vitest';
import { HeldNetwork, MergingRoom } from '../../../test/support/merging-room.ts';
import { StateEditor } from '../../../test/support/state-editor.ts';
import { movePeers, shownPeers } from './peers.ts';

const peer = (anchor: number, head = anchor) => ({ id: 'b', name: 'B', color: 1, anchor, head });
const insert = (from: number, text: string) => ChangeSet.of({ from, insert: text }, 20);
const placeOf = ([{ anchor, head } = peer(-1)]: readonly { anchor: number; head: number }[]) => [
  anchor,
  head,
];

it('a caret moves with the text before it, and not with what comes in at it', () => {
  expect(placeOf(movePeers([peer(5)], insert(0, 'abc')))).toEqual([8, 8]);
  expect(placeOf(movePeers([peer(5)], insert(5, 'abc')))).toEqual([5, 5]);
  expect(placeOf(movePeers([peer(5)], ChangeSet.of({ from: 2, to: 10 }, 20)))).toEqual([2, 2]);
});

it('a selection grows with what comes in inside it, keeps its direction, and takes in nothing at its ends', () => {
  expect(placeOf(movePeers([peer(8, 4)], insert(6, 'abc')))).toEqual([11, 4]);
  expect(placeOf(movePeers([peer(4, 8)], insert(4, 'abc')))).toEqual([7, 11]);
  expect(placeOf(movePeers([peer(4, 8)], insert(8, 'abc')))).toEqual([4, 8]);
});

it('an edit puts its author’s caret at its end: of several places, the one at the caret', () => {
  const edit = { authorId: 'b', source: 'typed' };
  expect(placeOf(movePeers([peer(5)], insert(5, 'abc'), edit))).toEqual([8, 8]);
  expect(placeOf(movePeers([peer(4, 8)], ChangeSet.of({ from: 4, to: 8, insert: 'x' }, 20), edit))).toEqual([
    5, 5,
  ]);
  const everywhere = ChangeSet.of(
    [0, 6, 12].map((from) => ({ from, to: from + 3, insert: 'much' })),
    20,
  );
  expect(placeOf(movePeers([peer(6, 9)], everywhere, edit))).toEqual([11, 11]);
  expect(placeOf(movePeers([peer(19)], everywhere, edit))).toEqual([18, 18]);
  expect(placeOf(movePeers([peer(0)], ChangeSet.of({ from: 9, to: 12 }, 20), edit))).toEqual([9, 9]);
});

it('an answer of the AI or a switch leaves the caret of who asked where it is', () => {
  for (const source of ['ai', 'loaded_strudel']) {
    expect(placeOf(movePeers([peer(5)], insert(9, 'abc'), { authorId: 'b', source }))).toEqual([5, 5]);
  }
});

it('others show from the moment they join, and their names anew when they move', () => {
  const network = new HeldNetwork();
  const room = new MergingRoom('one two', network.channel);
  const a = new StateEditor(room.join('A'));
  const b = new StateEditor(room.join('B'));
  expect(shownPeers(b.state)).toMatchObject([{ name: 'A', color: 0, head: 0 }]);
  network.deliverAll();
  const shown = () => shownPeers(a.state)[0] ?? { moves: 0, head: -1 };
  expect(shown()).toMatchObject({ name: 'B', color: 1, head: 0 });
  const { moves } = shown();
  a.change({ from: 0, insert: 'zero ' });
  expect(shown()).toMatchObject({ head: 0, moves });
  b.dispatch({ selection: { anchor: 4, head: 7 } });
  network.deliverAll();
  expect(shown()).toMatchObject({ anchor: 9, head: 12, moves: moves + 1 });
  b.type('2');
  network.deliverAll();
  expect(shown()).toMatchObject({ anchor: 10, head: 10 });
  expect(shown().moves).toBeGreaterThan(moves + 1);
  expect(b.document.peers).toMatchObject([{ head: 0 }]);
});
