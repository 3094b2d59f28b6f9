import { expect, it } from 'vitest';
import { OwnEdits } from './own-edits.ts';

const statuses = (edits: OwnEdits) => edits.all.map(({ clientSeq, status }) => `${clientSeq} ${status}`);

function made(count: number): OwnEdits {
  const edits = new OwnEdits();
  for (let seq = 1; seq <= count; seq += 1) edits.add(seq, seq * 1_000);
  return edits;
}

it('go from pending to saved to flushed, by cumulative acks', () => {
  const edits = made(3);
  expect(statuses(edits)).toEqual(['1 pending', '2 pending', '3 pending']);
  expect(edits.acknowledged(2, 7, 'buffer', 5_000).map(({ clientSeq }) => clientSeq)).toEqual([1, 2]);
  expect(edits.all[1]).toEqual({
    clientSeq: 2,
    status: 'saved',
    rev: 7,
    durable: 'buffer',
    madeAtMs: 2_000,
    savedAtMs: 5_000,
    reason: null,
  });
  expect(edits.flushed(6)).toEqual([]);
  expect(edits.flushed(7).map(({ clientSeq }) => clientSeq)).toEqual([1, 2]);
  expect(statuses(edits)).toEqual(['1 flushed', '2 flushed', '3 pending']);
});

it('are flushed at once when Postgres has them already', () => {
  const edits = made(1);
  edits.flushed(6);
  edits.acknowledged(1, 6, 'postgres', 0);
  expect(statuses(edits)).toEqual(['1 flushed']);
  edits.flushed(3);
  expect(edits.flushedRev).toBe(6);
});

it('change once', () => {
  const edits = made(1);
  edits.acknowledged(1, 6, 'buffer', 1);
  expect(edits.acknowledged(1, 9, 'postgres', 2)).toEqual([]);
  expect(edits.all[0]).toMatchObject({ rev: 6, durable: 'buffer', savedAtMs: 1 });
});

it('are refused from one on, unless they are saved', () => {
  const edits = made(4);
  edits.acknowledged(2, 6, 'buffer', 0);
  expect(edits.refused(1, 'viewer')).toHaveLength(2);
  expect(statuses(edits)).toEqual(['1 saved', '2 saved', '3 refused', '4 refused']);
  expect(edits.all[3]?.reason).toBe('viewer');
  edits.add(5, 0);
  edits.add(6, 0);
  edits.refused(6, 'refused');
  expect(statuses(edits).slice(4)).toEqual(['5 pending', '6 refused']);
  edits.acknowledged(6, 9, 'buffer', 0);
  expect(statuses(edits).slice(4)).toEqual(['5 saved', '6 refused']);
});

it('keep their place under another number', () => {
  const edits = made(2);
  edits.acknowledged(1, 6, 'buffer', 0);
  edits.renumber(1, 8);
  edits.renumber(2, 9);
  edits.acknowledged(8, 7, 'buffer', 0);
  expect(statuses(edits)).toEqual(['1 saved', '9 pending']);
});

it('are bounded in number, and a list that was given out stays as it was', () => {
  const edits = made(1);
  const before = edits.all;
  for (let seq = 2; seq <= 200; seq += 1) edits.add(seq, 0);
  expect(before).toHaveLength(1);
  expect(edits.all).toHaveLength(50);
  expect(edits.all.at(-1)?.clientSeq).toBe(200);
});
