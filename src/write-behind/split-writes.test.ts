import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import type { SessionWrite } from '../domain/types.ts';
import { splitWrites } from './split-writes.ts';

const code = { code: 'x', rev: 1, editedAtMs: 1, editorId: null, receipts: {}, transport: null };

const batches = fc
  .array(fc.record({ hasCode: fc.boolean(), messages: fc.nat({ max: 9 }) }), { minLength: 1, maxLength: 12 })
  .map((sessions) =>
    sessions.map(
      ({ hasCode, messages }, i): SessionWrite => ({
        sessionId: `s${i}`,
        code: hasCode ? code : null,
        messages: Array.from({ length: messages }, (_, m) => makeMessage({ id: `${m}` })),
      }),
    ),
  );

const partsOf = (writes: readonly SessionWrite[]) =>
  writes.flatMap(({ sessionId, code, messages }) => [
    ...(code ? [`${sessionId} code`] : []),
    ...messages.map(({ id }) => `${sessionId} ${id}`),
  ]);

describe('a refused batch', () => {
  it('is cut so that its first part can be narrowed down within the tries there are', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 6 }), (batch, tries) => {
        let writes = batch;
        let left = tries;
        // Everything is refused, until one piece stands alone.
        for (let cut = splitWrites(writes, left); cut; cut = splitWrites(writes, left)) {
          expect(left).toBeGreaterThan(0);
          [writes] = cut;
          left -= 1;
        }
        expect(partsOf(writes).length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('keeps all its parts in their order, with one write a session', () => {
    fc.assert(
      fc.property(batches, fc.integer({ min: 0, max: 6 }), (batch, tries) => {
        const cut = splitWrites(batch, tries);
        if (!cut) return;
        expect(partsOf(cut.flat())).toEqual(partsOf(batch));
        for (const part of cut) {
          expect(part.length).toBeGreaterThan(0);
          expect(new Set(part.map(({ sessionId }) => sessionId)).size).toBe(part.length);
        }
      }),
    );
  });

  it('is halved while there are tries enough', () => {
    const batch = Array.from({ length: 8 }, (_, i) => ({ sessionId: `s${i}`, code, messages: [] }));
    const sizes = (tries?: number) => splitWrites(batch, tries)?.map((part) => part.length);
    expect(sizes()).toEqual([4, 4]);
    expect(sizes(3)).toEqual([4, 4]);
    expect(sizes(2)).toEqual([2, 6]);
    expect(sizes(1)).toEqual([1, 7]);
  });
});

describe('halving a refused batch', () => {
  it('narrows down to every single culprit and loses nothing on the way', () => {
    const writes: SessionWrite[] = ['s1', 's2', 's3'].map((sessionId) => ({
      sessionId,
      code,
      messages: Array.from({ length: 5 }, (_, i) => makeMessage({ id: `${sessionId}-${i}` })),
    }));
    const pieces: string[] = [];
    const walk = (part: SessionWrite[]): void => {
      const halves = splitWrites(part);
      if (halves) halves.forEach(walk);
      else
        pieces.push(
          ...part.flatMap((w) => [
            ...(w.code ? [`${w.sessionId} code`] : []),
            ...w.messages.map((m) => m.id),
          ]),
        );
    };
    walk(writes);
    expect(pieces.sort()).toEqual(
      ['s1', 's2', 's3'].flatMap((s) => [`${s} code`, ...[0, 1, 2, 3, 4].map((i) => `${s}-${i}`)]).sort(),
    );
  });
  it('has nothing to cut in one code or one message', () => {
    expect(splitWrites([{ sessionId: 's', code, messages: [] }])).toBeNull();
    expect(splitWrites([{ sessionId: 's', code: null, messages: [makeMessage({ id: 'm' })] }])).toBeNull();
  });
});

describe('halving any batch', () => {
  const isEqual = (a: readonly string[], b: readonly string[]) =>
    [...a].sort().join() === [...b].sort().join();
  const writes = fc.uniqueArray(
    fc.record({
      sessionId: fc.uuid(),
      hasCode: fc.boolean(),
      messages: fc.array(fc.uuid(), { maxLength: 6 }),
    }),
    { maxLength: 8, selector: ({ sessionId }) => sessionId },
  );

  it('cuts into two that are together what it was, until each part stands alone', () => {
    fc.assert(
      fc.property(writes, (drawn) => {
        const all = drawn.map(({ sessionId, hasCode, messages }) => ({
          sessionId,
          code: hasCode ? code : null,
          messages: messages.map((id) => makeMessage({ id })),
        }));
        const walk = (batch: readonly SessionWrite[]): boolean => {
          const halves = splitWrites(batch);
          if (!halves) return partsOf(batch).length <= 1;
          const [first, second] = halves;
          return (
            first.length > 0 &&
            second.length > 0 &&
            isEqual([...partsOf(first), ...partsOf(second)], partsOf(batch)) &&
            walk(first) &&
            walk(second)
          );
        };
        return walk(all);
      }),
    );
  });
});
