import { ChangeSet } from '@codemirror/state';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ClientMessageOf, MAX_CODE_BYTES, type ServerPayload } from '../../protocol/index.ts';
import { CodeSync, type CodeSyncPorts, editPauseMs, RESYNC_REQUEST_ID } from './code-sync.ts';
import type { KeptDocument } from './shared-document.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

type Kept = ConstructorParameters<typeof CodeSync>[0];
const NOTHING: Kept = { document: null, participantId: null, sentAtMs: 0, offered: null };

/** One client's code, whose room is the test. */
class Client {
  /** What was sent, in short. */
  readonly sent: string[] = [];
  readonly edits: ClientMessageOf<'code_update'>['payload'][] = [];
  /** What `edit` and `change` events told. */
  readonly statuses: string[] = [];
  readonly changes: { changes: unknown; by: string | null; source: string | undefined }[] = [];
  readonly onSelections = vi.fn<CodeSyncPorts['onSelections']>();
  readonly sync: CodeSync;
  isConnected = true;
  #syncs = 0;

  constructor(kept: Partial<Kept> = {}) {
    this.sync = new CodeSync(
      { ...NOTHING, ...kept },
      { editIntervalMs: 50, cursorIntervalMs: 100 },
      {
        send: (message) => {
          if (!this.isConnected) return false;
          if (message.type === 'code_update') {
            this.edits.push(message.payload);
            this.sent.push(`edit ${message.payload.client_seq}`);
          } else if (message.type === 'cursor_position') {
            this.sent.push(`cursor ${message.payload.anchor}-${message.payload.head}`);
          } else this.sent.push(message.type);
          return true;
        },
        onChange: ({ changes, author, source }) =>
          this.changes.push({ changes: changes.toJSON(), by: author?.name ?? null, source }),
        onSelections: this.onSelections,
        onEdits: (edits) => {
          for (const { clientSeq, status } of edits) this.statuses.push(`${clientSeq} ${status}`);
        },
        onKept: () => {},
      },
    );
  }

