import { describe, expect, it } from 'vitest';
import { type EditReceipt, receiptKey } from '../../domain/receipts.ts';
import { Receipts } from './receipts.ts';

const DAY_MS = 86_400_000;
const receipt = (over: Partial<EditReceipt> = {}): EditReceipt => ({
  clientSeq: 0,
  requestIds: [],
  rev: 1,
  atMs: 0,
  ...over,
});

describe('an edit', () => {
  it('that a client counts is known up to its last number', () => {
    const receipts = new Receipts({}, 0);
    receipts.add('a', { clientSeq: 4 }, 10, 1_000);
    const isKnown = [3, 4, 5].map((clientSeq) => receipts.has('a', { clientSeq }));
    expect(isKnown).toEqual([true, true, false]);
    expect(receipts.find('a')).toEqual({ clientSeq: 4, requestIds: [], rev: 10, atMs: 1_000 });
  });

  it('that has a request id is known by it alone', () => {
    const receipts = new Receipts({}, 0);
    receipts.add('a', { requestId: 'r1' }, 10, 0);
    receipts.add('a', { requestId: 'r2' }, 11, 0);
    const isKnown = ['r1', 'r2', 'r3'].map((requestId) => receipts.has('a', { requestId }));
    expect(isKnown).toEqual([true, true, false]);
    expect(receipts.has('a', { clientSeq: 1 })).toBe(false);
  });

  it('that has neither is an edit each time, and leaves no receipt', () => {
    const receipts = new Receipts({}, 0);
    receipts.add('a', {}, 10, 0);
    expect(receipts.has('a', {})).toBe(false);
    expect(receipts.all()).toEqual({});
    expect(receipts.changed()).toEqual({});
  });

  it('is unknown under another key: another participant with the same client id is another client', () => {
    const receipts = new Receipts({ [receiptKey('p', 'a')]: receipt({ clientSeq: 5 }) }, 0);
    expect(receipts.has(receiptKey('p', 'a'), { clientSeq: 5 })).toBe(true);
    expect(receipts.has(receiptKey('q', 'a'), { clientSeq: 5 })).toBe(false);
  });
});

describe('receipts are bounded', () => {
  it('to 32 request ids a client, the newest', () => {
    const receipts = new Receipts({}, 0);
    for (let i = 1; i <= 33; i++) receipts.add('a', { requestId: `r${i}` }, i, 0);
    expect(receipts.has('a', { requestId: 'r1' })).toBe(false);
    expect(receipts.has('a', { requestId: 'r2' })).toBe(true);
    expect(receipts.find('a')?.requestIds).toHaveLength(32);
  });

  it('to 200 clients: the one that has been quiet longest is forgotten, in storage too', () => {
    const receipts = new Receipts({}, 0);
    for (let i = 0; i < 200; i++) receipts.add(`c${i}`, { clientSeq: 1 }, i, i);
    receipts.stored(receipts.changed());
    receipts.add('c0', { clientSeq: 2 }, 200, 200);
    receipts.add('new', { clientSeq: 1 }, 201, 201);
    expect(Object.keys(receipts.all())).toHaveLength(200);
    expect(receipts.find('c1')).toBeUndefined();
    expect(receipts.find('c0')).toMatchObject({ clientSeq: 2 });
    expect(receipts.changed()).toEqual({
      c0: receipt({ clientSeq: 2, rev: 200, atMs: 200 }),
      c1: null,
      new: receipt({ clientSeq: 1, rev: 201, atMs: 201 }),
    });
  });

  it('in the order of use, also where storage gives them in another', () => {
    const stored = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`c${i}`, receipt({ atMs: 1_000 - i })]),
    );
    const receipts = new Receipts(stored, 1_000);
    receipts.add('new', { clientSeq: 1 }, 1, 1_001);
    expect(receipts.find('c199')).toBeUndefined();
    expect(receipts.find('c0')).toBeDefined();
  });

  it('to 30 days: a client that stayed away longer is forgotten, in storage too', () => {
    const nowMs = 40 * DAY_MS;
    const receipts = new Receipts(
      { old: receipt({ atMs: nowMs - 30 * DAY_MS }), young: receipt({ atMs: nowMs - 30 * DAY_MS + 1 }) },
      nowMs,
    );
    expect(Object.keys(receipts.all())).toEqual(['young']);
    expect(receipts.changed()).toEqual({ old: null });
  });
});

describe('what is still to be stored', () => {
  it('is what has changed since it was last stored', () => {
    const receipts = new Receipts({ a: receipt(), b: receipt() }, 0);
    expect(receipts.changed()).toEqual({});
    receipts.add('a', { clientSeq: 1 }, 2, 0);
    const changed = receipts.changed();
    expect(Object.keys(changed)).toEqual(['a']);
    expect(Object.keys(receipts.all())).toHaveLength(2);
    receipts.stored(changed);
    expect(receipts.changed()).toEqual({});
  });

  it('is also what has changed again while it was being stored', () => {
    const receipts = new Receipts({}, 0);
    receipts.add('a', { clientSeq: 1 }, 2, 0);
    const inFlight = receipts.changed();
    receipts.add('a', { clientSeq: 2 }, 3, 0);
    receipts.stored(inFlight);
    expect(receipts.changed()).toEqual({ a: receipt({ clientSeq: 2, rev: 3 }) });
  });

  it('is no more what storage has forgotten', () => {
    const receipts = new Receipts({ old: receipt() }, 31 * DAY_MS);
    receipts.stored(receipts.changed());
    expect(receipts.changed()).toEqual({});
  });
});
