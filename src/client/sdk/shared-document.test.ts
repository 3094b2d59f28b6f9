import { ChangeSet } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { MAX_CHANGE_PARTS, MAX_CODE_BYTES } from '../../protocol/index.ts';
import { type KeptDocument, type OutgoingEdit, SharedDocument } from './shared-document.ts';

/** A document that goes on from the room's text `base` at revision 5. */
function opened(kept: KeptDocument | null = null, clientSeq: number | null = 0): SharedDocument {
  const document = new SharedDocument(kept);
  document.start({ code: 'base', rev: 5, sync: 1, clientSeq });
  return document;
}

/** Types a text at a position. @returns the edit's number. */
function type(document: SharedDocument, insert: string, from = document.text.length, to = from): number {
  return document.edit(ChangeSet.of({ from, to, insert }, document.text.length), {}).clientSeq;
}

/** Sends what there is to send. */
function send(document: SharedDocument): OutgoingEdit[] {
  const sent: OutgoingEdit[] = [];
  for (let edit = document.nextToSend(); edit; edit = document.nextToSend()) {
    document.sent(edit.clientSeq);
    sent.push(edit);
  }
  return sent;
}

/** What a reload finds of it. */
const reloaded = (document: SharedDocument): KeptDocument | null =>
  JSON.parse(JSON.stringify(document.keep()));

describe('own edits', () => {
  it('are sent without waiting for the one before, and numbered', () => {
    const document = opened();
    type(document, '1');
    expect(send(document)).toEqual([{ changes: [4, [0, '1']], baseRev: 5, clientSeq: 1, sync: 1 }]);
    type(document, '2');
    expect(send(document)).toEqual([{ changes: [5, [0, '2']], baseRev: 5, clientSeq: 2, sync: 1 }]);
    expect(document.unacknowledged).toBe(2);
  });

  it('become one while they wait to be sent, with what was said of the last', () => {
    const document = opened();
    document.edit(ChangeSet.of({ from: 4, insert: '1' }, 4), { cursorCol: 5, source: 'paste' });
    document.edit(ChangeSet.of({ from: 5, insert: '2' }, 5), { cursorCol: 6, source: 'typed' });
    expect(send(document)).toEqual([
      { changes: [4, [0, '12']], baseRev: 5, clientSeq: 1, sync: 1, cursorCol: 6, source: 'typed' },
    ]);
  });

  it('must be made on the local text', () => {
    expect(() => opened().edit(ChangeSet.empty(3), {})).toThrow(RangeError);
  });

  it('are confirmed by an ack: what is sent next is made on that revision', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.acknowledged(1, 6);
    expect([document.hasPending, document.rev, document.acknowledgedSeq]).toEqual([false, 6, 1]);
    type(document, '2');
    expect(send(document)).toMatchObject([{ changes: [5, [0, '2']], baseRev: 6, clientSeq: 2 }]);
  });

  it('are confirmed by another’s change that was made on them, and still wait for their ack', () => {
    const document = opened();
    type(document, '1');
    send(document);
    expect(document.remote([5, [0, '!']], 7, 1)?.toJSON()).toEqual([5, [0, '!']]);
    expect([document.code, document.hasPending]).toEqual(['base1!', true]);
    document.acknowledged(1, 7);
    expect(document.hasPending).toBe(false);
  });

  it('are confirmed by a cursor that is in a text with them', () => {
    const document = opened();
    type(document, '1', 0);
    send(document);
    document.confirmed(1);
    expect(document.toLocal(5)).toBe(5);
    expect(document.remote([5, [0, '!']], 7, undefined)).not.toBeNull();
    expect(document.code).toBe('1base!');
  });

  it('in more places than a message may have are sent as one replacement of all between them', () => {
    const document = new SharedDocument(null);
    const words = 'bd '.repeat(MAX_CHANGE_PARTS);
    document.start({ code: words, rev: 5, sync: 1, clientSeq: 0 });
    const starts = Array.from({ length: MAX_CHANGE_PARTS }, (_, index) => index * 3);
    const all = starts.map((from) => ({ from, to: from + 2, insert: 'hh' }));
    document.edit(ChangeSet.of(all, words.length), {});
    const [edit] = send(document);
    expect(edit?.changes.length).toBeLessThanOrEqual(2);
    expect(document.remote([words.length, [0, 'x']], 6, undefined)).not.toBeNull();
    expect(document.code).toBe(`${'hh '.repeat(MAX_CHANGE_PARTS)}x`);
    document.acknowledged(1, 7);
    expect(document.remote([document.text.length, [0, 'y']], 8, undefined)).not.toBeNull();
  });
});

