/** One person's connection to a room: it enters, proves that it reads, and counts what it receives. */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { PING_AFTER_CHARS } from '../../src/protocol/index.ts';
import type { EditMode } from '../options.ts';
import type { Recorder } from './recorder.ts';

const CONNECT_TIMEOUT_MS = 60_000;
/** As the page's client does. */
const PING_INTERVAL_MS = 20_000;
/** `{"type":"` comes first in each frame. */
const TYPE_AT = 9;
const MARK = /"mark":"([^"]+)"/;

export interface ConnectionOptions {
  /** Where the rooms are. */
  url: string;
  roomId: string;
  token: string;
  edits: EditMode;
  recorder: Recorder;
  /** Gets every frame but pongs, `session_state` too. */
  onFrame(frame: Buffer): void;
}

let people = 0;

/** Everybody is at home: the limit of connections from one address isn't what is measured here. */
function nextAddress(): string {
  people += 1;
  return `10.${(people >> 16) & 255}.${(people >> 8) & 255}.${people & 255}`;
}

export class RoomConnection {
  readonly #socket: WebSocket;
  readonly #wire: Socket;
  readonly #recorder: Recorder;
  #mark: string | undefined;
  #bytesSincePing = 0;
  #isLeaving = false;

  private constructor({ url: base, roomId, token, edits, recorder }: ConnectionOptions) {
    const url = new URL(`/parties/main/${roomId}`, base);
    url.protocol = 'ws:';
    url.searchParams.set('token', token);
    url.searchParams.set('_pk', randomUUID());
    if (edits === 'changes') url.searchParams.set('edits', 'changes');
    this.#wire = connect(Number(url.port), url.hostname);
    this.#socket = new WebSocket(url.href, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      createConnection: () => this.#wire,
      headers: { 'cf-connecting-ip': nextAddress() },
    });
    this.#recorder = recorder;
  }

  /** Resolves when the room has sent its state. */
  static open(options: ConnectionOptions): Promise<RoomConnection> {
    const connection = new RoomConnection(options);
    return connection.#enter(options.onFrame).then(() => connection);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  /** A whole frame, past the WebSocket. */
  sendFrame(frame: Buffer): void {
    this.#wire.write(frame);
  }

  /**
   * A ping with the last pong's mark proves that all before that was read; a room closes who is far behind.
   */
  ping(): void {
    if (!this.isOpen) return;
    this.send(
      JSON.stringify({ type: 'ping', payload: this.#mark === undefined ? {} : { mark: this.#mark } }),
    );
  }

  leave(): void {
    this.#isLeaving = true;
    this.#socket.close(1000);
  }

  #enter(onFrame: (frame: Buffer) => void): Promise<void> {
    const socket = this.#socket;
    let isIn = false;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no session_state in time')), CONNECT_TIMEOUT_MS);
      socket.on('message', (frame: Buffer) => {
        this.#count(frame);
        if (hasType(frame, 'pong"')) {
          this.#mark = MARK.exec(frame.toString('latin1'))?.[1] ?? this.#mark;
          return;
        }
        onFrame(frame);
        if (isIn || !hasType(frame, 'session_state')) return;
        clearTimeout(timer);
        isIn = true;
        const pings = setInterval(() => this.ping(), PING_INTERVAL_MS).unref();
        socket.on('close', () => clearInterval(pings));
        resolve();
      });
      socket.on('error', reject);
      socket.on('unexpected-response', (_request, response) =>
        reject(new Error(`a room answered ${response.statusCode}`)),
      );
      socket.on('close', (code: number) => {
        if (isIn && !this.#isLeaving) this.#recorder.closedBy(code);
        reject(new Error('closed before session_state'));
      });
    });
  }

  #count(frame: Buffer): void {
    this.#recorder.bytesReceived += frame.length;
    this.#bytesSincePing += frame.length;
    if (this.#bytesSincePing <= PING_AFTER_CHARS) return;
    this.#bytesSincePing = 0;
    this.ping();
  }
}

/** Whether a frame's type begins so; looks at nothing else of the frame. */
export function hasType(frame: Buffer, start: string): boolean {
  return frame.toString('latin1', TYPE_AT, TYPE_AT + start.length) === start;
}
