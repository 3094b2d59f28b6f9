import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import type { SessionWrite } from '../domain/types.ts';
import { splitWrites } from '../write-behind/split-writes.ts';
import { SlidingWindow } from './connections/rate-limit.ts';
import { commitWindow } from './document/commit-pace.ts';

const message = (id: string, createdAtMs: number) => makeMessage({ id, content: id, createdAtMs });
const code = { code: 'x', rev: 1, editedAtMs: 0, editorId: null, receipts: {} };

describe('the window for the next commit', () => {
  const options = { minMs: 20, maxMs: 1_000, targetPerS: 3_000 };
  it.each([
    ['alone, as soon as allowed', { dirtySessions: 1, latencyMs: 1 }, 20, 20],
    ['among 2,000 busy rooms, around its share', { dirtySessions: 2_000, latencyMs: 10 }, 600, 2_200 / 3],
    ['among 100,000, no later than allowed', { dirtySessions: 100_000, latencyMs: 10 }, 1_000, 1_000],
    ['with a slow store, after twice what it took', { dirtySessions: 1, latencyMs: 200 }, 360, 440],
  ])('%s', (_name, load, fromMs, toMs) => {
    const window = commitWindow(load, options);
    expect(window.fromMs).toBeCloseTo(fromMs);
    expect(window.toMs).toBeCloseTo(toMs);
  });
});

describe('a sliding window', () => {
  it('lets exactly its maximum through in any window', () => {
    const window = new SlidingWindow(3, 1_000);
    expect([0, 1, 2, 3].map((t) => window.take(t))).toEqual([true, true, true, false]);
    expect(window.take(999)).toBe(false);
    expect(window.take(1_000)).toBe(true);
    expect(window.take(1_000)).toBe(false);
    expect(window.take(1_001)).toBe(true);
  });
  it('goes on from times that were kept', () => {
    const window = new SlidingWindow(2, 1_000, [100, 200]);
    expect(window.take(1_050)).toBe(false);
    expect(window.take(1_100)).toBe(true);
    expect(window.times(1_150)).toEqual([200, 1_100]);
  });
});

describe('splitting a refused batch', () => {
  it('narrows down to every single culprit and loses nothing on the way', () => {
    const writes: SessionWrite[] = ['s1', 's2', 's3'].map((sessionId) => ({
      sessionId,
      code,
      messages: Array.from({ length: 5 }, (_, i) => message(`${sessionId}-${i}`, i)),
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
    expect(splitWrites([{ sessionId: 's', code: null, messages: [message('m', 1)] }])).toBeNull();
  });
});
