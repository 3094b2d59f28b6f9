/** Whatever becomes of a socket, what was sent on it and not acknowledged is sent again on the next. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { SessionClient } from './session-client.ts';

const SESSION = '11111111-2222-4333-8444-555555555555';
const frameSchema = z.object({ type: z.string(), payload: z.looseObject({ changes: z.unknown() }) });

/** A socket's `readyState`. */
const STATE = { connecting: 0, open: 1, closing: 2, closed: 3 } as const;

/** A socket whose other end is the test. */
class FakeSocket extends EventTarget {
  static sockets: FakeSocket[] = [];
  readyState: number = STATE.connecting;
  binaryType = 'blob';
  readonly edits: string[] = [];

  constructor(readonly url: string) {
    super();
    FakeSocket.sockets.push(this);
  }

  send(data: string): void {
    const { type, payload } = frameSchema.parse(JSON.parse(data));
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
    const data = JSON.stringify({ type: 'session_state', session_id: SESSION, timestamp: '', payload });
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
}

let client: SessionClient;

beforeEach(async () => {
  vi.useFakeTimers();
  FakeSocket.sockets = [];
  client = new SessionClient({
    url: 'http://rooms.test/',
    sessionId: SESSION,
    token: 'token',
    WebSocket: FakeSocket,
    fetch: () => Promise.reject(new Error('out of reach')),
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