describe('others’ changes', () => {
  it('go before own edits that the room doesn’t have, and what is sent next knows them', () => {
    const document = opened();
    type(document, 'mine', 0);
    send(document);
    document.remote([[0, 'theirs'], 4], 6, undefined);
    expect(document.code).toBe('theirsminebase');
    type(document, '.', 10);
    expect(send(document)).toMatchObject([{ changes: [10, [0, '.'], 4], baseRev: 6, clientSeq: 2 }]);
    document.acknowledged(2, 8);
    expect(document.code).toBe('theirsmine.base');
  });

  it('that are known already change nothing', () => {
    const document = opened();
    expect(document.remote([4, [0, '!']], 5, undefined)).toBeNull();
    document.acknowledged(undefined, 9);
    expect(document.remote([4, [0, '!']], 9, undefined)).toBeNull();
    expect(document.code).toBe('base');
  });

  it('that don’t fit show that this client has lost track', () => {
    const document = opened();
    expect(() => document.remote([3, [0, '!']], 6, undefined)).toThrow(RangeError);
    expect(() => document.remote([4, [0, 'two\nlines']], 6, undefined)).toThrow(RangeError);
    expect(document.code).toBe('base');
  });

  it('count for nothing while the whole text is awaited', () => {
    const document = opened();
    document.disconnected();
    expect(document.remote([4, [0, '!']], 6, undefined)).toBeNull();
    document.confirmed(3);
    expect([document.rev, document.code]).toEqual([5, 'base']);
  });
});

