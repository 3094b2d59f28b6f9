/** Whatever becomes of a socket, what was sent on it and not acknowledged is sent again on the next. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { SessionClient } from './session-client.ts';

const SESSION = '11111111-2222-4333-8444-555555555555';
const frameSchema = z.object({
  type: z.string(),
  payload: z.looseObject({ changes: z.unknown().optional(), hidden: z.boolean().optional() }),
});

/** A socket's `readyState`. */
const STATE = { connecting: 0, open: 1, closing: 2, closed: 3 } as const;

/** A socket whose other end is the test. */
class FakeSocket extends EventTarget {
  static sockets: FakeSocket[] = [];
  readyState: number = STATE.connecting;
  binaryType = 'blob';
  readonly edits: string[] = [];
  /** Of each ping, whether it said that the page is hidden. */
  readonly pings: boolean[] = [];

  constructor(readonly url: string) {
    super();
    FakeSocket.sockets.push(this);
  }

  send(data: string): void {
    const { type, payload } = frameSchema.parse(JSON.parse(data));
    if (type === 'ping') this.pings.push(payload.hidden ?? false);
    if (type === 'code_update') this.edits.push(JSON.stringify(payload.changes));
  }

  close(): void {
    this.readyState = STATE.closed;
  }

  hello(): void {
    this.readyState = STATE.open;
    this.dispatchEvent(new Event('open'));
    const payload = {
      code: '',
      rev: 0,
      flushed_rev: 0,
      client_seq: 0,
      sync: 1,
      your_role: 'host',
      your_display_name: 'Ada',
      participants: [],
      chat_history: [],
      conversation_history: [],
      strudel_id: null,
    };
    this.say('session_state', payload);
  }

