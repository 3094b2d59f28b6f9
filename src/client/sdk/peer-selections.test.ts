import { ChangeSet } from '@codemirror/state';
import { expect, it } from 'vitest';
import { PeerSelections } from './peer-selections.ts';

const ben = { id: 'ben', name: 'Ben', color: 3, anchor: 2, head: 4 };
const zoe = { id: 'zoe', name: 'Zoë', color: 4, anchor: 4, head: 4 };

function shown(): PeerSelections {
  const peers = new PeerSelections();
  peers.set(ben);
  peers.set(zoe);
  return peers;
}

/** Of a text of six characters. */
const insertAt = (from: number, insert = '++') => ChangeSet.of({ from, insert }, 6);
const places = (peers: PeerSelections) => peers.all.map(({ anchor, head }) => [anchor, head]);

it('are one for each participant, the newest', () => {
  const peers = shown();
  peers.set({ ...ben, anchor: 0, head: 0 });
  expect(places(peers)).toEqual([
    [0, 0],
    [4, 4],
  ]);
  expect([peers.remove('ben'), peers.remove('ben')]).toEqual([true, false]);
  expect(peers.all).toEqual([zoe]);
  peers.replace([ben]);
  expect(peers.all).toEqual([ben]);
});

it('move with the text around them', () => {
  const peers = shown();
  peers.move(insertAt(0), null);
  peers.move(ChangeSet.of({ from: 5, to: 8 }, 8), null);
  expect(places(peers)).toEqual([
    [4, 5],
    [5, 5],
  ]);
});

it('stay before what is put in where they are, and behind what their own participant typed', () => {
  const peers = shown();
  peers.move(insertAt(4), 'zoe');
  expect(places(peers)).toEqual([
    [2, 4],
    [6, 6],
  ]);
});
