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
import { PING_AFTER_CHARS, type ServerMessageType } from '../../protocol/index.ts';

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

  it('goes on trying when the room is out of reach, or somebody else answers in its place', async () => {
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
      socket.say('code_update', {
        code: 'x'.repeat(chars),
        rev: 6,
        role: 'host',
        display_name: 'Ben',
        user_id: null,
      });
    receive(PING_AFTER_CHARS / 2);
    expect(socket.sent('ping')).toEqual([]);
    receive(PING_AFTER_CHARS / 2);
    expect(socket.sent('ping')).toEqual([{}]);
    socket.say('pong', { mark: 'm1' });
    receive(PING_AFTER_CHARS / 2);
    receive(PING_AFTER_CHARS / 2);
    expect(socket.sent('ping')).toEqual([{}, { mark: 'm1' }]);
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
  it('are sent at once, and at most 20 a second in a burst, the newest last', async () => {
    const client = await open();
    const socket = FakeSocket.last;
    for (let count = 1; count <= 100; count += 1) {
      client.edit(`text ${count}`, { cursorLine: 1, cursorCol: count, source: 'typed' });
      if (count === 1) expect(socket.sent('code_update')).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    const sent = socket.sent('code_update');
    expect(sent.length).toBeGreaterThanOrEqual(15);
    expect(sent.length).toBeLessThanOrEqual(21);
    expect(sent[0]).toMatchObject({ code: 'text 1', base_rev: 5, cursor_line: 1, source: 'typed' });
    expect(sent.at(-1)).toMatchObject({ code: 'text 100', cursor_col: 100 });
    expect(new Set(sent.map((payload) => payload.request_id)).size).toBe(sent.length);
  });

  it('tell their status', async () => {
    const client = await open();
    const requestId = client.edit('one');
    const seen: string[] = [];
    client.on('edit', (edit) => seen.push(`${edit.requestId} ${edit.status}`));
    FakeSocket.last.say('ack', { rev: 6, request_id: requestId, durable: 'buffer' });
    FakeSocket.last.say('flushed', { rev: 6 });
    expect(seen).toEqual([`${requestId} saved`, `${requestId} flushed`]);
    expect(client.snapshot).toMatchObject({ savedRev: 6, flushedRev: 6, rev: 6 });
    expect(client.hasUnacknowledged).toBe(false);
  });

  it('made while offline are sent once, after the room’s state', async () => {
    const client = await open();
    FakeSocket.last.drop();
    client.edit('one');
    client.edit('two');
    const socket = await reconnected();
    socket.open();
    expect(socket.sent('code_update')).toEqual([]);
    socket.hello({ code: 'theirs', rev: 9 });
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.sent('code_update')).toEqual([expect.objectContaining({ code: 'two' })]);
    expect(client.snapshot.code).toBe('two');
  });

  it('that were sent and not acknowledged are sent again under the same id', async () => {
    const client = await open();
    const requestId = client.edit('one');
    FakeSocket.last.drop();
    const socket = await reconnected();
    socket.hello();
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.sent('code_update')).toEqual([
      expect.objectContaining({ code: 'one', request_id: requestId }),
    ]);
  });

  it('survive a reload, with their id', async () => {
    const store = new FakeStore();
    const before = await open({ connectionId: 'tab-1', store });
    const requestId = before.edit('typed before the reload');
    before.close();
    const after = await connect({ connectionId: 'tab-1', store });
    expect(after.snapshot.code).toBe('typed before the reload');
    const socket = FakeSocket.last;
    socket.hello();
    await vi.advanceTimersByTimeAsync(100);
    expect(socket.sent('code_update')).toEqual([
      expect.objectContaining({ code: 'typed before the reload', request_id: requestId }),
    ]);
    socket.say('ack', { rev: 6, request_id: requestId, durable: 'buffer' });
    expect(store.load()).toBeNull();
  });

  it('that come too fast are sent again after a pause', async () => {
    const client = await open();
    const requestId = client.edit('one');
    const socket = FakeSocket.last;
    socket.say('error', { error: 'too_many_requests', message: 'slow down', request_id: requestId });
    expect(client.snapshot.edits.at(-1)?.status).toBe('pending');
    await vi.advanceTimersByTimeAsync(500);
    expect(socket.sent('code_update')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(600);
    expect(socket.sent('code_update').map((payload) => payload.request_id)).toEqual([requestId, requestId]);
  });

  it('that the room refuses are taken back', async () => {
    const client = await open();
    const codes: string[] = [];
    client.on('code', ({ code }) => codes.push(code));
    const requestId = client.edit('one');
    FakeSocket.last.say('error', { error: 'forbidden', message: 'viewers can’t', request_id: requestId });
    expect(client.snapshot.edits.at(-1)).toMatchObject({ status: 'refused', reason: 'viewers can’t' });
    expect(codes).toEqual(['base']);
    FakeSocket.last.drop();
    const socket = await reconnected();
    socket.hello();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(socket.sent('code_update')).toEqual([]);
  });

  it.each([
    ['over 100 KB', 'é'.repeat(51_201)],
    ['with U+0000', 'a\0b'],
    ['with a lone surrogate', 'a\ud800b'],
  ])('%s aren’t sent at all', async (_, code) => {
    const client = await open();
    const errors: string[] = [];
    client.on('error', ({ error }) => errors.push(error));
    expect(client.edit(code)).toBeNull();
    expect(errors).toEqual(['validation_error']);
    expect(FakeSocket.last.sent('code_update')).toEqual([]);
    expect(client.edit('é'.repeat(51_200))).not.toBeNull();
  });

  it('of a viewer aren’t sent', async () => {
    const client = await connect();
    FakeSocket.last.hello({ role: 'viewer' });
    expect(client.edit('mine')).toBeNull();
    expect(client.snapshot.code).toBe('base');
  });

  it('of others are told, with who made them', async () => {
    const client = await open();
    const told = vi.fn();
    client.on('code', told);
    const payload = { code: 'theirs', rev: 6, user_id: null, display_name: 'Ben', role: 'co-author' };
    FakeSocket.last.say('code_update', payload);
    FakeSocket.last.say('code_update', { ...payload, code: 'stale', rev: 6 });
    expect(told).toHaveBeenCalledExactlyOnceWith({ code: 'theirs', rev: 6, by: payload });
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

describe('people and signals', () => {
  it('come and go, one entry at a time', async () => {
    const client = await open();
    const ben = { user_id: null, display_name: 'Ben', role: 'co-author' };
    FakeSocket.last.say('user_joined', ben);
    FakeSocket.last.say('user_joined', ben);
    FakeSocket.last.say('user_left', ben);
    expect(client.snapshot.participants.map((one) => one.display_name)).toEqual(['Ana', 'Ben']);
  });

  it('cursors are sent at most ten times a second, the newest last', async () => {
    const client = await open();
    for (let col = 0; col < 50; col += 1) {
      client.cursor(1, col);
      await vi.advanceTimersByTimeAsync(10);
    }
    await vi.advanceTimersByTimeAsync(200);
    const sent = FakeSocket.last.sent('cursor_position');
    expect(sent.length).toBeLessThanOrEqual(7);
    expect(sent.at(-1)).toEqual({ line: 1, col: 49 });
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
