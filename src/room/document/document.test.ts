import { describe, expect, it } from 'vitest';
import { receiptKey } from '../../domain/receipts.ts';
import { COUNTS_PER_TERM, numberIn } from '../../domain/revision.ts';
import { Document, type Edit } from './document.ts';

const TERM = 2 ** 30;
const STORED = { code: 'start', rev: numberIn(7, 3), receipts: {} };

/** An edit that makes `code` the whole text. */
const edit = (over: Partial<Omit<Edit, 'content'>> & { code?: string } = {}): Edit => {
  const { code = 'x', ...rest } = over;
  return {
    connectionId: 'a',
    participantId: 'p',
    editorId: 'u',
    content: { kind: 'whole', code },
    ...rest,
  };
};

describe('an edit', () => {
  it('gets the next revision of the term, greater than any before', () => {
    const document = new Document(STORED, TERM, 0);
    expect([document.code, document.rev]).toEqual(['start', STORED.rev]);
    expect(document.merge(edit({ code: 'x1' }), 5)).toMatchObject({ outcome: 'merged' });
    expect([document.code, document.rev]).toEqual(['x1', numberIn(TERM, 1)]);
    document.merge(edit({ code: 'x2' }), 6);
    expect(document.rev).toBe(numberIn(TERM, 2));
    expect(document.termUse).toBe(2 / COUNTS_PER_TERM);
  });

  it('is committed with its time and its editor', () => {
    const document = new Document(STORED, TERM, 1);
    document.merge(edit({ code: 'x1', clientSeq: 1 }), 5);
    const version = { rev: numberIn(TERM, 1), editedAtMs: 5, editorId: 'u' };
    expect(document.version(3)).toEqual({ ...version, text: document.text, edits: 3 });
    const receipt = { clientSeq: 1, requestIds: [], rev: numberIn(TERM, 1), atMs: 5 };
    expect(document.write()).toEqual({
      ...version,
      code: 'x1',
      receipts: { [receiptKey('p', 'a')]: receipt },
    });
  });

  it('changes nothing when it comes again', () => {
    const document = new Document(STORED, TERM, 0);
    document.merge(edit({ code: 'mine', clientSeq: 1 }), 1);
    document.merge(edit({ code: 'theirs', connectionId: 'b', clientSeq: 1 }), 2);
    const before = document.write();
    expect(document.merge(edit({ code: 'mine', clientSeq: 1 }), 3)).toEqual({ outcome: 'duplicate' });
    expect(document.write()).toEqual(before);
    expect(document.rev).toBe(numberIn(TERM, 2));
  });

  it('is another participant’s own, though their client has the same id', () => {
    const document = new Document(STORED, TERM, 0);
    document.merge(edit({ code: 'first', clientSeq: 1, requestId: 'r1' }), 1);
    expect(document.merge(edit({ participantId: 'q', code: 'second', clientSeq: 1 }), 2)).toMatchObject({
      outcome: 'merged',
    });
    expect(document.code).toBe('second');
    expect(document.clientSeq('p', 'a')).toBe(1);
    expect(document.clientSeq('q', 'a')).toBe(1);
    expect(document.clientSeq('r', 'a')).toBe(0);
  });

  it('is known from the receipts that were stored with the code', () => {
    const receipts = {
      [receiptKey('p', 'a')]: { clientSeq: 4, requestIds: [], rev: numberIn(7, 2), atMs: 0 },
    };
    const document = new Document({ ...STORED, receipts }, TERM, 0);
    expect(document.clientSeq('p', 'a')).toBe(4);
    expect(document.merge(edit({ clientSeq: 4 }), 1)).toEqual({ outcome: 'duplicate' });
    expect(document.merge(edit({ clientSeq: 5 }), 1)).toMatchObject({ outcome: 'merged' });
  });
});

describe('a client’s newest edit', () => {
  it('is named as the client names its edits', () => {
    const document = new Document(STORED, TERM, 0);
    document.merge(edit({ clientSeq: 1 }), 1);
    document.merge(edit({ clientSeq: 2 }), 1);
    expect(document.newestOf(edit({ clientSeq: 1 }))).toEqual({ clientSeq: 2, rev: numberIn(TERM, 2) });
    document.merge(edit({ connectionId: 'b', requestId: 'r1' }), 1);
    expect(document.newestOf(edit({ connectionId: 'b', requestId: 'r1' }))).toEqual({
      requestId: 'r1',
      rev: numberIn(TERM, 3),
    });
  });
});

it('gives its code another revision as it is', () => {
  const document = new Document(STORED, TERM, 0);
  document.renumber();
  expect([document.code, document.rev]).toEqual(['start', numberIn(TERM, 1)]);
});