  say(type: string, payload: object): void {
    const data = JSON.stringify({ type, session_id: SESSION, timestamp: '', payload });
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

/** What the server answers over HTTP. */
let answer: () => Promise<Response>;
const answering = (status: number, error: string, message: string) => async () =>
  Response.json({ error, message }, { status });

let client: SessionClient;

beforeEach(async () => {
  vi.useFakeTimers();
  FakeSocket.sockets = [];
  answer = () => Promise.reject(new Error('out of reach'));
  client = new SessionClient({
    url: 'http://rooms.test/',
    sessionId: SESSION,
    token: 'token',
    WebSocket: FakeSocket,
    fetch: () => answer(),
  });
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.sockets[0]?.hello();
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

it('a socket that the room has closed, and that stays half closed, is replaced soon', async () => {
  client.edit('mine');
  const [first] = FakeSocket.sockets;
  expect(first?.edits).toEqual(['[[0,"mine"]]']);
  if (first) first.readyState = STATE.closing;
  await vi.advanceTimersByTimeAsync(8_000);
  expect(FakeSocket.sockets).toHaveLength(2);
  expect(client.snapshot.connection.state).toBe('reconnecting');
  FakeSocket.sockets[1]?.hello();
  expect(client.snapshot.connection.state).toBe('open');
  expect(FakeSocket.sockets[1]?.edits).toEqual(['[[0,"mine"]]']);
});

it('a socket that is closing has the time to say why', async () => {
  const [first] = FakeSocket.sockets;
  if (first) first.readyState = STATE.closing;
  await vi.advanceTimersByTimeAsync(2_500);
  first?.dispatchEvent(Object.assign(new Event('close'), { code: 4403, reason: 'the invite was revoked' }));
  expect(client.snapshot.connection).toMatchObject({ state: 'closed', cause: 'removed' });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(FakeSocket.sockets).toHaveLength(1);
});

it('so is one that is half closed when a reconnect is asked for', async () => {
  client.edit('mine');
  const [first] = FakeSocket.sockets;
  if (first) first.readyState = STATE.closing;
  client.reconnect();
  await vi.advanceTimersByTimeAsync(5_000);
  FakeSocket.sockets[1]?.hello();
  expect(FakeSocket.sockets[1]?.edits).toEqual(['[[0,"mine"]]']);
});

it('time counts by a clock that is never set', async () => {
  vi.setSystemTime(Date.now() - 3_600_000);
  client.edit('mine');
  client.edit('mine, more');
  await vi.advanceTimersByTimeAsync(200);
  expect(FakeSocket.sockets[0]?.edits).toHaveLength(2);
  // Forward, it isn't silence.
  vi.setSystemTime(Date.now() + 7_200_000);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(client.snapshot.connection.state).toBe('open');
});

it('a page in the background says so, waits for longer, and answers when it is asked', async () => {
  const [socket] = FakeSocket.sockets;
  client.setHidden(true);
  expect(socket?.pings).toEqual([true]);
  // As browsers slow timers down; the connection isn't replaced for the silence.
  await vi.advanceTimersByTimeAsync(100_000);
  expect([FakeSocket.sockets.length, client.snapshot.connection.state]).toEqual([1, 'open']);
  const before = socket?.pings.length ?? 0;
  socket?.say('ping', {});
  expect(socket?.pings.slice(before)).toEqual([true]);
  // Back, it has a moment for an answer, and without one the connection is replaced.
  await vi.advanceTimersByTimeAsync(100_000);
  client.setHidden(false);
  expect(socket?.pings.at(-1)).toBe(false);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(FakeSocket.sockets).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(FakeSocket.sockets).toHaveLength(2);
  client.setHidden(true);
  FakeSocket.sockets[1]?.hello();
  expect(FakeSocket.sockets[1]?.pings).toEqual([true]);
});

it('others are shown as away, also after they got another role', () => {
  const [socket] = FakeSocket.sockets;
  const ben = { user_id: null, display_name: 'Ben', participant_id: 'ben' };
  const shown = () => client.snapshot.participants.map(({ role, away }) => [role, away ?? false]);
  socket?.say('user_joined', { ...ben, role: 'viewer' });
  socket?.say('presence', { ...ben, away: true });
  expect(shown()).toEqual([['viewer', true]]);
  socket?.say('user_joined', { ...ben, role: 'co-author' });
  expect(shown()).toEqual([['co-author', true]]);
  socket?.say('presence', { ...ben, away: false });
  expect(shown()).toEqual([['co-author', false]]);
});

const troubleOf = () => {
  const { connection } = client.snapshot;
  return 'trouble' in connection ? connection.trouble : undefined;
};
/** An attempt fails at once, as a proxy's refusal looks to a browser. */
const failing = async () => {
  const socket = FakeSocket.sockets.at(-1);
  if (socket?.readyState === STATE.connecting) {
    socket.readyState = STATE.closed;
    socket.dispatchEvent(new Event('error'));
  }
  await vi.advanceTimersByTimeAsync(100);
};

it('what keeps it from opening is known within ten seconds, whatever it is', async () => {
  const cases = [
    { answer: answering(426, 'bad_request', 'connect with a WebSocket'), trouble: { kind: 'blocked' } },
    { answer: answering(429, 'too_many_requests', 'full'), trouble: { kind: 'busy', message: 'full' } },
    { answer: () => Promise.reject(new TypeError('failed to fetch')), trouble: { kind: 'unreachable' } },
    { answer: async () => new Response('<h1>Blocked</h1>'), trouble: { kind: 'unreachable' } },
  ];
  for (const each of cases) {
    for (const attempt of [failing, () => vi.advanceTimersByTimeAsync(100)]) {
      answer = each.answer;
      client.reconnect();
      for (let passedMs = 0; passedMs < 10_000; passedMs += 100) await attempt();
      expect(troubleOf()).toEqual(each.trouble);
      while (FakeSocket.sockets.at(-1)?.readyState !== STATE.connecting) {
        await vi.advanceTimersByTimeAsync(100);
      }
      FakeSocket.sockets.at(-1)?.hello();
      expect(client.snapshot.connection).toEqual({ state: 'open' });
      await vi.advanceTimersByTimeAsync(10_000);
      expect(client.snapshot.connection).toEqual({ state: 'open' });
    }
  }
});

describe('behind a proxy that answers nothing', () => {
  /** Attempts hang, and so do questions, until the proxy is well. */
  const hang = async (forMs: number) => {
    let asked = 0;
    answer = () => {
      asked += 1;
      return new Promise((_, reject) => setTimeout(() => reject(new Error('no answer')), 4_000));
    };
    client.reconnect();
    await vi.advanceTimersByTimeAsync(forMs);
    return asked;
  };

  it.each([7_000, 12_000, 31_000, 61_500])(
    'it is back within 3.5 s once that is well, after %i ms',
    async (forMs) => {
      await hang(forMs);
      const before = FakeSocket.sockets.length;
      answer = answering(426, 'bad_request', 'connect with a WebSocket');
      await vi.advanceTimersByTimeAsync(3_500);
      // One of those that began when it was well; another may have had its turn just then.
      const attempts = FakeSocket.sockets.length;
      expect([before + 1, before + 2]).toContain(attempts);
      FakeSocket.sockets.at(-1)?.hello();
      expect(client.snapshot.connection.state).toBe('open');
      // And stays.
      await vi.advanceTimersByTimeAsync(10_000);
      expect(FakeSocket.sockets.length).toBe(attempts);
    },
  );

  it('makes no storm: an attempt in 15 s, a question in 2', async () => {
    const before = FakeSocket.sockets.length;
    const asked = await hang(60_000);
    expect(asked).toBeLessThanOrEqual(30);
    expect(FakeSocket.sockets.length - before).toBeLessThanOrEqual(5);
  });

  it('which lets no WebSocket through, it tries no more often for being answered', async () => {
    await hang(20_000);
    answer = answering(426, 'bad_request', 'connect with a WebSocket');
    await vi.advanceTimersByTimeAsync(3_000);
    const before = FakeSocket.sockets.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.sockets.length - before).toBeLessThanOrEqual(5);
    expect(troubleOf()).toEqual({ kind: 'blocked' });
  });

  it('who looks at the page again doesn’t wait', async () => {
    client.setHidden(true);
    await hang(5_000);
    const attempts = FakeSocket.sockets.length;
    client.setHidden(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.sockets.length).toBe(attempts + 1);
    // Not each time that they look.
    for (let i = 0; i < 10; i++) client.setHidden(i % 2 === 0);
    await vi.advanceTimersByTimeAsync(100);
    expect(FakeSocket.sockets.length).toBe(attempts + 1);
  });
});

it('who waits to be let in by a server that was down doesn’t ask it meanwhile', async () => {
  answer = () => Promise.reject(new TypeError('failed to fetch'));
  client.reconnect();
  for (let passedMs = 0; passedMs < 10_000; passedMs += 100) await failing();
  while (FakeSocket.sockets.at(-1)?.readyState !== STATE.connecting) await vi.advanceTimersByTimeAsync(100);
  let asked = 0;
  answer = () => {
    asked += 1;
    return new Promise(() => {});
  };
  await vi.advanceTimersByTimeAsync(4_000);
  expect(asked).toBeLessThanOrEqual(1);
  FakeSocket.sockets.at(-1)?.hello();
  expect(client.snapshot.connection).toEqual({ state: 'open' });
});

it('who waits to be let in by a server that has too much to do asks it less often', async () => {
  client.reconnect();
  let asked = 0;
  answer = () => {
    asked += 1;
    return answering(503, 'server_error', 'many come in')();
  };
  await vi.advanceTimersByTimeAsync(60_000);
  expect(troubleOf()).toMatchObject({ kind: 'busy' });
  expect(asked).toBeLessThanOrEqual(5 + 60 / 15);
});

it('the bad luck of one attempt is no trouble', async () => {
  answer = answering(426, 'bad_request', 'connect with a WebSocket');
  client.reconnect();
  await vi.advanceTimersByTimeAsync(500);
  await failing();
  expect(client.snapshot.connection).toMatchObject({ state: 'reconnecting' });
  expect(troubleOf()).toBeUndefined();
});

it('who asks for it in a pause between two attempts doesn’t wait for its end', async () => {
  client.reconnect();
  // The pauses have grown by then.
  for (let passedMs = 0; passedMs < 20_000; passedMs += 100) await failing();
  while (FakeSocket.sockets.at(-1)?.readyState === STATE.connecting) await failing();
  const attempts = FakeSocket.sockets.length;
  client.reconnect();
  await vi.advanceTimersByTimeAsync(10);
  expect(FakeSocket.sockets.length).toBe(attempts + 1);
  FakeSocket.sockets.at(-1)?.hello();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(FakeSocket.sockets.length).toBe(attempts + 1);
  expect(client.snapshot.connection).toEqual({ state: 'open' });
});
