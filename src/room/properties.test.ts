/** The pure parts as properties: whatever the load, the order of arrival or the batch, these hold. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import { mergeMessages } from '../domain/merge-messages.ts';
import type { SessionMessage } from '../domain/types.ts';
import { type Batch, joinBatches } from './document/pending.ts';

const message = (id: string, createdAtMs = 0) => makeMessage({ id, content: id, createdAtMs });

/** A history: each message once, some at the same time. */
const history = fc
  .uniqueArray(fc.record({ id: fc.uuid(), atMs: fc.nat({ max: 20 }) }), { selector: ({ id }) => id })
  .map((all) => all.map(({ id, atMs }) => message(id, atMs)));
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

describe('merging histories', () => {
  const page = { limit: 1_000 };

  it('gives each message once, in the order of times, whichever part came from where', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat({ max: 2 })), (all, where) => {
        const places = all.map(() => where.next().value ?? 0);
        const stored = all.filter((_, i) => places[i] !== 1);
        const buffered = all.filter((_, i) => places[i] !== 0);
        const merged = mergeMessages(stored, buffered, page);
        return (
          merged.length === all.length &&
          merged.every((m, i) => i === 0 || (merged[i - 1]?.createdAtMs ?? 0) <= m.createdAtMs) &&
          same(merged, mergeMessages(buffered, stored, page)) &&
          same(merged, mergeMessages(merged, stored, page))
        );
      }),
    );
  });

  it('keeps the newest, message by message as all at once', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 10 }), (all, limit) => {
        const newest = mergeMessages(all, [], page).slice(-limit);
        const oneByOne = all.reduce<SessionMessage[]>((list, m) => mergeMessages(list, [m], { limit }), []);
        return same(oneByOne, newest) && same(mergeMessages(all, [], { limit }), newest);
      }),
    );
  });
});

describe('joining batches', () => {
  const batch = (first: number): fc.Arbitrary<Batch> =>
    fc
      .record({
        hasCode: fc.boolean(),
        edits: fc.integer({ min: 1, max: 9 }),
        messages: fc.uniqueArray(fc.constantFrom('m1', 'm2', 'm3', 'm4')),
        people: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
      })
      .map(({ hasCode, edits, messages, people }) => ({
        code: hasCode
          ? { code: `code ${first}`, rev: first, editedAtMs: first, editorId: null, edits }
          : null,
        messages: messages.map((id) => message(id)),
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
