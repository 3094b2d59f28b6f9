import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import { isNewer, mergeMessages } from '../domain/merge-messages.ts';
import type { SessionMessage, SessionWrite } from '../domain/types.ts';
import { splitWrites } from '../write-behind/split-writes.ts';
import { SlidingWindow } from './connections/rate-limit.ts';
import { commitWindow } from './document/commit-pace.ts';
import { joinBatches, Receipts } from './document/pending.ts';

const message = (id: string, createdAtMs: number, type: SessionMessage['type'] = 'chat') =>
  makeMessage({ id, content: id, createdAtMs, type });
const code = { code: 'x', rev: 1, epoch: 1, editedAtMs: 0, editorId: null };

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

describe('receipts', () => {
  it('find what a connection sent, and only there', () => {
    const receipts = new Receipts({ a: [{ requestId: 'r1', rev: 1 }] });
    expect(receipts.find('a', 'r1')).toEqual({ requestId: 'r1', rev: 1 });
    expect(receipts.find('b', 'r1')).toBeUndefined();
  });
  it('are bounded, and the forgotten ones are forgotten in storage too', () => {
    const receipts = new Receipts({});
    for (let i = 0; i < 65; i++) receipts.add(`c${i}`, { requestId: 'r', rev: i + 1 });
    expect(receipts.find('c0', 'r')).toBeUndefined();
    const stored = receipts.forCommit(['c64'], 0);
    expect(stored).toEqual({ c0: [], c64: [{ requestId: 'r', rev: 65 }] });
    for (let i = 0; i < 100; i++) receipts.add('busy', { requestId: `r${i}`, rev: 100 + i });
    expect(receipts.forCommit(['busy'], 0).busy).toHaveLength(64);
    expect(receipts.forCommit(['busy'], 197).busy).toEqual([
      { requestId: 'r98', rev: 198 },
      { requestId: 'r99', rev: 199 },
    ]);
  });
});

describe('batches', () => {
  it('join into one: the newest code, every message once, everybody who waits', () => {
    const joined = joinBatches(
      {
        code: { ...code, rev: 1, edits: 2 },
        messages: [message('m1', 1)],
        edits: new Map([['a', { rev: 1, requestId: 'r1' }]]),
        senders: new Map([['m1', 'a']]),
      },
      {
        code: { ...code, rev: 5, code: 'y', edits: 3 },
        messages: [message('m1', 1), message('m2', 2)],
        edits: new Map([['b', { rev: 5, requestId: 'q' }]]),
        senders: new Map(),
      },
    );
    expect(joined.code).toMatchObject({ code: 'y', rev: 5, edits: 5 });
    expect(joined.messages.map((m) => m.id)).toEqual(['m1', 'm2']);
    expect([...joined.edits.keys()]).toEqual(['a', 'b']);
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

describe('two views of a session', () => {
  it('order writes by epoch, then by revision', () => {
    expect(isNewer({ epoch: 2, rev: 1 }, { epoch: 1, rev: 9 })).toBe(true);
    expect(isNewer({ epoch: 1, rev: 9 }, { epoch: 2, rev: 1 })).toBe(false);
    expect(isNewer({ epoch: 1, rev: 2 }, { epoch: 1, rev: 2 })).toBe(false);
  });
  it('merge histories by id and time, newest within the page', () => {
    const merged = mergeMessages(
      [message('a', 1), message('b', 3)],
      [message('b', 3), message('c', 2), message('d', 9), message('p', 4, 'user_prompt')],
      { limit: 2, beforeMs: 9, types: ['chat'] },
    );
    expect(merged.map((m) => m.id)).toEqual(['c', 'b']);
  });
  it('take a message as the later room accepted it', () => {
    const old = { ...message('a', 9), epoch: 1 };
    const later = { ...message('a', 5), epoch: 2 };
    expect(mergeMessages([old], [later], { limit: 2 })).toEqual([later]);
    expect(mergeMessages([later], [old], { limit: 2 })).toEqual([later]);
  });
});