describe('after a reconnect', () => {
  it('a line that was taken out here is not taken for one like it that another put in its place', () => {
    const document = new SharedDocument(null);
    document.start({ code: '// ana 20; x\nrest', rev: 1, sync: 1, clientSeq: 0 });
    const { length } = document.text;
    document.edit(ChangeSet.of({ from: 0, to: 13, insert: '// me 7; z\n' }, length), {});
    document.disconnected();
    document.start({ code: '// ana 21; x\nrest', rev: 9, sync: 2, clientSeq: 0 });
    expect(document.code).toBe('// ana 21; x\n// me 7; z\nrest');
  });

  it('what the room has is not sent again; what it lacks is, once, each under its number', () => {
    const document = opened();
    for (const char of '123') {
      type(document, char);
      send(document);
    }
    document.disconnected();
    type(document, '4');
    expect(document.nextToSend()).toBeNull();
    const { change, uncertain } = document.start({ code: 'A base1', rev: 9, sync: 1, clientSeq: 1 });
    expect([change.toJSON(), uncertain]).toEqual([[[0, 'A '], 8], null]);
    expect(document.code).toBe('A base1234');
    expect(send(document)).toEqual([
      { changes: [7, [0, '2']], baseRev: 9, clientSeq: 2, sync: 1 },
      { changes: [8, [0, '3']], baseRev: 9, clientSeq: 3, sync: 1 },
      { changes: [9, [0, '4']], baseRev: 9, clientSeq: 4, sync: 1 },
    ]);
    expect(send(document)).toEqual([]);
  });

  it('what a room between had not, and the next has after all, is there once', () => {
    const document = opened();
    for (const char of '12') {
      type(document, char);
      send(document);
    }
    // The first was committed late: a room that had opened before knows of neither.
    for (const isTaken of [false, true, false]) {
      document.disconnected();
      document.start({ code: 'base', rev: 5, sync: 1, clientSeq: 0 });
      expect(send(document).map(({ clientSeq }) => clientSeq)).toEqual([1, 2]);
      if (isTaken) document.confirmed(2);
    }
    document.disconnected();
    document.start({ code: 'base1', rev: 9, sync: 1, clientSeq: 1 });
    expect(document.code).toBe('base12');
    expect(send(document)).toEqual([{ changes: [5, [0, '2']], baseRev: 9, clientSeq: 2, sync: 1 }]);
  });

  it('edits that a room took along when it died come back once', () => {
    const document = opened();
    type(document, 'mine ', 0);
    send(document);
    document.remote([9, [0, ' theirs']], 7, 1);
    type(document, '.', 9);
    send(document);
    expect(document.code).toBe('mine base. theirs');
    document.disconnected();
    // Nobody had an acknowledgement: the next room knows of none of it.
    document.start({ code: 'base', rev: 5, sync: 1, clientSeq: 0 });
    expect(document.code).toBe('mine base.');
    expect(send(document)).toEqual([
      { changes: [[0, 'mine '], 4], baseRev: 5, clientSeq: 1, sync: 1 },
      { changes: [9, [0, '.']], baseRev: 5, clientSeq: 2, sync: 1 },
    ]);
  });

  it('edits that were acknowledged are not taken out of the text, nor sent again', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.acknowledged(1, 6);
    document.disconnected();
    document.start({ code: 'base1', rev: 6, sync: 1, clientSeq: 1 });
    expect([document.code, document.nextToSend()]).toEqual(['base1', null]);
  });

  it('an acknowledgement that comes while the whole text is awaited counts, and moves nothing', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.disconnected();
    document.acknowledged(1, 9);
    expect([document.rev, document.hasPending]).toEqual([5, true]);
    // Nor is it uncertain then whether the room has it.
    const { uncertain } = document.start({ code: 'base1', rev: 9, sync: 2, clientSeq: null });
    expect([uncertain, document.code, document.hasPending]).toEqual([null, 'base1', false]);
  });

  it('an hour of typing without a connection is one edit, however often the whole text came between', () => {
    const document = opened();
    document.disconnected();
    for (let count = 0; count < 2_000; count += 1) type(document, 'x');
    document.start({ code: 'base', rev: 6, sync: 2, clientSeq: 0 });
    document.disconnected();
    for (let count = 0; count < 2_000; count += 1) type(document, 'y');
    expect(document.keep()?.pending).toHaveLength(1);
    document.start({ code: 'base', rev: 7, sync: 3, clientSeq: 0 });
    expect(send(document)).toEqual([
      { changes: [4, [0, 'x'.repeat(2_000) + 'y'.repeat(2_000)]], baseRev: 7, clientSeq: 1, sync: 3 },
    ]);
  });
});

