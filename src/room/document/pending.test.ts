import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../../test/support/messages.ts';
import { textOf } from '../../merging/index.ts';
import { type Batch, emptyBatch, isEmpty, joinBatches } from './pending.ts';
import type { AcceptedEdit } from './receipts.ts';

const message = (id: string) => makeMessage({ id, content: id, createdAtMs: 1 });
const version = (rev: number, edits: number) => ({
  text: textOf(`code ${rev}`),
  rev,
  editedAtMs: rev,
  editorId: null,
  transport: null,
  edits,
});

describe('batches', () => {
  it('join into one: the newest code, each message once, every connection that waits', () => {
    const joined = joinBatches(
      {
        code: version(1, 2),
        messages: [message('m1')],
        edits: new Map([
          ['a', { rev: 1, requestId: 'r1' }],
          ['b', { rev: 1, clientSeq: 1 }],
        ]),
        senders: new Map([['m1', 'a']]),
      },
      {
        code: version(5, 3),
        messages: [message('m1'), message('m2')],
        edits: new Map([['b', { rev: 5, clientSeq: 2 }]]),
        senders: new Map(),
      },
    );
    expect(joined.code).toEqual(version(5, 5));
    expect(joined.messages.map(({ id }) => id)).toEqual(['m1', 'm2']);
    expect([...joined.edits]).toEqual([
      ['a', { rev: 1, requestId: 'r1' }],
      ['b', { rev: 5, clientSeq: 2 }],
    ]);
    expect([...joined.senders]).toEqual([['m1', 'a']]);
  });

  it('keep both names of a connection’s edits: its newest count, and its newest request id', () => {
    const batchOf = (edit: AcceptedEdit): Batch => ({ ...emptyBatch(), edits: new Map([['a', edit]]) });
    const [counted, named] = [batchOf({ rev: 1, clientSeq: 1 }), batchOf({ rev: 2, requestId: 'r1' })];
    const both = joinBatches(counted, named);
    expect(both.edits.get('a')).toEqual({ rev: 2, clientSeq: 1, requestId: 'r1' });
    const later = joinBatches(both, batchOf({ rev: 3, clientSeq: 2 }));
    expect(later.edits.get('a')).toEqual({ rev: 3, clientSeq: 2, requestId: 'r1' });
  });

  it('are empty without code and without messages', () => {
    expect(isEmpty(emptyBatch())).toBe(true);
    expect(isEmpty({ ...emptyBatch(), code: version(1, 0) })).toBe(false);
    expect(isEmpty({ ...emptyBatch(), messages: [message('m')] })).toBe(false);
  });
});

describe('joining batches', () => {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const batch = (first: number): fc.Arbitrary<Batch> =>
    fc
      .record({
        hasCode: fc.boolean(),
        edits: fc.integer({ min: 1, max: 9 }),
        messages: fc.uniqueArray(fc.constantFrom('m1', 'm2', 'm3', 'm4')),
        people: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
      })
      .map(({ hasCode, edits, messages, people }) => ({
        code: hasCode ? version(first, edits) : null,
        messages: messages.map(message),
        edits: new Map(people.map((id) => [id, { rev: first, requestId: `r${first}` }])),
        senders: new Map(messages.map((id) => [id, people[0] ?? 'a'])),
      }));
  const plain = ({ code, messages, edits, senders }: Batch) => ({
    code,
    messages,
    edits: [...edits].sort(),
    senders: [...senders].sort(),
  });

  it('loses nobody and nothing, in whatever steps they are joined', () => {
    fc.assert(
      fc.property(batch(1), batch(2), batch(3), (a, b, c) => {
        const joined = joinBatches(joinBatches(a, b), c);
        const ids = [a, b, c].flatMap(({ messages }) => messages.map(({ id }) => id));
        const newest = c.code ?? b.code ?? a.code;
        const edits = [a, b, c].reduce((sum, { code }) => sum + (code?.edits ?? 0), 0);
        return (
          same(plain(joined), plain(joinBatches(a, joinBatches(b, c)))) &&
          same(joined.messages.map(({ id }) => id).sort(), [...new Set(ids)].sort()) &&
          same(joined.code, newest && { ...newest, edits })
        );
      }),
    );
  });
});
