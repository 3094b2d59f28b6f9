/** The pure parts as properties: whatever the load, the order of arrival or the batch, these hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import { mergeMessages } from '../domain/merge-messages.ts';
import type { SessionMessage, SessionWrite } from '../domain/types.ts';
import { splitWrites } from '../write-behind/split-writes.ts';
import { SlidingWindow } from './connections/rate-limit.ts';
import { commitWindow } from './document/commit-pace.ts';
import { type Batch, joinBatches } from './document/pending.ts';

const message = (id: string, createdAtMs = 0) => makeMessage({ id, content: id, createdAtMs });

/** A history: each message once, some at the same time. */
const history = fc
  .uniqueArray(fc.record({ id: fc.uuid(), atMs: fc.nat({ max: 20 }) }), { selector: ({ id }) => id })
  .map((all) => all.map(({ id, atMs }) => message(id, atMs)));
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

describe('the pause between commits', () => {
  const load = fc.record({ dirtySessions: fc.nat(), latencyMs: fc.nat() });
  const pace = fc
    .record({
      minMs: fc.nat({ max: 500 }),
      moreMs: fc.nat({ max: 5_000 }),
      targetPerS: fc.integer({ min: 1, max: 9_000 }),
    })
    .map(({ minMs, moreMs, targetPerS }) => ({ minMs, maxMs: minMs + moreMs, targetPerS }));

  it('stays within its bounds, and never shrinks as the load grows', () => {
    fc.assert(
      fc.property(load, load, pace, (a, b, options) => {
        const { fromMs, toMs } = commitWindow(a, options);
        const greater = {
          dirtySessions: Math.max(a.dirtySessions, b.dirtySessions),
          latencyMs: Math.max(a.latencyMs, b.latencyMs),
        };
        const later = commitWindow(greater, options);
        const isWithin = fromMs >= options.minMs && fromMs <= toMs && toMs <= options.maxMs;
        return isWithin && later.fromMs >= fromMs && later.toMs >= toMs;
      }),
    );
  });

  it('keeps all rooms together at the target, as far as the bounds let it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), pace, (dirtySessions, options) => {
        const { fromMs, toMs } = commitWindow({ dirtySessions, latencyMs: 0 }, options);
        const meanMs = (fromMs + toMs) / 2;
        // A hair more than the target is rounding.
        return toMs === options.maxMs || (dirtySessions * 1_000) / meanMs <= options.targetPerS * 1.000_001;
      }),
    );
  });
});

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

describe('splitting a refused batch', () => {
  const writes = fc.uniqueArray(
    fc.record({
      sessionId: fc.uuid(),
      hasCode: fc.boolean(),
      messages: fc.array(fc.uuid(), { maxLength: 6 }),
    }),
    { maxLength: 8, selector: ({ sessionId }) => sessionId },
  );
  const code = { code: 'x', rev: 1, epoch: 1, editedAtMs: 0, editorId: null };
  const partsOf = (all: readonly SessionWrite[]) =>
    all
      .flatMap(({ sessionId, code, messages }) => [
        ...(code ? [`${sessionId} code`] : []),
        ...messages.map(({ id }) => `${sessionId} ${id}`),
      ])
      .sort();

  it('cuts into two that are together what it was, until each part stands alone', () => {
    fc.assert(
      fc.property(writes, (drawn) => {
        const all = drawn.map(({ sessionId, hasCode, messages }) => ({
          sessionId,
          code: hasCode ? code : null,
          messages: messages.map((id) => message(id)),
        }));
        const walk = (batch: readonly SessionWrite[]): boolean => {
          const halves = splitWrites(batch);
          if (!halves) return partsOf(batch).length <= 1;
          const [first, second] = halves;
          return (
            first.length > 0 &&
            second.length > 0 &&
            same([...partsOf(first), ...partsOf(second)].sort(), partsOf(batch)) &&
            walk(first) &&
            walk(second)
          );
        };
        return walk(all);
      }),
    );
  });
});

describe('a sliding window', () => {
  it('lets its maximum through in any window, and refuses nobody while there is room', () => {
    const max = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(max, fc.array(fc.nat({ max: 6 }), { maxLength: 60 }), (most, gapsMs) => {
        const windowMs = 10;
        const window = new SlidingWindow(most, windowMs);
        const taken: number[] = [];
        let nowMs = 0;
        return gapsMs.every((gapMs) => {
          nowMs += gapMs;
          const hasRoom = taken.filter((atMs) => nowMs - atMs < windowMs).length < most;
          const isTaken = window.take(nowMs);
          if (isTaken) taken.push(nowMs);
          return isTaken === hasRoom;
        });
      }),
    );
  });

  it('refuses nobody who never sent too fast, however late the room gets to it', () => {
    const max = fc.integer({ min: 1, max: 5 });
    const step = fc.record({ gapMs: fc.nat({ max: 6 }), lateMs: fc.nat({ max: 60 }) });
    fc.assert(
      fc.property(max, fc.array(step, { maxLength: 60 }), (most, steps) => {
        const windowMs = 10;
        const honest = new SlidingWindow(most, windowMs);
        const window = new SlidingWindow(most, windowMs);
        let sentMs = 0;
        let handledMs = 0;
        return steps.every(({ gapMs, lateMs }) => {
          sentMs += gapMs;
          if (!honest.take(sentMs)) return true;
          // One after the other, each as late as it is, or later because of the one before it.
          handledMs = Math.max(handledMs, sentMs + lateMs);
          return window.take(handledMs, handledMs - sentMs);
        });
      }),
    );
  });

  it('gives nobody more than lateness accounts for', () => {
    const window = new SlidingWindow(3, 10);
    const taken = Array.from({ length: 20 }, () => window.take(100, 20)).filter(Boolean);
    expect(taken).toHaveLength(9);
    expect(window.take(101)).toBe(false);
    expect(window.take(110)).toBe(true);
  });
});
