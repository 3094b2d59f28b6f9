import { ChangeSet, type ChangeSpec } from '@codemirror/state';
import { describe, expect, it, vi } from 'vitest';
import {
  connect,
  FakeSocket,
  FakeStore,
  open,
  reconnected,
  SESSION,
  useFakeSockets,
} from '../../../test/support/client.ts';
import { MAX_CODE_BYTES, PING_AFTER_CHARS, type ServerMessageType } from '../../protocol/index.ts';
import { SharedDocument } from './shared-document.ts';

useFakeSockets();

describe('connecting', () => {
  it('goes to the session’s room with the token and a connection id', async () => {
    const client = await connect({ connectionId: 'tab-1' });
    const url = new URL(FakeSocket.last.url);
    expect(`${url.protocol}//${url.host}${url.pathname}`).toBe(`ws://rooms.test/parties/main/${SESSION}`);
    expect(url.searchParams.get('token')).toBe('to ken');
    expect(url.searchParams.get('_pk')).toBe('tab-1');
    expect(client.snapshot.connection.state).toBe('connecting');
  });

  it('is open only when the room has told its state', async () => {
    const client = await connect();
    FakeSocket.last.open();
    client.play();
    expect(client.snapshot.connection.state).toBe('connecting');
    expect(FakeSocket.last.frames).toEqual([]);
    FakeSocket.last.hello();
    expect(client.snapshot).toMatchObject({
      connection: { state: 'open' },
      code: 'base',
      rev: 5,
      role: 'host',
      displayName: 'Ana',
    });
  });

  it('brings its name to be let in, and not over reconnects: it may be another by then', async () => {
    const client = await open({ displayName: 'Ana' });
    expect(new URL(FakeSocket.last.url).searchParams.get('display_name')).toBe('Ana');
    client.useToken('a newer one');
    FakeSocket.last.drop();
    const { searchParams } = new URL((await reconnected()).url);
    expect([searchParams.get('display_name'), searchParams.get('token')]).toEqual([null, 'a newer one']);
  });

  it('keeps its connection id over reconnects', async () => {
    await open();
    const first = new URL(FakeSocket.last.url).searchParams.get('_pk');
    FakeSocket.last.drop();
    const socket = await reconnected();
    expect(new URL(socket.url).searchParams.get('_pk')).toBe(first);
  });

  it('stops when the room says over HTTP why it refuses', async () => {
    const asked: string[] = [];
    const client = await connect({
      fetch: async (input) => {
        asked.push(String(input));
        return Response.json({ error: 'not_found', message: 'no such session' }, { status: 404 });
      },
    });
    FakeSocket.last.fail();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked[0]).toMatch(/^http:\/\/rooms\.test\/parties\/main\//);
    expect(client.snapshot.connection).toEqual({
      state: 'refused',
      refusal: { status: 404, error: 'not_found', message: 'no such session' },
    });
    const attempts = FakeSocket.sockets.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.sockets.length).toBe(attempts);
  });

  it('goes on trying when the room is out of reach, or another server answers in its place', async () => {
    const client = await connect({ fetch: async () => new Response('<h1>Not found</h1>', { status: 404 }) });
    FakeSocket.last.fail();
    await reconnected();
    expect(client.snapshot.connection.state).toBe('connecting');
    FakeSocket.last.hello();
    expect(client.snapshot.connection.state).toBe('open');
  });

  it('stays closed when the session has ended', async () => {
    const client = await open();
    const ended = vi.fn();
    client.on('ended', ended);
    FakeSocket.last.say('session_ended', { reason: 'the host ended it' });
    expect(ended).toHaveBeenCalledOnce();
    expect(client.snapshot.connection).toEqual({
      state: 'closed',
      cause: 'ended',
      reason: 'the host ended it',
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.sockets).toHaveLength(1);
  });

  it('comes back once when it is replaced: an earlier attempt of its own may have come late', async () => {
    const client = await open();
    client.edit('mine');
    FakeSocket.last.drop(1000, 'replaced');
    await vi.advanceTimersByTimeAsync(10_000);
    FakeSocket.last.hello();
    expect(client.snapshot.connection.state).toBe('open');
    expect(FakeSocket.sockets).toHaveLength(2);
    expect(FakeSocket.last.sent('code_update')).toHaveLength(1);
  });

  it('goes where the room has moved to as soon as it says so, however long its socket takes to end', async () => {
    const client = await open();
    const first = FakeSocket.last;
    first.say('server_shutdown', { reason: 'moved' });
    expect(client.snapshot.connection).toEqual({ state: 'reconnecting', reason: 'moved' });
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.last).not.toBe(first);
    FakeSocket.last.hello();
    // Of the first one nothing counts any more.
    first.drop(1012, 'moved');
    expect(client.snapshot.connection.state).toBe('open');
  });

  it('stays closed when another client took over its connection id', async () => {
    const client = await open();
    FakeSocket.last.drop(1000, 'replaced');
    await vi.advanceTimersByTimeAsync(10_000);
    FakeSocket.last.hello();
    FakeSocket.last.drop(1000, 'replaced');
    expect(client.snapshot.connection).toEqual({
      state: 'closed',
      cause: 'elsewhere',
      reason: 'it is open elsewhere',
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.sockets).toHaveLength(2);
    client.reconnect();
    await vi.advanceTimersByTimeAsync(0);
    FakeSocket.last.hello();
    expect(client.snapshot.connection.state).toBe('open');
  });

  it('shows the room how far it has read: it pings when much has come, with the mark of the last pong', async () => {
    await open();
    const socket = FakeSocket.last;
    const receive = (chars: number) =>
      socket.say('degraded', { reason: 'x'.repeat(chars), since: '2026-01-01T00:00:00Z' });
    receive(PING_AFTER_CHARS / 2);
    expect(socket.sent('ping')).toEqual([]);
    receive(PING_AFTER_CHARS / 2);
    expect(socket.sent('ping')).toEqual([{ request_id: 'clock.1' }]);
    socket.say('pong', { mark: 'm1' });
    receive(PING_AFTER_CHARS / 2);
    receive(PING_AFTER_CHARS / 2);
    expect(socket.sent('ping')).toEqual([{ request_id: 'clock.1' }, { mark: 'm1', request_id: 'clock.2' }]);
  });

  it('pings, and replaces a connection that says nothing any more', async () => {
    const client = await open();
    const first = FakeSocket.last;
    await vi.advanceTimersByTimeAsync(40_000);
    expect(first.sent('ping')).toHaveLength(2);
    first.say('pong', {});
    await vi.advanceTimersByTimeAsync(40_000);
    expect(FakeSocket.sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(6_500);
    expect(FakeSocket.sockets).toHaveLength(2);
    expect(first.closeCode).toBe(4_000);
    expect(client.snapshot.connection).toMatchObject({ state: 'reconnecting', reason: 'no answer' });
  });

  it('ignores frames that it doesn’t understand', async () => {
    const client = await open();
    for (const data of ['{', '[]', '{"type":"from_the_future"}', '{"type":"flushed","payload":{}}']) {
      FakeSocket.last.dispatchEvent(new MessageEvent('message', { data }));
    }
    expect(client.snapshot).toMatchObject({ code: 'base', connection: { state: 'open' } });
  });
});

describe('edits', () => {
  it('are sent as changes, without waiting for the one before', async () => {
    const client = await open();
    const socket = FakeSocket.last;
    expect(new URL(socket.url).searchParams.get('edits')).toBe('changes');
    client.change(ChangeSet.of({ from: 4, insert: '1' }, 4), {
      cursorLine: 1,
      cursorCol: 5,
      source: 'typed',
    });
    client.change(ChangeSet.of({ from: 5, insert: '2' }, 5));
    client.change(ChangeSet.of({ from: 6, insert: '3' }, 6));
    await vi.advanceTimersByTimeAsync(100);
    const about = { base_rev: 5, sync: 1 };
    expect(socket.sent('code_update')).toEqual([
      { ...about, changes: [4, [0, '1']], client_seq: 1, cursor_line: 1, cursor_col: 5, source: 'typed' },
      { ...about, changes: [5, [0, '23']], client_seq: 2 },
    ]);
    expect(client.snapshot).toMatchObject({ code: 'base123', heldBack: null, offered: null });
  });

  it('may be given as the whole text: what differs is sent', async () => {
    const client = await open();
    expect(client.edit('base!\r\nmore')).toBe(1);
    expect(client.edit('base!\nmore')).toBeNull();
    expect(FakeSocket.last.sent('code_update')).toMatchObject([{ changes: [4, [0, '!', 'more']] }]);
  });

  it('must be made on the text as it is', async () => {
    const client = await open();
    expect(() => client.change(ChangeSet.of({ from: 0, insert: 'x' }, 3))).toThrow(RangeError);
    expect(client.snapshot.code).toBe('base');
  });

  it('tell their status', async () => {
    const client = await open();
    const seen: string[] = [];
    client.on('edit', (edit) => seen.push(`${edit.clientSeq} ${edit.status}`));
    client.edit('one');
    expect(client.hasUnacknowledged).toBe(true);
    FakeSocket.last.ack(1, 6);
    FakeSocket.last.say('flushed', { rev: 6 });
    expect(seen).toEqual(['1 saved', '1 flushed']);
    expect(client.snapshot).toMatchObject({ savedRev: 6, flushedRev: 6, rev: 6 });
    expect(client.hasUnacknowledged).toBe(false);
  });

  it('made while offline are sent once, on the room’s text', async () => {
    const client = await open();
    FakeSocket.last.drop();
    client.edit('base one');
    client.edit('base one two');
    const socket = await reconnected();
    socket.open();
    expect(socket.sent('code_update')).toEqual([]);
    socket.state({ code: 'their base', rev: 9 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket.sent('code_update')).toEqual([
      { changes: [10, [0, ' one two']], base_rev: 9, client_seq: 1, sync: 1 },
    ]);
    expect(client.snapshot.code).toBe('their base one two');
  });

  it('survive a reload', async () => {
    const store = new FakeStore();
    const before = await open({ connectionId: 'tab-1', store });
    before.edit('base, typed before the reload');
    before.close();
    const after = await connect({ connectionId: 'tab-1', store });
    expect(after.snapshot).toMatchObject({
      code: 'base, typed before the reload',
      edits: [{ clientSeq: 1 }],
    });
    const socket = FakeSocket.last;
    socket.hello();
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.sent('code_update')).toMatchObject([
      { changes: [4, [0, ', typed before the reload']], client_seq: 1 },
    ]);
    socket.ack(1, 6);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(store.load()).toBeNull();
  });

  it('survive a reload that nothing announced, but for the last moment; and are not made twice', async () => {
    const store = new FakeStore();
    const before = await open({ connectionId: 'tab-1', store });
    before.edit('base1');
    before.edit('base12');
    await vi.advanceTimersByTimeAsync(199);
    before.edit('base123');
    const { json } = store;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(store.json).not.toBe(json);
    // The tab died before that.
    store.json = json;
    const after = await connect({ connectionId: 'tab-1', store });
    const socket = FakeSocket.last;
    socket.hello({ code: 'base123', rev: 8, client_seq: 3 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect([after.snapshot.code, socket.sent('code_update')]).toEqual(['base123', []]);
    after.edit('base1234');
    expect(socket.sent('code_update')).toMatchObject([{ client_seq: 4 }]);
  });

  it('after a reload with nothing kept are not taken for those before', async () => {
    const client = await connect();
    FakeSocket.last.hello({ client_seq: 7 });
    client.edit('one');
    expect(FakeSocket.last.sent('code_update')).toMatchObject([{ client_seq: 8 }]);
  });

  it('are kept as never sent when they were made without a connection', async () => {
    const store = new FakeStore();
    const client = await open({ store });
    FakeSocket.last.drop();
    client.edit('base1');
    client.keep();
    expect(store.load()?.document?.pending).toMatchObject([{ wasSent: false }]);
    const socket = await reconnected();
    client.edit('base12');
    expect(store.load()?.document?.pending).toMatchObject([{ wasSent: false }]);
    socket.hello();
    // Before it is sent, however short the last time is ago.
    expect(store.load()?.document?.pending).toMatchObject([{ wasSent: true }]);
    expect(socket.sent('code_update')).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(60);
    expect(socket.sent('code_update')).toHaveLength(1);
  });

  it('are kept at most five times a second, the newest state always', async () => {
    const store = new FakeStore();
    const save = vi.spyOn(store, 'save');
    const client = await open({ store });
    save.mockClear();
    for (let count = 0; count < 100; count += 1) {
      client.edit(`${client.snapshot.code}x`);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(save.mock.calls.length).toBeLessThanOrEqual(6);
    await vi.advanceTimersByTimeAsync(200);
    const kept = store.load();
    expect(new SharedDocument(kept?.document ?? null).code).toBe(`base${'x'.repeat(100)}`);
  });

  it('are kept less often where that takes long', async () => {
    const store = new FakeStore();
    // A large text on a slow device.
    const save = vi.spyOn(store, 'save').mockImplementation(() => void vi.advanceTimersByTime(50));
    const client = await open({ store });
    save.mockClear();
    const began = Date.now();
    while (Date.now() < began + 10_000) {
      client.edit(`${client.snapshot.code}x`);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(save.mock.calls.length).toBeGreaterThan(5);
    // A twentieth of the time.
    expect(save.mock.calls.length).toBeLessThanOrEqual(11);
  });

  it('are made again on the whole text when the room can’t follow', async () => {
    const client = await open();
    const socket = FakeSocket.last;
    client.edit('base1');
    socket.say('out_of_step', { reason: 'too old' });
    await vi.advanceTimersByTimeAsync(10);
    expect(socket.sent('resync')).toEqual([{ request_id: 'resync' }]);
    socket.state({ code: 'A base', rev: 6 });
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.sent('code_update').at(-1)).toMatchObject({
      changes: [6, [0, '1']],
      base_rev: 6,
      client_seq: 1,
      sync: 2,
    });
  });

  it('wait when the room is asked for the whole text too often; nobody is told of that', async () => {
    const client = await open();
    const socket = FakeSocket.last;
    const errors = vi.fn();
    client.on('error', errors);
    socket.say('out_of_step', { reason: 'too old' });
    await vi.advanceTimersByTimeAsync(10);
    socket.say('error', { error: 'too_many_requests', message: 'too many resyncs', request_id: 'resync' });
    await vi.advanceTimersByTimeAsync(9_000);
    expect(socket.sent('resync')).toHaveLength(2);
    expect(errors).not.toHaveBeenCalled();
  });

  it('that the room refuses are offered to their author at last', async () => {
    const client = await open();
    const socket = FakeSocket.last;
    client.edit('base1');
    for (let time = 0; time < 7; time += 1) {
      socket.say('error', { error: 'validation_error', message: 'no' });
      socket.say('out_of_step', { reason: 'no' });
      await vi.advanceTimersByTimeAsync(9_000);
      socket.state();
    }
    expect(client.snapshot).toMatchObject({
      code: 'base',
      offered: { code: 'base1', reason: 'refused' },
      edits: [{ status: 'refused', reason: 'refused' }],
    });
    expect(socket.sent('code_update')).toHaveLength(7);
    client.dismissOffer();
    expect(client.snapshot.offered).toBeNull();
  });

  it('that may be in the session or not are offered, also after another reload', async () => {
    const store = new FakeStore();
    const client = await open({ store });
    client.edit('base1');
    FakeSocket.last.drop();
    (await reconnected()).hello({ client_seq: null });
    const offered = { code: 'base1', reason: 'uncertain' };
    expect(client.snapshot).toMatchObject({ code: 'base', offered });
    expect(FakeSocket.last.sent('code_update')).toEqual([]);
    client.close();
    const after = await connect({ store });
    expect(after.snapshot).toMatchObject({ code: '', offered });
    after.dismissOffer();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(store.load()).toBeNull();
  });

  it('of a text that is too large wait until it is shortened', async () => {
    const client = await open();
    const large = 'x'.repeat(MAX_CODE_BYTES);
    client.change(ChangeSet.of({ from: 4, insert: large }, 4));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.snapshot).toMatchObject({ heldBack: 'too_large', code: `base${large}` });
    expect(FakeSocket.last.sent('code_update')).toEqual([]);
    client.change(ChangeSet.of({ from: 5, to: 4 + large.length }, 4 + large.length));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.snapshot.heldBack).toBeNull();
    expect(FakeSocket.last.sent('code_update')).toMatchObject([{ changes: [4, [0, 'x']], client_seq: 1 }]);
  });

  it.each([
    ['over 100 KB', 'é'.repeat(51_201)],
    ['with U+0000', 'a\0b'],
    ['with a lone surrogate', 'a\ud800b'],
  ])('given as a text %s aren’t made at all', async (_, code) => {
    const client = await open();
    const errors: string[] = [];
    client.on('error', ({ error }) => errors.push(error));
    expect(client.edit(code)).toBeNull();
    expect(errors).toEqual(['validation_error']);
    expect(FakeSocket.last.sent('code_update')).toEqual([]);
    expect(client.edit('é'.repeat(51_200))).not.toBeNull();
  });

  it.each<[string, ChangeSpec]>([
    ['put in U+0000', { from: 0, insert: 'a\0b' }],
    ['put in a lone surrogate', { from: 0, insert: 'a\ud800b' }],
    ['take away half a character', { from: 1, to: 2 }],
  ])('that %s aren’t made', async (_, change) => {
    const client = await connect();
    FakeSocket.last.hello({ code: '😀' });
    const errors: string[] = [];
    client.on('error', ({ error }) => errors.push(error));
    expect(client.change(ChangeSet.of(change, client.text.length))).toBeNull();
    expect([client.text.toString(), errors]).toEqual(['😀', ['validation_error']]);
    expect(FakeSocket.last.sent('code_update')).toEqual([]);
  });

  it('of a viewer aren’t made', async () => {
    const client = await connect();
    const errors: string[] = [];
    client.on('error', ({ error }) => errors.push(error));
    FakeSocket.last.hello({ role: 'viewer' });
    expect(client.edit('mine')).toBeNull();
    client.select(1, 1);
    expect([client.snapshot.code, errors]).toEqual(['base', ['forbidden']]);
    expect(FakeSocket.last.frames).toEqual([]);
  });

  it('of others are told, with who made them', async () => {
    const client = await open();
    const told = vi.fn();
    client.edit('base1');
    client.on('change', ({ changes, author, by, isOwnRequest }) =>
      told(changes.toJSON(), author, by?.rev, isOwnRequest),
    );
    FakeSocket.last.change([[0, 'A '], 4], 6);
    FakeSocket.last.change([[0, 'stale'], 4], 6);
    expect(told.mock.calls).toEqual([[[[0, 'A '], 5], { id: 'p-ben', name: 'Ben' }, 6, false]]);
    expect(client.snapshot).toMatchObject({ code: 'A base1', rev: 6 });
  });

  it('that the AI makes are own requests of the participant who asked for them', async () => {
    const client = await connect({ token: `e30.${btoa('{"pid":"p-ana"}')}.c2ln` });
    FakeSocket.last.hello();
    const told: boolean[] = [];
    client.on('change', ({ isOwnRequest }) => told.push(isOwnRequest));
    const ana = { participant_id: 'p-ana' };
    FakeSocket.last.change([4, [0, '1']], 6, { source: 'ai' });
    FakeSocket.last.change([5, [0, '2']], 7, { source: 'ai', ...ana });
    // Loaded in another tab, which can undo it.
    FakeSocket.last.change([6, [0, '3']], 8, { source: 'loaded_strudel', ...ana });
    // Typed in another tab.
    FakeSocket.last.change([7, [0, '4']], 9, { source: 'typed', ...ana });
    FakeSocket.last.change([8, [0, '5']], 10, { source: 'restored', ...ana });
    FakeSocket.last.state({ code: 'restored', rev: 11 });
    expect(told).toEqual([false, true, false, false, true, false]);
    const switched = client.switchStrudel(null, { code: 'scratch' });
    const [request] = FakeSocket.last.sent('switch_strudel');
    FakeSocket.last.change([8, [0, '6']], 12, { source: 'loaded_strudel', ...ana });
    FakeSocket.last.state({ code: 'restored6', rev: 12, request_id: String(request?.request_id) });
    await switched;
    expect(told.at(-1)).toBe(true);
  });

  it('of the room are taken back by request: it is made when it comes, and a step of undo where that is wanted', async () => {
    const client = await open();
    const told = vi.fn();
    client.on('change', ({ takesBack, isOwnRequest }) => told(takesBack, isOwnRequest));
    for (const [index, isStep] of [true, false].entries()) {
      const turn = index + 1;
      const changes = ChangeSet.of({ from: 0, to: 1, insert: 'B' }, client.text.length);
      const { code } = client.snapshot;
      const done = client.takeBack(changes, { rev: 4, turn }, isStep);
      expect(client.snapshot.code).toBe(code);
      const sent = FakeSocket.last.sent('take_back').at(-1);
      expect(sent).toMatchObject({ rev: 4, turn, base_rev: 4 + turn, changes: [[1, 'B'], code.length - 1] });
      const takes_back = { rev: 4, turn };
      FakeSocket.last.change([[1, 'B'], code.length - 1], 5 + turn, {
        source: 'taken_back',
        takes_back,
        request_id: String(sent?.request_id),
      });
      await done;
      expect(told).toHaveBeenLastCalledWith(takes_back, isStep);
    }
  });

  it('of the room stay where it refuses, or can’t be asked', async () => {
    const client = await open();
    const changes = ChangeSet.of({ from: 0, to: 1 }, client.text.length);
    const refused = client.takeBack(changes, { rev: 4, turn: 1 }, true);
    FakeSocket.last.say('error', {
      error: 'conflict',
      message: 'done',
      request_id: String(FakeSocket.last.sent('take_back').at(-1)?.request_id),
    });
    await expect(refused).rejects.toMatchObject({ code: 'conflict' });
    const lost = client.takeBack(changes, { rev: 4, turn: 1 }, true);
    FakeSocket.last.drop();
    await expect(lost).rejects.toMatchObject({ code: 'disconnected' });
    await expect(client.takeBack(changes, { rev: 4, turn: 1 }, true)).rejects.toMatchObject({
      code: 'disconnected',
    });
    expect(client.snapshot.code).toBe('base');
  });

  it('that became a version are told', async () => {
    const client = await open();
    const told = vi.fn();
    client.on('version', told);
    const version = { number: 9, rev: 6, cause: 'played', display_name: null, at: 1_000 };
    FakeSocket.last.say('version', version);
    FakeSocket.last.say('version', { ...version, cause: 'stolen' });
    expect(told.mock.calls).toEqual([[version]]);
  });
});

describe('the snapshot', () => {
  it('never changes: the code that it shows is that of its time', async () => {
    const client = await open();
    const before = client.snapshot;
    client.edit('base1');
    FakeSocket.last.change([[0, 'A '], 4], 6);
    expect([before.code, client.snapshot.code]).toEqual(['base', 'A base1']);
    expect(JSON.parse(JSON.stringify(client.snapshot))).toMatchObject({ code: 'A base1' });
  });

  it('makes no string of the text unless it is read', async () => {
    const client = await open();
    const { text } = client;
    const strings = vi.spyOn(Object.getPrototypeOf(text), 'toString');
    client.subscribe(({ rev, heldBack }) => [rev, heldBack]);
    for (let count = 0; count < 20; count += 1) {
      client.change(ChangeSet.of({ from: 0, insert: 'x' }, client.text.length));
    }
    expect(strings.mock.contexts.filter((each) => each === client.text)).toEqual([]);
    const { snapshot } = client;
    expect(snapshot.code).toBe(`${'x'.repeat(20)}base`);
    const times = strings.mock.calls.length;
    expect(snapshot.code).toHaveLength(24);
    expect(strings.mock.calls.length).toBe(times);
    strings.mockRestore();
  });
});

describe('chat', () => {
  it('is pending, then sent, then saved', async () => {
    const client = await open();
    const id = client.chat('hello');
    expect(FakeSocket.last.sent('chat_message')).toEqual([expect.objectContaining({ id, message: 'hello' })]);
    const status = () => client.snapshot.chat.map((entry) => `${entry.id === id} ${entry.status}`);
    expect(status()).toEqual(['true pending']);
    FakeSocket.last.say('chat_message', { id, message: 'hello', display_name: 'Ana', user_id: null });
    expect(status()).toEqual(['true sent']);
    FakeSocket.last.say('ack', { message_id: id, durable: 'buffer' });
    expect(status()).toEqual(['true saved']);
  });

  it('that isn’t acknowledged is sent again in order, with the same ids', async () => {
    const client = await open();
    const first = client.chat('one');
    const second = client.chat('two');
    FakeSocket.last.say('ack', { message_id: first, durable: 'buffer' });
    FakeSocket.last.drop();
    const third = client.chat('three');
    const socket = await reconnected();
    socket.hello();
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.sent('chat_message').map((payload) => payload.id)).toEqual([second, third]);
  });

  it('is sent again in the order in which it was made, though a room with another clock has shown only some of it', async () => {
    const client = await open();
    const ids = [client.chat('one'), client.chat('two')];
    const echo = (id: string | null, timestamp: number) =>
      FakeSocket.last.say('chat_message', { id, message: '', timestamp, display_name: 'Ana', user_id: null });
    echo(ids[0] ?? null, 1_000);
    echo(ids[1] ?? null, 1_001);
    FakeSocket.last.drop();
    (await reconnected()).hello();
    echo(ids[0] ?? null, 600_000);
    FakeSocket.last.drop();
    const socket = await reconnected();
    socket.hello();
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.sent('chat_message').map(({ id }) => id)).toEqual(ids);
  });

  it('that comes too fast is sent again later; what is blank or too long never', async () => {
    const client = await open();
    const socket = FakeSocket.last;
    const id = client.chat('hello');
    socket.say('error', { error: 'too_many_requests', message: 'slow down', request_id: id });
    await vi.advanceTimersByTimeAsync(6_000);
    expect(socket.sent('chat_message')).toHaveLength(2);
    expect(client.chat('  ')).toBeNull();
    expect(client.chat('x'.repeat(5_001))).toBeNull();
  });

  it('is in the room’s order, and a history brings nothing twice', async () => {
    const client = await open();
    const message = (id: string, timestamp: number) => ({
      id,
      message: id,
      timestamp,
      display_name: 'Ben',
      user_id: null,
    });
    FakeSocket.last.say('chat_message', message('second', 2_000));
    FakeSocket.last.say('chat_message', message('first', 1_000));
    FakeSocket.last.say('chat_message', message('second', 2_000));
    expect(client.snapshot.chat.map((entry) => entry.id)).toEqual(['first', 'second']);
  });
});

