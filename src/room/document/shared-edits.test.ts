/** Who is sent what of an edit, in a whole room: changes, the whole text, or nothing. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeConnection, makeGrant, makeRoom, type RoomFixture } from '../../../test/support/room.ts';
import { WAIT } from '../../../test/support/wait.ts';
import { numberIn } from '../../domain/revision.ts';
import type { Strudel } from '../../domain/strudels.ts';
import {
  MAX_CODE_BYTES,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_RESYNCS_PER_MINUTE,
  PARTICIPANT_COLORS,
} from '../../protocol/index.ts';
import type { AdmissionGrant } from '../connections/grant.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A room's first term. */
const rev = (count: number) => numberIn(1, count);
const START = 'start';

class Client {
  readonly connection: FakeConnection;
  readonly #fixture: RoomFixture;
  #seq = 0;

  constructor(fixture: RoomFixture, connection: FakeConnection) {
    this.#fixture = fixture;
    this.connection = connection;
  }

  static async join(fixture: RoomFixture, over: Partial<AdmissionGrant> = {}): Promise<Client> {
    const grant = makeGrant({ role: 'co-author', edits: 'changes', ...over });
    return new Client(fixture, await fixture.connect(await fixture.reserved(grant), grant.connectionId));
  }

  send(type: string, payload: object = {}): Promise<void> {
    return this.#fixture.room.onMessage(this.connection, JSON.stringify({ type, payload }));
  }

  /** @param over `base_rev`, `client_seq` and `sync`, where they aren't the obvious ones. */
  async change(changes: unknown, over: object = {}): Promise<void> {
    this.#seq += 1;
    const payload = { changes, base_rev: this.state.rev, client_seq: this.#seq, sync: this.state.sync };
    await this.send('code_update', { ...payload, ...over });
  }

  get state() {
    const state = this.connection.all('session_state').at(-1);
    if (!state) throw new Error('no state');
    return state;
  }
  get updates() {
    return this.connection.all('code_update');
  }
  get outOfStep() {
    return this.connection.all('out_of_step');
  }
  get errors() {
    return this.connection.all('error').map(({ error }) => error);
  }
}

describe('an edit', () => {
  it('is sent as changes to those that asked for them, as the whole text to the others, not to its author', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room, { displayName: 'Ada' }), await Client.join(room)];
    const old = await Client.join(room, { edits: 'whole' });
    await ada.change([5, [0, '!']], { cursor_line: 1, cursor_col: 6, source: 'typed' });
    const about = { rev: rev(1), display_name: 'Ada', cursor_line: 1, cursor_col: 6, source: 'typed' };
    expect(ada.updates).toEqual([]);
    expect(ben.updates).toMatchObject([{ ...about, changes: [5, [0, '!']] }]);
    expect(ben.updates[0]).not.toHaveProperty('code');
    expect(old.updates).toMatchObject([{ ...about, code: 'start!' }]);
    expect(old.updates[0]).not.toHaveProperty('changes');
  });

  it('as a whole text comes back to its author only where something else came of it', async () => {
    const room = makeRoom();
    const [ada, old] = [await Client.join(room), await Client.join(room, { edits: 'whole' })];
    await old.send('code_update', { code: 'start\none' });
    expect(old.updates).toEqual([]);
    await ada.change([5, [0, '!'], 4], { base_rev: rev(1) });
    await old.send('code_update', { code: 'start\none two', base_rev: rev(1) });
    expect(old.updates.map(({ code }) => code)).toEqual(['start!\none', 'start!\none two']);
    expect(ada.updates.map(({ changes }) => changes)).toEqual([
      [5, [0, '', 'one']],
      [10, [0, ' two']],
    ]);
  });

  it('goes on from what its author sent while they have not heard what came of it', async () => {
    const room = makeRoom();
    const [old, ada] = [await Client.join(room, { edits: 'whole' }), await Client.join(room)];
    await ada.change([[0, 'by Ada', ''], 5]);
    await old.send('code_update', { code: 'start!', base_rev: 0 });
    await old.send('code_update', { code: 'start!?' });
    expect(old.updates.at(-1)?.code).toBe('by Ada\nstart!?');
  });

  it('says how many of the receiver’s own precede it, only where that has changed', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    await ada.change([5, [0, '1']]);
    await ben.change([5, [0, '2']]);
    await ben.change([6, [0, '3']]);
    await ada.change([6, [0, '4']]);
    await ada.change([7, [0, '5']]);
    expect(ada.updates.map(({ client_seq }) => client_seq)).toEqual([1, undefined]);
    expect(ben.updates.map(({ client_seq }) => client_seq)).toEqual([undefined, 2, undefined]);
  });

  it('on a whole text before the last is ignored: its client makes it again', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    const { sync = 0 } = ada.state;
    await ada.send('resync');
    expect(ada.state.sync).toBe(sync + 1);
    await ada.change([5, [0, 'lost']], { sync });
    expect([ada.errors, ada.outOfStep, ben.updates]).toEqual([[], [], []]);
    await ada.change([5, [0, 'kept']], { client_seq: 1 });
    expect(ben.updates).toHaveLength(1);
  });

  it('has to be of the kind that its connection asked for', async () => {
    const room = makeRoom();
    const [ada, old] = [await Client.join(room), await Client.join(room, { edits: 'whole' })];
    await ada.send('code_update', { code: 'all' });
    await old.change([5], { sync: 1 });
    expect([ada.errors, old.errors]).toEqual([['validation_error'], ['validation_error']]);
    expect([ada.outOfStep.length, old.outOfStep.length]).toEqual([1, 0]);
    await ada.send('resync');
    expect(ada.state.code).toBe(START);
  });
});

