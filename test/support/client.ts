/** A session client on a socket whose other end is the test, on fake time. */
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { z } from 'zod';
import { SessionClient, type SessionClientOptions } from '../../src/client/sdk/session-client.ts';
import {
  parseUnacknowledged,
  type Unacknowledged,
  type UnacknowledgedStore,
} from '../../src/client/sdk/unacknowledged.ts';
import type { ServerMessageType, ServerPayload } from '../../src/protocol/index.ts';

export const SESSION = '11111111-2222-4333-8444-555555555555';

const frameSchema = z.object({ type: z.string(), payload: z.record(z.string(), z.unknown()) });
type Frame = z.infer<typeof frameSchema>;

/** What of a session's state a test cares about. */
export interface FakeState {
  code?: string;
  rev?: number;
  flushed_rev?: number;
  client_seq?: number | null;
  selections?: unknown[];
  role?: string;
  participants?: unknown[];
  conversation_history?: unknown[];
  strudel_id?: string;
  token?: string;
  request_id?: string;
  knocks?: unknown[];
}

/** A socket whose other end is the test. */
export class FakeSocket extends EventTarget {
  static sockets: FakeSocket[] = [];
  static get last(): FakeSocket {
    const socket = FakeSocket.sockets.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  readyState = 0;
  binaryType = 'blob';
  frames: Frame[] = [];
  closeCode: number | null = null;
  /** Whole texts that were said on it. */
  #syncs = 0;

  constructor(readonly url: string) {
    super();
    FakeSocket.sockets.push(this);
  }

  send(data: string): void {
    this.frames.push(frameSchema.parse(JSON.parse(data)));
  }

  close(code = 1000): void {
    this.closeCode = code;
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  say(type: ServerMessageType, payload: unknown): void {
    const data = JSON.stringify({ type, session_id: SESSION, timestamp: '2026-01-01T00:00:00Z', payload });
    this.dispatchEvent(new MessageEvent('message', { data }));
  }

  drop(code = 1006, reason = ''): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }

  fail(): void {
    this.readyState = 3;
    this.dispatchEvent(
      Object.assign(new Event('error'), { message: 'refused', error: new Error('refused') }),
    );
  }

  /** The connection opens, and the room says its state. */
  hello(state: FakeState = {}): void {
    this.open();
    this.state(state);
  }

  /** The room says its state, as it also does after a change of role or a switch. */
  state(state: FakeState = {}): void {
    this.#syncs += 1;
    this.say('session_state', {
      code: state.code ?? 'base',
      rev: state.rev ?? 5,
      flushed_rev: state.flushed_rev ?? 5,
      client_seq: state.client_seq === undefined ? 0 : state.client_seq,
      sync: this.#syncs,
      selections: state.selections ?? [],
      your_role: state.role ?? 'host',
      your_display_name: 'Ana',
      participants: state.participants ?? [
        { user_id: null, display_name: 'Ana', role: state.role ?? 'host' },
      ],
      chat_history: [],
      conversation_history: state.conversation_history ?? [],
      strudel_id: state.strudel_id ?? null,
      token: state.token,
      request_id: state.request_id,
      knocks: state.knocks,
    });
  }

  /** Ben changes the text. */
  change(
    changes: ServerPayload<'code_update'>['changes'],
    rev: number,
    more: Partial<ServerPayload<'code_update'>> = {},
  ): void {
    const ben = { user_id: null, display_name: 'Ben', role: 'co-author', participant_id: 'p-ben' };
    this.say('code_update', { changes, rev, ...ben, ...more });
  }

  /** The room has committed this client's edits up to one. */
  ack(clientSeq: number, rev: number): void {
    this.say('ack', { client_seq: clientSeq, rev, durable: 'buffer' });
  }

  /** Payloads of what was sent, of one type. */
  sent(type: string): Frame['payload'][] {
    return this.frames.filter((frame) => frame.type === type).map((frame) => frame.payload);
  }
}

/** Keeps what is unacknowledged as a reload would find it: as JSON. */
export class FakeStore implements UnacknowledgedStore {
  json = 'null';
  load(): Unacknowledged | null {
    return parseUnacknowledged(this.json);
  }
  save(unacknowledged: Unacknowledged | null): void {
    this.json = JSON.stringify(unacknowledged);
  }
}

const clients: SessionClient[] = [];

export async function connect(options: Partial<SessionClientOptions> = {}): Promise<SessionClient> {
  const client = new SessionClient({
    url: 'http://rooms.test/',
    sessionId: SESSION,
    token: 'to ken',
    WebSocket: FakeSocket,
    fetch: () => Promise.reject(new Error('out of reach')),
    ...options,
  });
  clients.push(client);
  await vi.advanceTimersByTimeAsync(0);
  return client;
}

export async function open(options: Partial<SessionClientOptions> = {}): Promise<SessionClient> {
  const client = await connect(options);
  FakeSocket.last.hello();
  return client;
}

/** Lets the client open the next socket. */
export async function reconnected(): Promise<FakeSocket> {
  const before = FakeSocket.sockets.length;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(FakeSocket.sockets.length).toBeGreaterThan(before);
  return FakeSocket.last;
}

/** Registers what each test file of clients needs: fake time, and no client left behind. */
export function useFakeSockets(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.sockets = [];
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    vi.useRealTimers();
  });
}
