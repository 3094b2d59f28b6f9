/**
 * A client that speaks the wire protocol frame by frame and shows all that came, in order. For
 * tests of the room itself.
 */
import { once } from 'node:events';
import { vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  parseServerMessage,
  type ServerMessage,
  type ServerMessageType,
  type ServerPayload,
} from '../../src/protocol/index.ts';
import { PATIENCE_MS } from './wait.ts';

export type MessageOf<T extends ServerMessageType> = Extract<ServerMessage, { type: T }>;

/** The room refused the upgrade. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  constructor(
    readonly status: number,
    readonly body: string,
  ) {
    super(`${status} ${body}`);
  }
}

export interface RawClientOptions {
  roomUrl: string;
  /** null: none, for a new session (at `/api/v1/ws` only). */
  sessionId: string | null;
  /** By default the room's own. */
  address?: 'room' | 'ws';
  token?: string;
  invite?: string;
  displayName?: string;
  previousSessionId?: string;
  connectionId?: string;
  /** By default whole texts. */
  edits?: 'changes';
  headers?: Record<string, string>;
}

/** Where these options lead to, over HTTP. */
export function addressOf(options: RawClientOptions): URL {
  const isRoom = options.sessionId !== null && options.address !== 'ws';
  const url = new URL(isRoom ? `/parties/main/${options.sessionId}` : '/api/v1/ws', options.roomUrl);
  const query = {
    session_id: isRoom ? undefined : (options.sessionId ?? undefined),
    token: options.token,
    invite: options.invite,
    display_name: options.displayName,
    previous_session_id: options.previousSessionId,
    _pk: options.connectionId,
    edits: options.edits,
  };
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

export class RawClient {
  /** Everything that came, oldest first. */
  readonly received: ServerMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();
  #mark: string | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const message = parseServerMessage(String(data));
      if (!message) throw new Error(`not a message of the protocol: ${String(data).slice(0, 200)}`);
      this.received.push(message);
      if (message.type === 'pong') this.#mark = message.payload.mark;
      for (const check of this.#waiting) check();
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
    socket.on('error', () => {});
  }

  /** Opens a connection. @throws {RefusedError} with the HTTP status before the upgrade. */
  static async connect(options: RawClientOptions): Promise<RawClient> {
    const url = addressOf(options).href.replace(/^http/, 'ws');
    const socket = new WebSocket(url, { headers: options.headers });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
      socket.once('unexpected-response', async (_request, response) => {
        let body = '';
        for await (const chunk of response) body += chunk;
        reject(new RefusedError(response.statusCode ?? 0, body));
      });
    });
    return client;
  }

  /** Opens a connection and waits for the session's state. */
  static async join(options: RawClientOptions): Promise<RawClient & { state: MessageOf<'session_state'> }> {
    const client = await RawClient.connect(options);
    const state = await client.next('session_state');
    return Object.assign(client, { state });
  }

  send(type: string, payload?: unknown, envelope: Record<string, unknown> = {}): void {
    this.#socket.send(JSON.stringify({ type, payload, timestamp: new Date().toISOString(), ...envelope }));
  }

  /** Neither reads nor answers any more, as one whose machine is gone: a close isn't confirmed either. */
  freeze(): void {
    this.#socket.pause();
  }

  /** Sends a frame as it is. */
  sendFrame(frame: string | Buffer): void {
    this.#socket.send(frame);
  }

  all<T extends ServerMessageType>(type: T): MessageOf<T>[] {
    return this.received.filter((message): message is MessageOf<T> => message.type === type);
  }

  /** The numbers of the broadcasts that came, in their order. */
  broadcastSeqs(): number[] {
    return this.received.flatMap(({ type, seq }) =>
      seq === undefined || type === 'session_state' ? [] : [seq],
    );
  }

  /** The first message of a type, already here or yet to come, that fits. */
  async next<T extends ServerMessageType>(
    type: T,
    fits: (payload: ServerPayload<T>) => boolean = () => true,
  ): Promise<MessageOf<T>> {
    return this.#until(type, () =>
      this.all(type).find((message) => fits(message.payload as ServerPayload<T>)),
    );
  }

  /** What is found in what was received, now or when more has come. */
  async #until<T>(what: string, find: () => T | undefined): Promise<T> {
    const found = find();
    if (found) return found;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        const types = this.received.slice(-20).map((message) => message.type);
        reject(new Error(`no fitting ${what} in ${PATIENCE_MS} ms; the last ones were ${types.join(', ')}`));
      }, PATIENCE_MS);
      const check = () => {
        const found = find();
        if (!found) return;
        this.#waiting.delete(check);
        clearTimeout(timer);
        resolve(found);
      };
      this.#waiting.add(check);
    });
  }

  /** Sends an edit and waits until it is acknowledged. */
  async edit(code: string, requestId: string): Promise<MessageOf<'ack'>> {
    this.send('code_update', { code, request_id: requestId });
    return this.next('ack', (payload) => payload.request_id === requestId);
  }

  /**
   * Waits for the answer to one's own AI request, and until it is safe: a flush before that need not find it.
   */
  async safeAnswer(requestId: string): Promise<MessageOf<'agent_response'>> {
    const answer = await this.next('agent_response', ({ request_id }) => request_id === requestId);
    await this.next('ack', ({ message_id }) => message_id === answer.payload.message_id);
    return answer;
  }

  /** Sends a ping and waits for its answer: everything sent before has been handled then. */
  async roundTrip(): Promise<void> {
    const id = crypto.randomUUID();
    this.send('ping', { request_id: id });
    const answer = await this.#until('pong', () =>
      [...this.all('pong'), ...this.all('error')].find(({ payload }) => payload.request_id === id),
    );
    if (answer.type === 'error') throw new Error(`the ping was refused: ${answer.payload.error}`);
  }

  /** Pings with the last pong's mark, as a client does that wants to be kept however much it is sent. */
  proveReading(): void {
    this.send('ping', { ...(this.#mark === undefined ? {} : { mark: this.#mark }) });
  }

  /**
   * Waits until the room has closed the connection, with which code and reason. Doesn't wait for the end
   * of the TCP connection: where a room closed it on another's behalf, workerd (of 2026-04-26, still)
   * leaves that to the client.
   */
  async sentAway(): Promise<{ code: number; reason: string }> {
    await vi.waitUntil(() => this.#socket.readyState >= WebSocket.CLOSING, {
      timeout: PATIENCE_MS,
      interval: 10,
    });
    this.#socket.terminate();
    return this.closed;
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, 'close');
    // See `sentAway`.
    if (this.#socket.readyState === WebSocket.CLOSING) this.#socket.terminate();
    else this.#socket.close(1000);
    await closed;
  }

  /** Cuts the connection without a word. */
  terminate(): void {
    this.#socket.terminate();
  }
}
