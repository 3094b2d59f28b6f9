/** What counts as lost when a server was killed: what somebody saw as saved and Postgres doesn't have. */
import { expect, it } from 'vitest';
import { lossOf, sum } from '../faults/compare/loss.ts';

const KILLED_AT_MS = 10_000;
const line = (text: string, savedAtMs: number | null) => ({ text, savedAtMs });

it('counts saved lines that are missing in the end, and how old the oldest is', () => {
  const lines = [line('a', 1_000), line('b', 4_000), line('c', 9_000), line('never saved', null)];
  const one = lossOf({ lines, killedAtMs: KILLED_AT_MS, storedAtKill: 'a', stored: 'a\nc\n' });
  expect(one).toEqual({
    documents: 1,
    edits: 4,
    saved: 3,
    exposed: 2,
    lost: 1,
    documentsWithLoss: 1,
    oldestLostMs: 6_000,
  });
  const whole = lossOf({ lines, killedAtMs: KILLED_AT_MS, storedAtKill: null, stored: 'a\nb\nc' });
  expect(whole).toMatchObject({ exposed: 3, lost: 0, documentsWithLoss: 0, oldestLostMs: null });
  expect(sum([whole, one])).toEqual({
    documents: 2,
    edits: 8,
    saved: 6,
    exposed: 5,
    lost: 1,
    documentsWithLoss: 1,
    oldestLostMs: 6_000,
  });
});

it('loses everything with a document that is gone, and a line is not found within another', () => {
  const lines = [line('line 1', 9_999), line('line 11', 10_001)];
  expect(lossOf({ lines, killedAtMs: KILLED_AT_MS, storedAtKill: null, stored: null })).toMatchObject({
    lost: 2,
    oldestLostMs: 1,
  });
  expect(lossOf({ lines, killedAtMs: KILLED_AT_MS, storedAtKill: null, stored: 'line 11' })).toMatchObject({
    lost: 1,
  });
});
