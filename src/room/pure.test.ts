import { describe, expect, it } from 'vitest';
import { makeMessage } from '../../test/support/messages.ts';
import { isNewer, mergeMessages } from '../domain/merge-messages.ts';
import type { SessionMessage } from '../domain/types.ts';
import { joinBatches, Receipts } from './document/pending.ts';

const message = (id: string, createdAtMs: number, type: SessionMessage['type'] = 'chat') =>
  makeMessage({ id, content: id, createdAtMs, type });
const code = { code: 'x', rev: 1, epoch: 1, editedAtMs: 0, editorId: null };

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