describe('a client is out of step', () => {
  const tooLarge = [5, [0, 'x'.repeat(MAX_CODE_BYTES - 4)]];
  const cases: [what: string, error: string[], happens: (ada: Client, room: RoomFixture) => Promise<void>][] =
    [
      ['an edit on a text that is not known', [], (ada) => ada.change([5], { base_rev: 2 ** 24 - 1 })],
      ['changes that do not fit', ['validation_error'], (ada) => ada.change([6])],
      ['code that gets too large', ['validation_error'], (ada) => ada.change(tooLarge)],
      ['garbage', ['bad_request'], (ada, { room }) => room.onMessage(ada.connection, 'no JSON')],
      ['an edit that does not fit its schema', ['validation_error'], (ada) => ada.change([5, [0, 'a\nb']])],
    ];
  it.each(cases)('by %s', async (_what, error, happens) => {
    const room = makeRoom();
    room.script.open = opened({ rev: 2 ** 24 });
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    await happens(ada, room);
    expect(ada.errors).toEqual(error);
    expect(ada.outOfStep).toHaveLength(1);
    expect(ben.updates).toEqual([]);
  });

  it('once, and its changes are ignored, until it asks for the whole text', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    await ada.change([6]);
    await ada.change([5, [0, 'a']]);
    await ada.change([9]);
    expect([ada.outOfStep.length, ben.updates.length]).toEqual([1, 0]);
    await ada.send('resync');
    await ada.change([5, [0, 'a']], { client_seq: 1 });
    expect(ben.updates.map(({ changes }) => changes)).toEqual([[5, [0, 'a']]]);
    await ada.change([99]);
    expect(ada.outOfStep).toHaveLength(2);
  });

  it('when one of its edits is over the limit of a second, and not for another message', async () => {
    const room = makeRoom();
    const ada = await Client.join(room);
    for (let i = 0; i < MAX_CODE_UPDATES_PER_SECOND; i += 1)
      await ada.change([[5 + i, `start${'x'.repeat(i + 1)}`.slice(0, 6 + i)]]);
    expect([ada.outOfStep.length, ada.errors]).toEqual([0, []]);
    await ada.change([[5 + MAX_CODE_UPDATES_PER_SECOND, 'y']]);
    expect([ada.outOfStep.length, ada.errors]).toEqual([1, ['too_many_requests']]);
  });

  it('when it floods the room, which may have dropped an edit', async () => {
    const room = makeRoom();
    const ada = await Client.join(room);
    for (let i = 0; i < 12; i += 1) await ada.send('ping', { filler: 'x'.repeat(480_000) });
    expect(ada.errors).toContain('too_many_requests');
    expect(ada.outOfStep).toHaveLength(1);
  });

  it('when it may not edit any more', async () => {
    const room = makeRoom();
    const viewer = await Client.join(room, { role: 'viewer' });
    await viewer.change([5, [0, '!']]);
    expect([viewer.errors, viewer.outOfStep.length]).toEqual([['forbidden'], 1]);
  });

  it('never where it sends whole texts', async () => {
    const room = makeRoom();
    const old = await Client.join(room, { edits: 'whole' });
    await old.send('code_update', { code: 'x'.repeat(MAX_CODE_BYTES + 1) });
    expect([old.errors, old.outOfStep]).toEqual([['validation_error'], []]);
  });
});

