import { describe, expect, it } from 'vitest';
import { SharedDocument } from './shared-document.ts';

/** Request ids a1, a2, … */
function ids(prefix = 'a'): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}${count}`;
  };
}

/** A document at revision 5 with the text `base`. */
function opened(): { document: SharedDocument; edit: (code: string) => string; send: () => string } {
  const document = new SharedDocument(null, 0);
  document.reset('base', 5, 5);
  const nextId = ids();
  return {
    document,
    edit: (code) => document.edit(code, {}, nextId, 0) ?? 'nothing changed',
    send: () => {
      const edit = document.nextToSend();
      if (!edit) return 'nothing to send';
      document.sent(edit.requestId);
      return edit.requestId;
    },
  };
}

const statuses = (document: SharedDocument) => document.edits.map((edit) => edit.status);

describe('a client’s own edits', () => {
  it('go from pending to saved to flushed, by cumulative acks', () => {
    const { document, edit, send } = opened();
    edit('one');
    send();
    edit('two');
    send();
    edit('three');
    send();
    expect(statuses(document)).toEqual(['pending', 'pending', 'pending']);
    document.acknowledged('a2', 7, 'buffer', 1);
    expect(statuses(document)).toEqual(['saved', 'saved', 'pending']);
    document.flushed(6);
    expect(statuses(document)).toEqual(['saved', 'saved', 'pending']);
    document.acknowledged('a3', 8, 'buffer', 1);
    document.flushed(8);
    expect(statuses(document)).toEqual(['flushed', 'flushed', 'flushed']);
    expect(document.savedRev).toBe(8);
    expect(document.hasPending).toBe(false);
  });

  it('are flushed at once when Postgres took them in place of the buffer', () => {
    const { document, edit, send } = opened();
    edit('one');
    send();
    document.flushed(6);
    document.acknowledged('a1', 6, 'postgres', 1);
    expect(statuses(document)).toEqual(['flushed']);
  });

  it('become one while they wait to be sent', () => {
    const { document, edit, send } = opened();
    expect(edit('one')).toBe('a1');
    expect(edit('one two')).toBe('a1');
    expect(document.nextToSend()).toMatchObject({ requestId: 'a1', code: 'one two', baseRev: 5 });
    send();
    expect(edit('one two three')).toBe('a2');
    expect(document.edits).toHaveLength(2);
  });

  it('are sent again after a lost connection: the newest, under the same id', () => {
    const { document, edit, send } = opened();
    edit('one');
    send();
    edit('two');
    send();
    document.disconnected();
    document.reset('base', 5, 5);
    expect(document.code).toBe('two');
    expect(send()).toBe('a2');
    expect(send()).toBe('nothing to send');
    document.acknowledged('a2', 6, 'buffer', 1);
    expect(statuses(document)).toEqual(['saved', 'saved']);
  });

  it('never reuse the id of an edit that may have arrived', () => {
    const { document, edit, send } = opened();
    edit('one');
    send();
    document.disconnected();
    expect(edit('two')).toBe('a2');
    document.reset('one', 6, 5);
    expect(document.nextToSend()).toMatchObject({ requestId: 'a2', code: 'two' });
  });

  it('survive in the next page', () => {
    const kept = { requestId: 'before', code: 'typed before the reload', baseRev: 3 };
    const document = new SharedDocument(kept, 0);
    expect(document.code).toBe('typed before the reload');
    document.reset('base', 5, 5);
    expect(document.nextToSend()).toEqual(kept);
    expect(document.edit('and after', {}, ids(), 0)).toBe('a1');
  });

  it('give way to the room’s text when they are refused', () => {
    const { document, edit, send } = opened();
    edit('one');
    send();
    edit('two');
    send();
    document.refused('a2', 'no');
    expect(document.code).toBe('one');
    document.refused('a1', 'no');
    expect(document.code).toBe('base');
    expect(statuses(document)).toEqual(['refused', 'refused']);
  });

  it('are bounded in number, and the newest text is never dropped', () => {
    const { document, edit, send } = opened();
    for (let count = 1; count <= 1_000; count += 1) {
      edit(`text ${count}`);
      send();
    }
    expect(document.edits.length).toBeLessThanOrEqual(600);
    expect(document.unacknowledged?.code).toBe('text 1000');
    document.acknowledged('a1000', 1_005, 'buffer', 1);
    expect(document.code).toBe('text 1000');
    expect(document.hasPending).toBe(false);
  });
});

describe('others’ edits', () => {
  it('replace the text when nothing of one’s own is pending, and stale ones are ignored', () => {
    const { document } = opened();
    expect(document.remoteUpdate('six', 6)).toBe(true);
    expect(document.remoteUpdate('stale', 6)).toBe(false);
    expect(document.remoteUpdate('stale', 4)).toBe(false);
    expect(document.code).toBe('six');
    expect(document.remoteUpdate('nine', 9)).toBe(true);
    expect(document.code).toBe('nine');
  });

  it('lose against an own edit that the room accepts after them', () => {
    const { document, edit, send } = opened();
    edit('mine');
    send();
    document.remoteUpdate('theirs', 6);
    expect(document.code).toBe('mine');
    document.acknowledged('a1', 7, 'buffer', 1);
    expect(document.code).toBe('mine');
  });

  it('win at once against an own edit that the room accepted before them', () => {
    const { document, edit, send } = opened();
    edit('mine');
    send();
    document.remoteUpdate('theirs', 7); // 6 was mine
    expect(document.code).toBe('theirs');
    document.acknowledged('a1', 6, 'buffer', 1);
    expect(document.code).toBe('theirs');
  });

  it('lose what they won when the room that ordered them died before it committed', () => {
    const { document, edit, send } = opened();
    edit('mine');
    send();
    document.remoteUpdate('theirs', 7);
    document.disconnected();
    document.reset('base', 5, 5);
    expect(document.code).toBe('mine');
    expect(send()).toBe('a1');
  });

  it('win when only the ack tells that an own edit came before them', () => {
    const { document, edit, send } = opened();
    edit('mine');
    send();
    document.disconnected();
    document.reset('theirs', 7, 5);
    expect(document.code).toBe('mine');
    send();
    document.acknowledged('a1', 7, 'buffer', 1); // a resend: the room had it already
    expect(document.code).toBe('theirs');
  });

  it('leave an own newer edit alone when an ack of an older one names the same revision', () => {
    const { document, edit, send } = opened();
    edit('older');
    send();
    document.disconnected();
    document.reset('older', 6, 5);
    send();
    edit('newer');
    send();
    document.acknowledged('a1', 7, 'buffer', 1); // the room's revision by then is the newer edit's
    document.acknowledged('a2', 7, 'buffer', 1);
    expect(document.code).toBe('newer');
  });
});
