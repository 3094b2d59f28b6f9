/** The pure parts as properties: whatever the load, the order of arrival or the batch, these hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import type { SessionWrite } from '../domain/types.ts';
import { splitWrites } from '../write-behind/split-writes.ts';
import { SlidingWindow } from './connections/rate-limit.ts';
import { commitWindow } from './document/commit-pace.ts';

const message = (id: string, createdAtMs = 0) => makeMessage({ id, content: id, createdAtMs });

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

describe('splitting a refused batch', () => {
  const writes = fc.uniqueArray(
    fc.record({
      sessionId: fc.uuid(),
      hasCode: fc.boolean(),
      messages: fc.array(fc.uuid(), { maxLength: 6 }),
    }),
    { maxLength: 8, selector: ({ sessionId }) => sessionId },
  );
  const code = { code: 'x', rev: 1, editedAtMs: 0, editorId: null, receipts: {} };
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