describe('the whole text', () => {
  it('may be asked for so many times a minute', async () => {
    const room = makeRoom();
    const ada = await Client.join(room);
    for (let i = 0; i < MAX_RESYNCS_PER_MINUTE; i += 1) {
      vi.advanceTimersByTime(100);
      await ada.send('resync', { request_id: `r${i}` });
    }
    expect(ada.errors).toEqual([]);
    expect(ada.state.request_id).toBe(`r${MAX_RESYNCS_PER_MINUTE - 1}`);
    await ada.send('resync');
    expect(ada.errors).toEqual(['too_many_requests']);
    vi.advanceTimersByTime(60_000);
    await ada.send('resync');
    expect(ada.connection.all('session_state')).toHaveLength(MAX_RESYNCS_PER_MINUTE + 2);
  });

  it('says how many of the receiver’s edits it has', async () => {
    const room = makeRoom();
    const ada = await Client.join(room);
    expect(ada.state).toMatchObject({ client_seq: 0, sync: 1 });
    await ada.change([5, [0, '!']]);
    await ada.send('resync');
    expect(ada.state).toMatchObject({ client_seq: 1, sync: 2, code: 'start!' });
  });

  it('is followed by an acknowledgement of what is committed, which may have been lost', async () => {
    const room = makeRoom();
    const grant = { connectionId: 'c1', participantId: 'p1' };
    const ada = await Client.join(room, grant);
    await ada.change([5, [0, '!']]);
    await vi.waitUntil(() => ada.connection.all('ack').length === 1, { ...WAIT, interval: 1 });
    const again = await Client.join(room, grant);
    expect(again.state).toMatchObject({ client_seq: 1, rev: rev(1) });
    expect(again.connection.all('ack')).toEqual([{ rev: rev(1), client_seq: 1, durable: 'buffer' }]);
  });
});

describe('code that the room itself changes', () => {
  it('by HTTP comes to everybody as a change, with its lines ended by a line feed', async () => {
    const room = makeRoom();
    const [ada, old] = [await Client.join(room), await Client.join(room, { edits: 'whole' })];
    const code = 'start\r\nagain\rand again';
    await room.command({ kind: 'set_code', code, user_id: null, display_name: 'Ada', role: 'host' });
    expect(ada.updates.map(({ changes }) => changes)).toEqual([[5, [0, '', 'again', 'and again']]]);
    expect(old.updates.map((update) => update.code)).toEqual(['start\nagain\nand again']);
  });

  it('by a switch comes to everybody, the requester included, before the state that says so', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    await ada.send('switch_strudel', { strudel_id: null, code: 'new\r\ncode', request_id: 'r1' });
    for (const { updates } of [ada, ben]) {
      expect(updates).toMatchObject([{ rev: rev(1), source: 'loaded_strudel', strudel_id: null }]);
      expect(updates[0]?.changes).toBeDefined();
    }
    expect(ada.state).toMatchObject({ code: 'new\ncode', request_id: 'r1' });
  });

  it('by a saved strudel has its lines ended by a line feed', async () => {
    const room = makeRoom();
    const ada = await Client.join(room);
    // It may have been written by something else than this server.
    room.script.strudel = async (id) => ({
      strudel: { id, code: 'saved\r\ncode' } as Strudel,
      conversation: [],
    });
    await ada.send('switch_strudel', { strudel_id: crypto.randomUUID() });
    expect(ada.state.code).toBe('saved\ncode');
  });
});

describe('line ends', () => {
  it('are line feeds in a whole text, and refused in a line of changes', async () => {
    const room = makeRoom();
    room.script.open = opened({ code: 'a\r\nb' });
    const [ada, old] = [await Client.join(room), await Client.join(room, { edits: 'whole' })];
    expect([ada.state.code, old.state.code]).toEqual(['a\nb', 'a\nb']);
    await old.send('code_update', { code: 'a\r\nb\rc' });
    expect(ada.updates.map(({ changes }) => changes)).toEqual([[3, [0, '', 'c']]]);
    // It was sent with others, and taken as what it means.
    expect(old.updates).toEqual([]);
    await ada.change([5, [0, 'x\ry']], { base_rev: rev(1) });
    expect(ada.errors).toEqual(['validation_error']);
  });
});