  /** The room's whole text comes. */
  start(
    state: Partial<ServerPayload<'session_state'>> = {},
    participantId: string | null = 'p-ana',
    role: 'host' | 'viewer' = 'host',
  ): void {
    this.#syncs += 1;
    const whole = { code: 'base', rev: 5, flushed_rev: 5, client_seq: 0, sync: this.#syncs };
    const about = { your_role: role, your_display_name: 'Ana', participants: [], strudel_id: null };
    const state_ = { ...whole, ...about, chat_history: [], conversation_history: [], ...state };
    this.sync.start(state_, participantId, role);
    this.sync.ready();
  }

  type(insert: string, from = this.sync.text.length, to = from): number {
    return this.sync.change(ChangeSet.of({ from, to, insert }, this.sync.text.length), { source: 'typed' });
  }

  /** Ben's change comes. */
  remote(changes: ServerPayload<'code_update'>['changes'], rev: number, client_seq?: number): void {
    const ben = { display_name: 'Ben', user_id: null, participant_id: 'p-ben', role: 'co-author' } as const;
    this.sync.update({ changes, rev, client_seq, ...ben });
  }

  ack(client_seq: number, rev: number): void {
    this.sync.acknowledged({ client_seq, rev, durable: 'buffer' });
  }

  /** Ben's cursor comes. */
  cursor(position: Partial<ServerPayload<'cursor_position'>>): void {
    const at = { line: 1, col: 0, display_name: 'Ben', user_id: null, role: 'co-author' } as const;
    this.sync.selected('p-ben', { ...at, ...position }, 3);
  }

  /** What was sent since the last time. */
  news(): string[] {
    return this.sent.splice(0);
  }
}

function opened(): Client {
  const client = new Client();
  client.start();
  client.changes.length = 0;
  return client;
}

const pass = (ms: number) => vi.advanceTimersByTime(ms);

describe('the pace of edits', () => {
  it('is one in 50 ms: the first goes at once, those that wait become one', () => {
    const client = opened();
    for (let count = 1; count <= 100; count += 1) {
      client.type('x');
      if (count === 1) expect(client.news()).toEqual(['edit 1']);
      // Acknowledged at once, so that nothing slows it.
      client.ack(client.edits.length, 5 + client.edits.length);
      pass(10);
    }
    pass(100);
    expect(client.edits.length).toBeGreaterThanOrEqual(19);
    expect(client.edits.length).toBeLessThanOrEqual(21);
    expect(client.edits.at(-1)).toMatchObject({ base_rev: 4 + client.edits.length, source: 'typed' });
  });

  it('slows down as more of them wait for their acknowledgement', () => {
    const client = opened();
    for (let count = 0; count < 100; count += 1) {
      client.type('x');
      client.sync.flush();
    }
    pass(1_100);
    client.news();
    client.type('x');
    expect(client.news()).toEqual(['edit 101']);
    client.type('y');
    pass(900);
    expect(client.news()).toEqual([]);
    pass(100);
    expect(client.news()).toEqual(['edit 102']);
  });

  it('stays as it is for those that a slow network has under way', () => {
    const pauses = [0, 2, 3, 4, 5, 7, 8, 100].map((waiting) => editPauseMs(50, waiting));
    expect(pauses).toEqual([50, 50, 50, 100, 200, 800, 1_000, 1_000]);
    expect(editPauseMs(2_000, 100)).toBe(2_000);
  });

  it('is not changed by selections: those wait for the edits before them', () => {
    const client = opened();
    client.type('1');
    client.sync.select(5, 5);
    expect(client.news()).toEqual(['edit 1', 'cursor 5-5']);
    for (let count = 0; count < 100; count += 1) {
      client.type('x');
      client.sync.select(client.sync.text.length, client.sync.text.length);
      pass(10);
    }
    expect(client.news().filter((what) => what.startsWith('edit')).length).toBeLessThanOrEqual(20);
  });
});

describe('own edits', () => {
  it('tell their status', () => {
    const client = opened();
    client.type('1');
    client.ack(1, 6);
    client.sync.flushed(6);
    client.type('2');
    pass(100);
    client.sync.acknowledged({ client_seq: 2, rev: 7, durable: 'postgres' });
    client.start({ code: 'base12', rev: 7, flushed_rev: 7, client_seq: 2 });
    expect(client.statuses).toEqual(['1 saved', '1 flushed', '2 saved', '2 flushed']);
    expect(client.sync).toMatchObject({ savedRev: 7, flushedRev: 7, hasPending: false });
  });

  it('are not saved by an acknowledgement of what an earlier page typed', () => {
    const client = new Client();
    client.type('1');
    client.start({ client_seq: 7 });
    client.ack(7, 5);
    pass(100);
    expect([client.statuses, client.news()]).toEqual([[], ['edit 8']]);
    client.ack(8, 6);
    expect(client.statuses).toEqual(['8 saved']);
  });

  it('are made again on the whole text when the room couldn’t follow, once', () => {
    const client = opened();
    client.type('1');
    client.type('2');
    client.sync.outOfStep();
    pass(1_000);
    expect(client.news()).toEqual(['edit 1', 'resync']);
    client.start({ code: 'A base', rev: 6 });
    pass(1_000);
    expect(client.news()).toEqual(['edit 1', 'edit 2']);
    expect(client.edits.at(-1)).toMatchObject({ changes: [7, [0, '2']], base_rev: 6, sync: 2 });
    expect(client.changes).toEqual([{ changes: [[0, 'A '], 6], by: null, source: undefined }]);
  });

  it('that don’t get out of a closing connection are sent on the next', () => {
    const client = opened();
    client.isConnected = false;
    client.type('1');
    client.sync.disconnected();
    pass(1_000);
    client.isConnected = true;
    client.start();
    expect(client.news()).toEqual(['edit 1']);
  });

  it('are held back while the text is too large, until others have made room for them too', () => {
    const client = opened();
    client.type('x'.repeat(MAX_CODE_BYTES - 3));
    pass(1_000);
    expect([client.news(), client.sync.isTooLarge]).toEqual([[], true]);
    client.sync.select(3, 3);
    pass(1_000);
    expect(client.news()).toEqual([]);
    client.remote([[1], 3], 6);
    pass(1_000);
    expect(client.news()).toEqual(['edit 1', 'cursor 2-2']);
    expect(client.sync.isTooLarge).toBe(false);
  });
});

describe('others’ changes', () => {
  it('are told as they are to be made on the local text, with who made them', () => {
    const client = opened();
    client.type('mine', 0);
    client.remote([4, [0, '!']], 6);
    expect(client.changes).toEqual([{ changes: [8, [0, '!']], by: 'Ben', source: undefined }]);
    expect(client.sync.code).toBe('minebase!');
  });

  it('that don’t fit make this client ask for the whole text', () => {
    const client = opened();
    client.remote([99], 6);
    client.remote([98], 7);
    pass(0);
    expect([client.news(), client.changes]).toEqual([['resync'], []]);
    client.start({ code: 'theirs', rev: 7 });
    expect(client.sync.code).toBe('theirs');
  });

  it('as whole texts are for clients that asked for those', () => {
    const client = opened();
    client.sync.update({ code: 'whole', rev: 6, role: 'host', display_name: 'Ben', user_id: null });
    expect(client.sync.code).toBe('base');
  });
});

describe('asking for the whole text', () => {
  it('is done once, however it was noticed that something is missing, and with a name for a refusal', () => {
    const send = vi.fn(() => true);
    const ports = { send, onChange() {}, onSelections() {}, onEdits() {}, onKept() {} };
    const sync = new CodeSync(NOTHING, { editIntervalMs: 50, cursorIntervalMs: 100 }, ports);
    sync.outOfStep();
    sync.outOfStep();
    pass(0);
    expect(send).toHaveBeenCalledTimes(1);
    sync.outOfStep();
    pass(5_000);
    expect(send.mock.calls).toEqual([[{ type: 'resync', payload: { request_id: RESYNC_REQUEST_ID } }]]);
  });

  it('is done again later when the room refuses, or doesn’t answer', () => {
    const client = opened();
    client.sync.outOfStep();
    pass(0);
    expect(client.news()).toEqual(['resync']);
    client.sync.resyncRefused();
    pass(7_999);
    expect(client.news()).toEqual([]);
    pass(1);
    expect(client.news()).toEqual(['resync']);
    pass(15_000);
    expect(client.news()).toEqual(['resync']);
    client.start();
    pass(60_000);
    expect(client.news()).toEqual([]);
  });

  it('is of no use without a connection: the next one brings it', () => {
    const client = opened();
    client.sync.outOfStep();
    client.sync.disconnected();
    pass(60_000);
    expect(client.news()).toEqual([]);
  });
});

describe('a room that refuses again and again', () => {
  /** The room refuses what comes; it has one edit, and says so each time as rooms do. @returns the pauses. */
  function refused(client: Client, times: number): number[] {
    const pauses: number[] = [];
    for (let time = 0; time < times; time += 1) {
      client.sync.outOfStep();
      client.news();
      const fromMs = Date.now();
      while (!client.sent.includes('resync')) vi.advanceTimersToNextTimer();
      pauses.push(Date.now() - fromMs);
      client.start({ code: 'base1', rev: 6, client_seq: 1 });
      client.ack(1, 6);
      vi.advanceTimersByTime(100);
    }
    return pauses;
  }

  function withOneSaved(): Client {
    const client = opened();
    client.type('1');
    client.ack(1, 6);
    client.type('2');
    pass(100);
    return client;
  }

  it('is asked for the whole text after longer and longer pauses; then the text is offered', () => {
    const client = withOneSaved();
    expect(refused(client, 6)).toEqual([0, 250, 1_000, 2_000, 4_000, 8_000]);
    expect([client.sync.offered, client.sync.code]).toEqual([null, 'base12']);
    expect(client.news()).toContain('edit 2');
    expect(refused(client, 1)).toEqual([0]);
    expect(client.sync.offered).toEqual({ code: 'base12', reason: 'refused' });
    expect([client.sync.code, client.sync.hasPending]).toEqual(['base1', false]);
    expect(client.statuses).toEqual(['1 saved', '2 refused']);
    pass(60_000);
    expect(client.news().filter((what) => what.startsWith('edit'))).toEqual([]);
    // What is typed now has its own chance.
    client.type('3');
    expect(client.news()).toEqual(['edit 3']);
  });

  it('is another one when it has taken something meanwhile', () => {
    const client = withOneSaved();
    refused(client, 5);
    client.ack(2, 7);
    client.type('3');
    pass(1_000);
    expect(refused(client, 2)).toEqual([0, 250]);
  });
});

describe('selections of an audience’s frame', () => {
  it('are in the text with its change, and under own edits that the room has not taken', () => {
    const client = opened();
    client.type('1');
    const ben = { participant_id: 'p-ben', display_name: 'Ben', color: 3, anchor: 1, head: 2 };
    client.sync.update({
      changes: [[0, '!'], 4],
      rev: 6,
      role: 'co-author',
      display_name: 'Ben',
      user_id: null,
      selections: [ben],
    });
    expect(client.sync.code).toBe('!base1');
    expect(client.sync.selections).toEqual([{ id: 'p-ben', name: 'Ben', color: 3, anchor: 1, head: 2 }]);
    client.sync.moved([{ ...ben, anchor: 5, head: 5 }]);
    expect(client.sync.selections.map(({ head }) => head)).toEqual([5]);
  });
});

describe('text that can’t be sent is offered to its author', () => {
  it('when they may not edit any more', () => {
    const client = opened();
    client.type('1');
    pass(100);
    client.start({ code: 'base', rev: 5 }, 'p-ana', 'viewer');
    expect(client.sync.offered).toEqual({ code: 'base1', reason: 'viewer' });
    expect([client.sync.code, client.sync.hasPending, client.statuses]).toEqual([
      'base',
      false,
      ['1 refused'],
    ]);
    expect(client.changes).toEqual([{ changes: [4, [1]], by: null, source: undefined }]);
    client.start({ code: 'base', rev: 5 });
    pass(1_000);
    expect(client.news()).toEqual(['edit 1']);
    client.sync.dismissOffer();
    expect(client.sync.keep().offered).toBeNull();
  });

  it('but not what the room has already', () => {
    const client = opened();
    client.type('1');
    client.remote([5, [0, '!']], 7, 1);
    client.start({ code: 'base1!', rev: 7, client_seq: 1 }, 'p-ana', 'viewer');
    expect([client.sync.offered, client.sync.code]).toEqual([null, 'base1!']);
    client.ack(1, 7);
    expect([client.statuses, client.sync.hasPending]).toEqual([['1 saved'], false]);
  });

  it('when the room doesn’t know whether it has it', () => {
    const client = opened();
    client.type('1');
    client.sync.disconnected();
    client.start({ code: 'base1', rev: 6, client_seq: null });
    pass(1_000);
    expect(client.sync.offered).toEqual({ code: 'base1', reason: 'uncertain' });
    expect([client.news(), client.statuses]).toEqual([['edit 1'], ['1 refused']]);
  });

  it('when they are another participant now, unless it was never sent', () => {
    const client = opened();
    client.type('1');
    client.sync.disconnected();
    client.start({ code: 'base', rev: 5, client_seq: 0 }, 'p-guest');
    expect(client.sync.offered).toEqual({ code: 'base1', reason: 'uncertain' });
    client.sync.dismissOffer();
    client.sync.disconnected();
    client.type('2');
    client.start({ code: 'base', rev: 5, client_seq: 40 }, 'p-other');
    pass(1_000);
    expect(client.sync.offered).toBeNull();
    expect(client.news()).toEqual(['edit 1', 'edit 41']);
  });
});

describe('what is kept', () => {
  const document: KeptDocument = {
    confirmed: 'base',
    rev: 5,
    clientSeq: 3,
    acknowledged: 2,
    pending: [{ changes: [4, [0, '3']], clientSeq: 3, wasSent: true }],
    undo: [],
  };

  it('is shown at once, as pending, and sent when the room lacks it', () => {
    const client = new Client({ document, participantId: 'p-ana', sentAtMs: Date.now() });
    expect(client.sync.code).toBe('base3');
    expect(client.sync.edits).toMatchObject([{ clientSeq: 3, status: 'pending' }]);
    client.start({ code: 'A base', rev: 6, client_seq: 2 });
    expect(client.news()).toEqual(['edit 3']);
    client.ack(3, 7);
    expect([client.statuses, client.sync.keep().document]).toEqual([['3 saved'], null]);
  });

  it('is whose it was', () => {
    const client = new Client({ document, participantId: 'p-ben', sentAtMs: Date.now() });
    client.start({ client_seq: 2 });
    expect(client.sync.offered).toEqual({ code: 'base3', reason: 'uncertain' });
    expect(client.sync.keep().participantId).toBe('p-ana');
  });

  it('longer than rooms remember is offered, and as before what was never sent is sent', () => {
    const sentAtMs = Date.now() - 30 * 86_400_000;
    const old = new Client({ document, participantId: 'p-ana', sentAtMs });
    old.start({ client_seq: 0 });
    expect(old.sync.offered?.reason).toBe('uncertain');
    const pending = [{ changes: [4, [0, '3'] as [number, string]], clientSeq: 3, wasSent: false }];
    const unsent = new Client({ document: { ...document, pending }, participantId: 'p-ana', sentAtMs });
    unsent.start({ client_seq: 0 });
    expect(unsent.news()).toEqual(['edit 3']);
  });

  it('before it is sent for the first time is not taken for old', () => {
    const client = opened();
    client.isConnected = false;
    client.type('1');
    const kept = client.sync.keep();
    expect(kept.document?.pending).toMatchObject([{ wasSent: true }]);
    const next = new Client(kept);
    next.start({ client_seq: 0 });
    expect([next.sync.offered, next.news()]).toEqual([null, ['edit 1']]);
  });

  it('is as old as what was sent last, however long the page has been open since', () => {
    const client = opened();
    client.type('1');
    client.sync.disconnected();
    vi.setSystemTime(Date.now() + 30 * 86_400_000);
    client.type('2');
    client.start({ client_seq: 0 });
    expect(client.sync.offered).toEqual({ code: 'base12', reason: 'uncertain' });
  });

  it('is nothing when it doesn’t fit together', () => {
    const damaged = { ...document, confirmed: 'another text' };
    const client = new Client({ document: damaged, participantId: 'p-ana', sentAtMs: Date.now() });
    expect([client.sync.code, client.sync.hasPending]).toEqual(['', false]);
    client.start({ client_seq: 3 });
    client.type('4');
    expect([client.sync.code, client.news()]).toEqual(['base4', ['edit 4']]);
  });
});

describe('own selection', () => {
  it('is sent at a pace, the newest last, where it is by then', () => {
    const client = opened();
    client.sync.select(1, 2);
    client.sync.select(2, 3);
    client.remote([[0, '__'], 4], 6);
    client.type('1', 0);
    pass(100);
    expect(client.news()).toEqual(['cursor 1-2', 'edit 1', 'cursor 5-6']);
  });

  it('follows what is sent of the text that it is in', () => {
    const client = opened();
    client.type('1');
    client.type('2');
    client.sync.select(6, 6);
    expect(client.news()).toEqual(['edit 1']);
    pass(60);
    expect(client.news()).toEqual(['edit 2', 'cursor 6-6']);
  });

  it('waits while the room couldn’t follow: the edits before it are sent again first', () => {
    const client = opened();
    client.type('1');
    client.sync.outOfStep();
    client.sync.select(5, 5);
    pass(1_000);
    expect(client.news()).toEqual(['edit 1', 'resync']);
    client.start();
    pass(1_000);
    expect(client.news()).toEqual(['edit 1', 'cursor 5-5']);
  });

  it('is not sent by a viewer', () => {
    const client = opened();
    client.sync.select(4, 4);
    pass(1_000);
    client.news();
    client.start({}, 'p-ana', 'viewer');
    pass(1_000);
    expect(client.news()).toEqual([]);
  });

  it('is sent again on the next connection', () => {
    const client = opened();
    client.sync.select(4, 4);
    client.sync.disconnected();
    pass(1_000);
    client.news();
    client.start({ code: 'A base', rev: 6 });
    expect(client.news()).toEqual(['cursor 6-6']);
  });

  it('is not sent before the room has the text that it is in', () => {
    const send = vi.fn<CodeSyncPorts['send']>(() => true);
    const ports = { send, onChange() {}, onSelections() {}, onEdits() {}, onKept() {} };
    const sync = new CodeSync(NOTHING, { editIntervalMs: 50, cursorIntervalMs: 100 }, ports);
    sync.change(ChangeSet.of({ from: 0, insert: 'one\ntwo' }, 0), {});
    // Nobody has this text.
    sync.select(0, 99);
    expect(send).not.toHaveBeenCalled();
  });
});

describe('others’ selections', () => {
  const at = (client: Client) => client.sync.selections.map(({ anchor, head }) => [anchor, head]);

  it('are in the local text, and move with it', () => {
    const client = opened();
    client.type('mine', 0);
    client.cursor({ anchor: 1, head: 3 });
    expect(client.sync.selections).toEqual([{ id: 'p-ben', name: 'Ben', color: 3, anchor: 5, head: 7 }]);
    expect(client.onSelections).toHaveBeenLastCalledWith(client.sync.selections);
    client.type('>', 0);
    client.remote([3, [0, '++'], 1], 6);
    expect(at(client)).toEqual([[6, 10]]);
  });

  it('are in a text with own edits where they say so', () => {
    const client = opened();
    client.type('mine', 0);
    client.cursor({ anchor: 8, head: 8, client_seq: 1 });
    expect(at(client)).toEqual([[8, 8]]);
    client.remote([[0, '_'], 8], 7);
    expect([client.sync.code, at(client)]).toEqual(['_minebase', [[9, 9]]]);
  });

  it('of clients that know only lines are as near as that says', () => {
    const client = new Client();
    client.start({ code: 'one\ntwo' });
    for (const [line, col] of [
      [2, 1],
      [1, 99],
      [99, 0],
      [0, 0],
    ] as const) {
      client.cursor({ line, col });
    }
    expect(client.onSelections.mock.calls.slice(1).map(([[peer]]) => peer?.head)).toEqual([5, 3, 4, 0]);
  });

  it('come with the whole text, and go with who has them', () => {
    const client = opened();
    const zoe = { participant_id: 'p-zoe', display_name: 'Zoë', color: 1 };
    client.type('1', 0);
    client.start({ selections: [{ ...zoe, anchor: 2, head: 99 }] });
    expect(at(client)).toEqual([[3, 5]]);
    client.sync.peerGone('p-nobody');
    client.sync.peerGone('p-zoe');
    expect([at(client), client.onSelections.mock.calls.length]).toEqual([[], 3]);
  });

  it('are never outside of the text, even while the whole text is awaited', () => {
    const client = opened();
    client.sync.outOfStep();
    client.cursor({ anchor: 50, head: 99 });
    expect(at(client)).toEqual([[4, 4]]);
    client.start({ code: '', rev: 9 });
    expect([client.sync.code, at(client)]).toEqual(['', []]);
  });
});