describe('a room that knows nothing of this client’s edits', () => {
  it('gets none again that were sent: their author is offered the text', () => {
    const document = opened();
    type(document, '1');
    send(document);
    type(document, '2');
    document.disconnected();
    const { uncertain } = document.start({ code: 'base1', rev: 9, sync: 1, clientSeq: null });
    expect(uncertain).toBe('base12');
    expect([document.code, document.hasPending, document.nextToSend()]).toEqual(['base1', false, null]);
    // What the room still acknowledges of them is over and done.
    document.acknowledged(2, 10);
    expect([document.code, document.hasPending, document.rev]).toEqual(['base1', false, 10]);
    type(document, '3');
    expect(send(document)).toMatchObject([{ changes: [5, [0, '3']], clientSeq: 3 }]);
  });

  it('gets none again that others’ changes were made on', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.remote([5, [0, '!']], 7, 1);
    document.disconnected();
    const { uncertain } = document.start({ code: 'base', rev: 9, sync: 1, clientSeq: null });
    expect([uncertain, document.code]).toEqual(['base1!', 'base']);
  });

  it.each([false, true])(
    'are offered if a room loses them when others have rewritten their line meanwhile (reload: %s)',
    (isReload) => {
      const rewritten = { code: 'quite another line, with 1 in it', rev: 6, clientSeq: 1 };
      const before = opened();
      type(before, '1');
      send(before);
      before.disconnected();
      expect(before.start({ ...rewritten, sync: 2 }).uncertain).toBeNull();
      const document = isReload ? new SharedDocument(reloaded(before)) : before;
      const { uncertain } = document.start({ code: 'base', rev: 9, sync: 3, clientSeq: 0 });
      expect([uncertain, document.code]).toEqual([rewritten.code, 'base']);
      expect(document.hasPending).toBe(false);
    },
  );

  it('aren’t offered once they are acknowledged, whatever others have rewritten', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.start({ code: 'quite another line, with 1 in it', rev: 6, sync: 2, clientSeq: 1 });
    document.acknowledged(1, 6);
    const { uncertain } = document.start({ code: 'base', rev: 9, sync: 3, clientSeq: 1 });
    expect([uncertain, document.code]).toEqual([null, 'base']);
  });

  it('gets those that were never sent', () => {
    const document = opened();
    document.disconnected();
    type(document, '1');
    const { uncertain } = document.start({ code: 'A base', rev: 9, sync: 1, clientSeq: null });
    expect([uncertain, document.code]).toEqual([null, 'A base1']);
    expect(send(document)).toMatchObject([{ changes: [6, [0, '1']], clientSeq: 1 }]);
  });

  it('is what a room is that counts the edits of another participant', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.disconnected();
    expect(document.start({ code: 'base', rev: 9, sync: 1, clientSeq: 0 }, false).uncertain).toBe('base1');
  });

  it('takes no edit of a participant for an earlier one: the count goes on from theirs', () => {
    const document = opened();
    document.disconnected();
    type(document, '1');
    document.start({ code: 'base', rev: 9, sync: 1, clientSeq: 12 }, false);
    expect(send(document)).toMatchObject([{ clientSeq: 13 }]);
    document.acknowledged(12, 9);
    expect(document.hasPending).toBe(true);
  });
});

describe('text that is larger than the room takes', () => {
  it('is held back, whatever comes; when it is shortened it is sent as one edit', () => {
    const document = opened();
    const large = 'x'.repeat(MAX_CODE_BYTES - 2);
    type(document, '1');
    send(document);
    type(document, large);
    expect([document.isTooLarge, document.canSend, document.nextToSend()]).toEqual([true, false, null]);
    document.remote([[0, 'A '], 4], 6, undefined);
    document.disconnected();
    document.start({ code: 'A base1', rev: 7, sync: 2, clientSeq: 1 });
    expect(document.nextToSend()).toBeNull();
    expect(document.code).toBe(`A base1${large}`);
    type(document, '', 8, document.text.length);
    expect(send(document)).toEqual([{ changes: [7, [0, 'x']], baseRev: 7, clientSeq: 2, sync: 2 }]);
  });

  it('is measured in bytes of UTF-8, and may be exactly as large', () => {
    const document = opened();
    type(document, 'é'.repeat((MAX_CODE_BYTES - 4) / 2));
    expect(document.isTooLarge).toBe(false);
    type(document, '.');
    expect(document.isTooLarge).toBe(true);
    document.remote([[1, ''], 3], 6, undefined);
    expect([document.isTooLarge, send(document).length]).toEqual([false, 1]);
  });
});

describe('giving up', () => {
  it('takes back what the room isn’t known to have, and nothing else', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.remote([5, [0, '!']], 7, 1);
    type(document, '2');
    send(document);
    type(document, '3');
    document.disconnected();
    expect(document.giveUp()).toMatchObject({ code: 'base1!23', firstSeq: 2 });
    expect([document.code, document.hasPending]).toEqual(['base1!', true]);
    expect(document.giveUp()).toBeNull();
    // The room dies with what it had taken: that comes back, what was given up doesn't.
    document.start({ code: 'base', rev: 9, sync: 2, clientSeq: 0 });
    expect(document.code).toBe('base1');
    expect(send(document)).toMatchObject([{ changes: [4, [0, '1']], clientSeq: 1 }]);
  });

  it('of an edit that the room takes nevertheless: its next whole text has it, and nothing is sent again', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.disconnected();
    document.giveUp();
    type(document, '2');
    document.start({ code: 'base1', rev: 6, sync: 2, clientSeq: 1 });
    // Made at one place: the text of the room is first.
    expect(document.code).toBe('base12');
    expect(send(document)).toEqual([{ changes: [5, [0, '2']], baseRev: 6, clientSeq: 2, sync: 2 }]);
    document.acknowledged(1, 6);
    expect(document.hasPending).toBe(true);
    document.acknowledged(2, 7);
    expect(document.hasPending).toBe(false);
  });
});