describe('selections', () => {
  it('are shown to the others in the text as it is', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    await ada.change([[0, '12'], 5]);
    await ben.send('cursor_position', { line: 1, col: 3, anchor: 1, head: 3, rev: 0 });
    expect(ben.connection.all('cursor_position')).toEqual([]);
    // Ben made it in a text without Ada's edit, and Ada has to know which of hers it is in.
    expect(ada.connection.all('cursor_position')).toMatchObject([
      { anchor: 3, head: 5, rev: rev(1), client_seq: 1 },
    ]);
  });

  it('move with the text, and are told to those who come', async () => {
    const room = makeRoom();
    const ada = await Client.join(room, { participantId: 'p1', displayName: 'Ada' });
    const ben = await Client.join(room);
    await ada.send('cursor_position', { line: 1, col: 5, anchor: 0, head: 5, rev: 0 });
    await ben.change([[0, '12'], 1, [2], 2]);
    const late = await Client.join(room);
    const selection = { participant_id: 'p1', display_name: 'Ada', color: 0, anchor: 0, head: 5 };
    expect(late.state.selections).toEqual([selection]);
    expect(late.state.code).toBe('12srt');
    await ada.send('resync');
    expect(ada.state.selections).toEqual([]);
  });

  it('stay behind what their author types, and before what another types there', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    await ada.send('cursor_position', { line: 1, col: 5, anchor: 5, head: 5, rev: 0 });
    await ada.change([5, [0, 'aa']]);
    await ben.change([7, [0, 'b']], { base_rev: rev(1) });
    expect((await Client.join(room)).state.selections).toMatchObject([{ anchor: 7, head: 7 }]);
  });

  it('are where the line and the column say, of a client that knows no more', async () => {
    const room = makeRoom();
    const [old, ada] = [await Client.join(room, { edits: 'whole' }), await Client.join(room)];
    await old.send('code_update', { code: 'one\ntwo' });
    await old.send('cursor_position', { line: 2, col: 2 });
    await old.send('cursor_position', { line: 9, col: 99 });
    expect(ada.connection.all('cursor_position')).toMatchObject([
      { line: 2, col: 2, anchor: 6, head: 6 },
      { line: 9, col: 99, anchor: 7, head: 7 },
    ]);
  });

  it('are gone with their connection, and a viewer has none', async () => {
    const room = makeRoom();
    const [ada, viewer] = [await Client.join(room), await Client.join(room, { role: 'viewer' })];
    for (const one of [ada, viewer]) {
      await one.send('cursor_position', { line: 1, col: 1, anchor: 1, head: 1, rev: 0 });
    }
    expect((await Client.join(room)).state.selections).toHaveLength(1);
    ada.connection.close(1000, 'bye');
    await room.room.onClose(ada.connection);
    // Back under the same id, she hasn't said yet where she is.
    await Client.join(room, { connectionId: ada.connection.id });
    expect((await Client.join(room)).state.selections).toEqual([]);
  });

  it('of one who has reloaded are gone until they place them, also where the page before isn’t closed yet', async () => {
    const room = makeRoom();
    const over = { participantId: crypto.randomUUID(), connectionId: crypto.randomUUID() };
    const [ada, ben] = [await Client.join(room, over), await Client.join(room)];
    await ada.send('cursor_position', { line: 1, col: 1, anchor: 1, head: 1, rev: 0 });
    const back = await Client.join(room, over);
    await room.room.onClose(ada.connection);
    expect(ben.connection.all('selections')).toEqual([
      { rev: 0, selections: [], gone: [over.participantId] },
    ]);
    expect((await Client.join(room)).state.selections).toEqual([]);
    await back.send('cursor_position', { line: 1, col: 2, anchor: 2, head: 2, rev: 0 });
    expect((await Client.join(room)).state.selections).toMatchObject([{ anchor: 2 }]);
  });

  it('of a page that is closed give way to those of their participant’s other page', async () => {
    const room = makeRoom();
    const participantId = crypto.randomUUID();
    const [one, other] = [
      await Client.join(room, { participantId }),
      await Client.join(room, { participantId }),
    ];
    const ben = await Client.join(room);
    const leave = async ({ connection }: Client) => {
      connection.close(1000, 'bye');
      await room.room.onClose(connection);
    };
    await one.send('cursor_position', { line: 1, col: 1, anchor: 1, head: 1, rev: 0 });
    await other.send('cursor_position', { line: 1, col: 4, anchor: 4, head: 4, rev: 0 });
    await leave(other);
    expect(ben.connection.all('cursor_position').at(-1)).toMatchObject({
      line: 1,
      col: 1,
      anchor: 1,
      head: 1,
    });
    await leave(one);
    expect(ben.connection.all('selections')).toEqual([]);
    expect(ben.connection.all('user_left')).toHaveLength(1);
  });

  it('are gone when their participant becomes a viewer', async () => {
    const room = makeRoom();
    const participantId = crypto.randomUUID();
    const ada = await Client.join(room, { participantId });
    await ada.send('cursor_position', { line: 1, col: 1, anchor: 1, head: 1, rev: 0 });
    for (const role of ['viewer', 'co-author'] as const) {
      await room.command({ kind: 'participant_changed', participant_id: participantId, role });
      expect((await Client.join(room)).state.selections).toEqual([]);
    }
  });
});