describe('what plays', () => {
  const beat = { playing: true, code: 's("bd")', rev: 1, by: 'Ben', since: 5_000, cycle: 2, cps: 0.5 };

  it('is in the snapshot, which a listener finds up to date', async () => {
    const client = await open();
    const heard: unknown[] = [];
    client.on('transport', (transport) => heard.push([transport, client.snapshot.transport]));
    FakeSocket.last.say('transport', beat);
    FakeSocket.last.say('transport', beat);
    FakeSocket.last.say('transport', { ...beat, playing: false, code: '' });
    expect(heard).toEqual([
      [beat, beat],
      [null, null],
    ]);
  });

  it('makes the client ask for the room’s clock', async () => {
    vi.setSystemTime(1_000_000);
    const client = await open();
    expect(client.roomNow()).toBeNull();
    FakeSocket.last.say('transport', beat);
    await vi.advanceTimersByTimeAsync(2_000);
    const pings = FakeSocket.last.sent('ping');
    expect(pings.length).toBeGreaterThan(2);
    const last = pings.at(-1) as { request_id: string };
    FakeSocket.last.say('pong', { request_id: last.request_id, now: 9_000_000 });
    expect(client.roomNow()).toBeGreaterThan(8_990_000);
  });

  it('is told what was evaluated here', async () => {
    const client = await open();
    expect(client.play({ code: 's("hh")', cps: 1, since: 7 })).toBe(true);
    expect(FakeSocket.last.sent('play')).toEqual([{ code: 's("hh")', cps: 1, since: 7 }]);
  });
});