describe('what is kept over a reload', () => {
  it('is nothing when nothing is pending; then the count goes on from the room’s', () => {
    const document = opened();
    type(document, '1');
    send(document);
    document.acknowledged(1, 6);
    expect(document.keep()).toBeNull();
    const next = new SharedDocument(null);
    expect(type(next, 'early')).toBe(1);
    next.start({ code: 'base1', rev: 6, sync: 1, clientSeq: 1 });
    expect(send(next)).toMatchObject([{ clientSeq: 2 }]);
    expect(type(next, '.')).toBe(3);
  });

  it('is the text, what is pending and what a dead room may have lost', () => {
    const document = opened();
    type(document, 'mine ', 0);
    send(document);
    document.remote([9, [0, ' theirs']], 7, 1);
    type(document, '!');
    document.disconnected();
    const next = new SharedDocument(reloaded(document));
    expect([next.code, next.hasPending]).toEqual(['mine base theirs!', true]);
    next.start({ code: 'base', rev: 5, sync: 1, clientSeq: 0 });
    expect(next.code).toBe('mine base!');
    expect(send(next)).toMatchObject([
      { changes: [[0, 'mine '], 4], clientSeq: 1 },
      { changes: [9, [0, '!']], clientSeq: 2 },
    ]);
  });

  it('doesn’t grow with others’ changes', () => {
    const document = opened();
    type(document, '1');
    send(document);
    for (let count = 0; count < 500; count += 1) {
      document.remote([document.text.length, [0, 'x']], 7 + count, count === 0 ? 1 : undefined);
    }
    const kept = reloaded(document);
    expect(kept?.undo).toHaveLength(2);
    expect(new SharedDocument(kept).code).toBe(`base1${'x'.repeat(500)}`);
  });

  it('says of an edit that it may have been sent, unless there was no connection', () => {
    const document = opened();
    type(document, '1');
    const kept = reloaded(document);
    send(document);
    // The tab dies before the edit is kept again.
    const next = new SharedDocument(kept);
    type(next, '2');
    next.start({ code: 'base1', rev: 6, sync: 1, clientSeq: 1 });
    expect(next.code).toBe('base12');
    expect(send(next)).toMatchObject([{ changes: [5, [0, '2']], clientSeq: 2 }]);
    document.disconnected();
    type(document, '2');
    expect(document.keep()?.pending.map(({ wasSent }) => wasSent)).toEqual([true, false]);
  });

  it('must fit together', () => {
    const kept = { confirmed: 'base', rev: 5, clientSeq: 1, acknowledged: 0, undo: [], pending: [] };
    const edit = { clientSeq: 1, wasSent: false };
    expect(new SharedDocument({ ...kept, pending: [{ ...edit, changes: [4, [0, '1']] }] }).code).toBe(
      'base1',
    );
    for (const changes of [
      [5, [0, '1']],
      [-1],
      [4, [0, 'two\nlines']],
    ] as KeptDocument['pending'][0]['changes'][]) {
      expect(() => new SharedDocument({ ...kept, pending: [{ ...edit, changes }] })).toThrow(RangeError);
      expect(() => new SharedDocument({ ...kept, undo: [{ clientSeq: 1, changes }] })).toThrow(RangeError);
    }
  });
});

it('finds positions of the room’s text in the local one, and never outside of it', () => {
  const document = opened();
  type(document, 'mine', 2);
  expect([0, 2, 3, 4].map((at) => document.toLocal(at))).toEqual([0, 2, 7, 8]);
  expect([-1, 99].map((at) => document.toLocal(at))).toEqual([0, 8]);
  expect(opened().toLocal(99)).toBe(4);
});