describe('selections over a sleep', () => {
  const caret = (at: number, of: number) => ({ line: 1, col: at, anchor: at, head: at, rev: of });

  /** The next instance, with the connections that were open, and the code as it is stored. */
  function woken(room: RoomFixture, code: { code?: string; rev?: number } = {}): RoomFixture {
    const next = makeRoom();
    next.connections.push(...room.connections);
    next.script.open = opened(code);
    return next;
  }
  const asked = ({ connection }: Client) => connection.all('selections').filter(({ wanted }) => wanted);

  it('are asked of the writers when the session is open again, once, and told to those who have come', async () => {
    const room = makeRoom();
    const ada = await Client.join(room, { displayName: 'Ada' });
    const [viewer, old] = [
      await Client.join(room, { role: 'viewer' }),
      await Client.join(room, { edits: 'whole' }),
    ];
    await ada.send('cursor_position', caret(5, 0));
    const next = woken(room);
    const [ben, eve] = [await Client.join(next), await Client.join(next)];
    expect([ada, viewer, old, ben, eve].map((client) => asked(client).length)).toEqual([1, 0, 0, 0, 0]);
    await new Client(next, ada.connection).send('cursor_position', caret(5, 0));
    expect(ben.connection.all('cursor_position')).toMatchObject([{ display_name: 'Ada', anchor: 5, rev: 0 }]);
    expect((await Client.join(next)).state.selections).toMatchObject([{ display_name: 'Ada', anchor: 5 }]);
  });

  it('and edits are good that were made before Play and Stop, which are revisions of their own', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    for (const type of ['play', 'stop', 'play']) await ben.send(type);
    const next = woken(room, { rev: rev(3) });
    const awake = new Client(next, ada.connection);
    const late = await Client.join(next);
    await awake.send('cursor_position', caret(3, 0));
    expect(late.connection.all('cursor_position')).toMatchObject([{ anchor: 3, rev: rev(3) }]);
    const first = { changes: [5, [0, '!']], base_rev: 0, client_seq: 1, sync: ada.state.sync };
    await awake.send('code_update', first);
    expect([awake.outOfStep, late.updates.length]).toEqual([[], 1]);
  });

  it('and edits that were made before others’ are out of step', async () => {
    const room = makeRoom();
    const [ada, ben] = [await Client.join(room), await Client.join(room)];
    await ben.send('play');
    await ben.change([5, [0, '?']]);
    const next = woken(room, { code: 'start?', rev: rev(2) });
    const awake = new Client(next, ada.connection);
    const first = { changes: [5, [0, '!']], base_rev: 0, client_seq: 1, sync: ada.state.sync };
    await awake.send('code_update', first);
    expect(awake.outOfStep).toHaveLength(1);
  });
});

describe('colours', () => {
  it('are given twice only when there are no others left, and stay a participant’s own', async () => {
    const room = makeRoom();
    const colors: (number | undefined)[] = [];
    const clients: Client[] = [];
    const join = async (participantId: string, connectionId = participantId) => {
      const client = await Client.join(room, { participantId, connectionId });
      clients.push(client);
      colors.push(client.state.participants.find((each) => each.participant_id === participantId)?.color);
      return client;
    };
    for (let i = 0; i < PARTICIPANT_COLORS; i += 1) await join(`p${i}`);
    expect([...colors].sort((a = 0, b = 0) => a - b)).toEqual([...Array(PARTICIPANT_COLORS).keys()]);
    const tab = await join('p3', 'another tab');
    expect(colors.at(-1)).toBe(colors[3]);
    const leave = async ({ connection }: Client) => {
      connection.close(1000, 'bye');
      await room.room.onClose(connection);
    };
    await leave(tab);
    await leave(clients[5] ?? tab);
    await join('p12');
    await join('p13');
    await join('p14');
    expect(colors.slice(-3)).toEqual([colors[5], 0, 1]);
  });
});

function opened(code: { code?: string; rev?: number }) {
  return async () => ({
    outcome: 'opened' as const,
    code: { code: START, rev: 0, receipts: {}, transport: null, ...code },
    flushedRev: 0,
    isDirty: false,
    messages: [],
    isPartial: false,
    isBufferBehind: false,
    lastCommit: 0,
    source: 'clean' as const,
  });
}