describe('people and signals', () => {
  it('come and go, one entry at a time', async () => {
    const client = await open();
    const ben = { user_id: null, display_name: 'Ben', role: 'co-author' };
    FakeSocket.last.say('user_joined', ben);
    FakeSocket.last.say('user_joined', ben);
    FakeSocket.last.say('user_left', ben);
    expect(client.snapshot.participants.map((one) => one.display_name)).toEqual(['Ana', 'Ben']);
  });

  it('selections are sent at most ten times a second, the newest last', async () => {
    const client = await open();
    for (let at = 0; at < 50; at += 1) {
      client.select(at % 4, 4);
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(200);
    const sent = FakeSocket.last.sent('cursor_position');
    expect(sent.length).toBeLessThanOrEqual(7);
    expect(sent.at(-1)).toEqual({ line: 1, col: 4, anchor: 1, head: 4, rev: 5 });
  });

  it('selections of others are known, in their colour, until they leave or may not edit any more', async () => {
    const client = await open();
    const told = vi.fn();
    client.on('selections', told);
    const ben = { user_id: null, display_name: 'Ben', role: 'co-author', participant_id: 'p-ben', color: 7 };
    const cursor = { ...ben, line: 1, col: 2, anchor: 1, head: 2, rev: 5 };
    FakeSocket.last.say('user_joined', ben);
    FakeSocket.last.say('cursor_position', cursor);
    const selection = { id: 'p-ben', name: 'Ben', color: 7, anchor: 1, head: 2 };
    expect(told).toHaveBeenLastCalledWith([selection]);
    client.edit('> base');
    expect(client.selections).toEqual([{ ...selection, anchor: 3, head: 4 }]);
    FakeSocket.last.say('user_joined', { ...ben, role: 'viewer' });
    expect(client.selections).toEqual([]);
    FakeSocket.last.say('cursor_position', cursor);
    FakeSocket.last.say('selections', { rev: 5, selections: [], gone: ['p-ben'] });
    expect(client.selections).toEqual([]);
    FakeSocket.last.say('cursor_position', cursor);
    FakeSocket.last.say('user_left', ben);
    expect(told).toHaveBeenLastCalledWith([]);
  });

  it('the own selection is sent once more when the room wants it', async () => {
    const client = await open();
    FakeSocket.last.say('selections', { rev: 5, selections: [], wanted: true });
    client.select(2, 3);
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.say('selections', { rev: 5, selections: [], wanted: true });
    await vi.advanceTimersByTimeAsync(1_000);
    const sent = FakeSocket.last.sent('cursor_position');
    expect(sent.map(({ anchor, head }) => [anchor, head])).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  it('a participant’s new name is that of their selection, too', async () => {
    const client = await open();
    const [told, joined] = [vi.fn(), vi.fn()];
    const ben = { user_id: null, display_name: 'Ben', role: 'co-author', participant_id: 'p-ben', color: 7 };
    FakeSocket.last.say('user_joined', ben);
    FakeSocket.last.say('cursor_position', { ...ben, line: 1, col: 2, anchor: 1, head: 2, rev: 5 });
    client.on('selections', told);
    client.on('joined', joined);
    FakeSocket.last.say('user_joined', { ...ben, display_name: 'Benno' });
    expect(client.snapshot.participants.map((one) => one.display_name)).toEqual(['Ana', 'Benno']);
    expect(told).toHaveBeenLastCalledWith([{ id: 'p-ben', name: 'Benno', color: 7, anchor: 1, head: 2 }]);
    expect(joined).not.toHaveBeenCalled();
  });

  it('trouble with storage is known until it is over', async () => {
    const client = await open();
    FakeSocket.last.say('degraded', { reason: 'redis', since: '2026-01-01T00:00:00Z' });
    expect(client.snapshot.degraded).toEqual({ reason: 'redis', since: '2026-01-01T00:00:00Z' });
    FakeSocket.last.say('degraded', { reason: 'redis', since: '2026-01-01T00:00:00Z', recovered: true });
    expect(client.snapshot.degraded).toBeNull();
  });
});

describe('the AI', () => {
  it('is asked about the code as it is shown, and answers as events', async () => {
    const client = await open();
    const socket = FakeSocket.last;
    client.edit('mine', {});
    const seen: unknown[] = [];
    client.on('agentRequest', (payload) => seen.push(payload));
    client.on('agentDelta', (payload) => seen.push(payload));
    client.on('agentResponse', (payload) => seen.push(payload));
    const requestId = client.ask('a beat', { provider: 'openai', providerApiKey: 'sk-own' });
    expect(socket.sent('agent_request')).toEqual([
      {
        user_query: 'a beat',
        request_id: requestId,
        editor_state: 'mine',
        provider: 'openai',
        provider_api_key: 'sk-own',
      },
    ]);
    const said: [ServerMessageType, unknown][] = [
      ['agent_request', { user_query: 'a beat', display_name: 'Ana' }],
      ['agent_delta', { request_id: requestId, text: 'Four', attempt: 1 }],
      [
        'agent_response',
        {
          request_id: requestId,
          code: 'Four.',
          is_code_response: false,
          is_actionable: true,
          base_rev: 5,
          model: 'm',
          docs_retrieved: 0,
          examples_retrieved: 0,
          rate_limit: { requests_remaining: 9, requests_limit: 10, reset_seconds: 60 },
        },
      ],
    ];
    for (const [type, payload] of said) socket.say(type, payload);
    expect(seen).toEqual(said.map(([, payload]) => payload));
  });

  it('is not asked by viewers, without a connection, or what breaks a limit; the key is not in the error', async () => {
    const client = await connect();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    expect(client.ask('too early')).toBeNull();
    expect(errors).toEqual([]);
    FakeSocket.last.hello();
    expect(client.ask(' ')).toBeNull();
    expect(client.ask('x'.repeat(4_001))).toBeNull();
    expect(client.ask('x', { providerApiKey: 'sk-own' })).toBeNull();
    expect(client.ask('x', { provider: 'openai', providerApiKey: 'sk own' })).toBeNull();
    expect(errors).toHaveLength(4);
    FakeSocket.last.hello({ role: 'viewer' });
    expect(client.ask('x')).toBeNull();
    expect(errors).toHaveLength(5);
    expect(JSON.stringify(errors)).not.toMatch(/sk.own/);
    expect(FakeSocket.last.sent('agent_request')).toEqual([]);
  });
});
