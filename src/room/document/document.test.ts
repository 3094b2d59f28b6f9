import { describe, expect, it } from 'vitest';
import { receiptKey } from '../../domain/receipts.ts';
import { COUNTS_PER_TERM, numberIn } from '../../domain/revision.ts';
import type { WireChanges } from '../../merging/index.ts';
import { MAX_CODE_BYTES } from '../../protocol/index.ts';
import { Document, type Edit } from './document.ts';

const TERM = 2 ** 30;
const STORED = { code: 'start', rev: numberIn(7, 3), receipts: {}, transport: null };

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
    const version = { rev: numberIn(TERM, 1), editedAtMs: 5, editorId: 'u', transport: null };
    expect(document.version(3)).toEqual({ ...version, text: document.text, edits: 3 });
    const receipt = { clientSeq: 1, requestIds: [], rev: numberIn(TERM, 1), atMs: 5 };
    expect(document.write()).toEqual({
      ...version,
      code: 'x1',
      receipts: { [receiptKey('p', 'a')]: receipt },
    });
  });

  it('is not what plays: that stays with what was committed since, and gets a revision of its own', () => {
    const transport = { code: 's("bd")', rev: 1, by: 'Ada', sinceMs: 2, cycle: 0, cps: 0.5 };
    const document = new Document(STORED, TERM, 1);
    document.merge(edit({ code: 'x1', clientSeq: 1 }), 5);
    document.setTransport(transport, 'host', 6);
    const played = { rev: numberIn(TERM, 2), transport, editorId: 'host', editedAtMs: 6 };
    expect(document.version(0)).toMatchObject(played);
    expect(document.write()).toMatchObject({ ...played, code: 'x1' });
    document.merge(edit({ code: 'x2', clientSeq: 2 }), 7);
    expect(document.write()).toMatchObject({ rev: numberIn(TERM, 3), code: 'x2', transport });
    const next = new Document({ ...document.write() }, TERM + 1, 8);
    expect(next.transport).toEqual(transport);
    next.setTransport(null, null, 9);
    expect(next.write()).toMatchObject({ code: 'x2', transport: null });
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

/** A document with whole-text writers, who were all sent its text. */
function written(code: string) {
  const document = new Document({ code, rev: 0, receipts: {}, transport: null }, 1, 0);
  for (const connectionId of ['a', 'b']) document.sentWhole(connectionId);
  const write = (connectionId: string, text: string, baseRev?: number) => {
    const content = { kind: 'whole', code: text, baseRev } as const;
    const merged = document.merge({ connectionId, participantId: connectionId, editorId: null, content }, 0);
    if (merged.outcome !== 'merged') throw new Error(merged.outcome);
    return merged;
  };
  return { document, write };
}
const at = (count: number) => numberIn(1, count);

describe('a whole text', () => {
  it('keeps what another wrote at the same time, and its author is told what came of it', () => {
    const { document, write } = written('1:\n2:');
    expect(write('a', '1: by A\n2:', 0)).toMatchObject({ isAsSent: true });
    expect(write('b', '1:\n2: by B', 0)).toMatchObject({ isAsSent: false });
    expect(document.code).toBe('1: by A\n2: by B');
  });

  it('goes on from what its author sent before, when they have heard of nothing since', () => {
    for (const baseRev of [undefined, 0]) {
      const { document, write } = written('');
      write('a', 'abc', baseRev);
      write('a', 'x', baseRev);
      expect(document.code).toBe('x');
      write('a', 'x', baseRev);
      expect(document.code).toBe('x');
      write('a', '', baseRev);
      expect(document.code).toBe('');
    }
  });

  it('doubles nothing while its author’s edits are under way and another types', () => {
    for (const baseRev of [undefined, 0]) {
      const { document, write } = written('1:\n2:');
      write('a', '1: a\n2:', baseRev);
      write('b', '1:\n2: b', 0);
      write('a', '1: ab\n2:', baseRev);
      write('b', '1:\n2: bc', 0);
      write('a', '1: abc\n2:', baseRev);
      expect(document.code).toBe('1: abc\n2: bc');
    }
  });

  it('keeps what another typed though its author was told of that only after they had sent it', () => {
    const { document, write } = written('1:\n2:');
    write('b', '1:\n2: b');
    // On the text before that.
    write('a', '1: a\n2:', 0);
    expect(document.code).toBe('1: a\n2: b');
    // The result is on its way to them.
    write('a', '1: ax\n2:');
    expect(document.code).toBe('1: ax\n2: b');
    // Now they have it.
    write('a', '1: axy\n2: b');
    expect(document.code).toBe('1: axy\n2: b');
  });

  it('may take out what another has just typed', () => {
    for (const baseRev of [undefined, at(2)]) {
      const { document, write } = written('1:\n2:');
      write('a', '1: a\n2:');
      write('b', '1: a\n2: b', at(1));
      write('a', '1: a\n2:', baseRev);
      expect(document.code).toBe('1: a\n2:');
    }
  });

  it('was made on a text of a moment ago, where it has most of that', () => {
    const { document, write } = written('1:\n2:\n3:');
    write('b', '1:\n2: b\n3:');
    write('b', '1:\n2: bb\n3:');
    write('c', '1:\n2: bb\n3: c', at(2));
    // On the text after the first of them.
    write('a', '1: a\n2: b\n3:');
    expect(document.code).toBe('1: a\n2: bb\n3: c');
  });

  it('that is another as a whole replaces the newest, and not one of a moment ago', () => {
    const { document, write } = written('');
    write('a', 'mine');
    write('b', 'theirs');
    expect(document.code).toBe('theirs');
  });

  it('that differs as much from the newest as from its author’s own last one was made on the newest', () => {
    const { document, write } = written('');
    write('a', '1...');
    write('b', '2...');
    write('a', '3...');
    write('b', '4...');
    expect(document.code).toBe('4...');
  });

  it('was made on no text from before its author was there', () => {
    const { document, write } = written('some text');
    write('a', 'some text!');
    document.sentWhole('b');
    write('b', 'some text?');
    expect(document.code).toBe('some text?');
  });

  it('goes on from a session_state, not from what its author sent before it', () => {
    const { document, write } = written('1:\n2:');
    write('a', '1: a\n2:');
    write('b', '1: a\n2: b', at(1));
    document.sentWhole('a');
    write('a', '1: a!\n2: b');
    expect(document.code).toBe('1: a!\n2: b');
  });

  it('whose base is too old to be known is compared with what its author was sent last', () => {
    const document = new Document({ code: 'one\ntwo', rev: at(5), receipts: {}, transport: null }, 2, 0);
    document.sentWhole('a');
    const content = { kind: 'whole', code: 'one!\ntwo', baseRev: at(1) } as const;
    document.merge({ connectionId: 'a', participantId: 'a', editorId: null, content }, 0);
    expect(document.code).toBe('one!\ntwo');
  });
});

describe('changes', () => {
  const send = (
    document: Document,
    changes: WireChanges,
    over: Partial<Edit> & { baseRev?: number } = {},
  ) => {
    const { baseRev = document.rev, ...rest } = over;
    const content = { kind: 'changes', changes, baseRev } as const;
    return document.merge({ connectionId: 'a', participantId: 'a', editorId: null, content, ...rest }, 0);
  };

  it('are moved behind those that their author did not know, and not behind their own', () => {
    const document = new Document({ code: 'ab', rev: 0, receipts: {}, transport: null }, 1, 0);
    send(document, [1, [0, '1'], 1], { baseRev: 0, clientSeq: 1 });
    send(document, [[0, 'x'], 2], { connectionId: 'b', participantId: 'b', baseRev: 0, clientSeq: 1 });
    send(document, [2, [0, '2'], 1], { baseRev: 0, clientSeq: 2 });
    expect(document.code).toBe('xa12b');
    expect(send(document, [3, [0, '3'], 1], { baseRev: 0, clientSeq: 2 })).toEqual({ outcome: 'duplicate' });
  });

  it('of a text that is not known any more are told so', () => {
    const document = new Document({ code: 'ab', rev: at(7), receipts: {}, transport: null }, 2, 0);
    expect(send(document, [2], { baseRev: at(6) })).toEqual({ outcome: 'unknown_base' });
    expect(send(document, [2], { baseRev: at(7) })).toMatchObject({ outcome: 'merged' });
  });

  it('in a thousand places are not moved behind a thousand edits: their author is out of step', () => {
    const document = new Document({ code: '-'.repeat(1_000), rev: 0, receipts: {}, transport: null }, 1, 0);
    for (let edit = 0; edit < 1_000; edit += 1) {
      send(document, [[0, 'x'], 1_000 + edit], { connectionId: 'b', participantId: 'b' });
    }
    const places: WireChanges = Array.from({ length: 500 }, () => [1, [1, '+']] satisfies WireChanges).flat();
    const before = document.code;
    expect(send(document, places, { baseRev: 0 })).toEqual({ outcome: 'unknown_base' });
    expect([document.code, document.rev]).toEqual([before, at(1_000)]);
    // A whole text has nothing to be out of step with: its lines are compared.
    const content = { kind: 'whole', code: '-+'.repeat(500), baseRev: 0 } as const;
    document.merge({ connectionId: 'c', participantId: 'c', editorId: null, content }, 0);
    expect(document.code).toBe('x'.repeat(1_000) + '-+'.repeat(500));
  });

  it.each([
    ['of a shorter text', [1]],
    ['of a longer text', [9]],
    ['with a line end within a line', [[0, 'a\nb'], 4]],
    ['with a carriage return', [[0, 'a\rb'], 4]],
    ['with a negative length', [-1, 5]],
    ['with half a number', [1.5, 2.5]],
  ] satisfies [string, WireChanges][])('are refused that are %s', (_what, changes) => {
    const document = new Document({ code: '😀ab', rev: 0, receipts: {}, transport: null }, 1, 0);
    expect(send(document, changes)).toMatchObject({ outcome: 'refused' });
    expect([document.code, document.rev, document.clientSeq('a', 'a')]).toEqual(['😀ab', 0, 0]);
  });

  it.each([
    ['begins', [1, [1], 2]],
    ['ends', [[1], 3]],
    ['inserts', [1, [0, 'x'], 3]],
  ] satisfies [string, WireChanges][])('are refused where one %s within a character', (_what, changes) => {
    const document = new Document({ code: '😀ab', rev: 0, receipts: {}, transport: null }, 1, 0);
    expect(send(document, changes)).toEqual({
      outcome: 'refused',
      reason: 'a change begins or ends within a character',
    });
    expect(document.code).toBe('😀ab');
  });

  it('may make the code as large as the limit, and no larger', () => {
    const full = '€'.repeat(Math.floor(MAX_CODE_BYTES / 3));
    const document = new Document({ code: full, rev: 0, receipts: {}, transport: null }, 1, 0);
    const left = MAX_CODE_BYTES - full.length * 3;
    expect(send(document, [full.length, [0, 'x'.repeat(left)]])).toMatchObject({ outcome: 'merged' });
    const { length } = document.code;
    expect(send(document, [length, [0, 'x']])).toMatchObject({ outcome: 'refused' });
    // As long, and with fewer bytes.
    expect(send(document, [[1, 'y'], length - 1])).toMatchObject({ outcome: 'merged' });
    expect(send(document, [[0, 'zz'], length])).toMatchObject({ outcome: 'merged' });
    expect(send(document, [[0, 'z'], length + 2])).toMatchObject({ outcome: 'refused' });
  });

  it('may make code smaller that is too large still', () => {
    const document = new Document(
      { code: 'x'.repeat(MAX_CODE_BYTES + 10), rev: 0, receipts: {}, transport: null },
      1,
      0,
    );
    expect(send(document, [[1], MAX_CODE_BYTES + 9])).toMatchObject({ outcome: 'merged' });
    expect(send(document, [[1, 'yy'], MAX_CODE_BYTES + 8])).toMatchObject({ outcome: 'refused' });
    expect(document.code.length).toBe(MAX_CODE_BYTES + 9);
  });
});

it('has lines that end with a line feed, whatever ended them in the stores or in a whole text', () => {
  const document = new Document({ code: 'a\r\nb\rc\n', rev: 0, receipts: {}, transport: null }, 1, 0);
  expect(document.code).toBe('a\nb\nc\n');
  document.merge(edit({ code: 'a\r\nb\rc\nd' }), 1);
  expect(document.write().code).toBe('a\nb\nc\nd');
});
