/**
 * Backbeat's own protocol, as cheap as a client can be: frames are put together from parts, and
 * read only where needed.
 */
import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { PING_AFTER_CHARS } from '../../src/protocol/index.ts';
import { digestOf, KnobDocument } from './document.ts';
import { EditFrames } from './edit-frame.ts';
import type { LoadPlan, RoomOutcome, RoomPlan } from './plan.ts';
import type { LoadRoom } from './protocol.ts';
import type { Recorder } from './recorder.ts';

const CONNECT_TIMEOUT_MS = 60_000;
/** `{"type":"` comes first in each frame. */
const TYPE_AT = 9;
/** A cursor is the last thing in a broadcast edit; it is looked for in so many bytes from the end. */
const TAIL_BYTES = 160;
const CURSOR = /"cursor_line":(\d+),"cursor_col":(\d+)/;
const REV = /"rev":(\d+)/;
const ACK_REV = /"rev":(\d+)/;
const ACK_SEQ = /"client_seq":(\d+)/;
const MARK = /"mark":"([^"]+)"/;
const ACK_MESSAGE = /"message_id":"([^"]+)"/;

/** One person who types. */
interface Typist {
  connection: Connection;
  document: KnobDocument;
  frames: EditFrames;
  /** When each edit was sent, by its number. */
  sentAt: number[];
  acked: number;
  /** The newest acknowledgement. */
  newest: { rev: number; edit: number } | null;
}

interface Connection {
  socket: WebSocket;
  /** The TCP connection below it, to write whole frames to. */
  wire: Socket;
}

/**
 * @param address everybody is at home: the limit of connections from one address isn't what is measured here.
 */
function openSocket(url: string, address: string): Connection {
  const { hostname, port } = new URL(url);
  const wire = connect(Number(port), hostname);
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    createConnection: () => wire,
    headers: { 'cf-connecting-ip': address },
  });
  return { socket, wire };
}

let people = 0;

function nextAddress(): string {
  people += 1;
  return `10.${(people >> 16) & 255}.${(people >> 8) & 255}.${people & 255}`;
}

export class BackbeatRoom implements LoadRoom {
  readonly #plan: LoadPlan;
  readonly #room: RoomPlan;
  readonly #recorder: Recorder;
  readonly #typists: Typist[] = [];
  readonly #sockets: WebSocket[] = [];
  readonly #marks = new WeakMap<WebSocket, string>();
  readonly #chats = new Map<string, number>();
  readonly #ackedMessages: string[] = [];
  #viewers = 0;
  #firstRev: number | null = null;
  #newestRev = 0;
  #isLeaving = false;

  constructor(room: RoomPlan, plan: LoadPlan, recorder: Recorder) {
    this.#room = room;
    this.#plan = plan;
    this.#recorder = recorder;
  }

  async connect(): Promise<void> {
    const { typists, viewers, codeBytes } = this.#plan;
    for (let who = this.#typists.length; who < typists; who++) {
      const document = new KnobDocument(codeBytes, who);
      const typist: Typist = {
        connection: await this.#open(this.#room.typistTokens[who] ?? '', (frame) =>
          this.#onFrame(frame, typist),
        ),
        document,
        frames: new EditFrames(document, who),
        sentAt: [],
        acked: 0,
        newest: null,
      };
      this.#typists.push(typist);
    }
    for (; this.#viewers < viewers; this.#viewers++) {
      const token = this.#room.viewerTokens[this.#viewers] ?? '';
      await this.#open(token, (frame) => this.#onFrame(frame, null));
    }
  }

  edit(who: number, lateMs: number): void {
    const typist = this.#typists[who];
    if (!typist || typist.connection.socket.readyState !== WebSocket.OPEN) {
      this.#recorder.failed('not_connected');
      return;
    }
    const edit = typist.sentAt.length;
    const frame = typist.frames.frame(edit);
    typist.sentAt.push(performance.now());
    typist.connection.wire.write(frame);
    this.#recorder.edited(lateMs, frame.length);
  }

  chat(): void {
    const socket = this.#typists[0]?.connection.socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    const id = randomUUID();
    this.#chats.set(id, performance.now());
    socket.send(`{"type":"chat_message","payload":{"message":"message ${id}","id":"${id}"}}`);
    this.#recorder.chatsSent += 1;
  }

  ping(): void {
    for (const socket of this.#sockets) this.#ping(socket);
  }

  /**
   * A ping with the last pong's mark proves that all before that was read; a room closes who is far behind.
   */
  #ping(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const mark = this.#marks.get(socket);
    socket.send(JSON.stringify({ type: 'ping', payload: mark === undefined ? {} : { mark } }));
  }

  get waiting(): number {
    return this.#typists.reduce((sum, { sentAt, acked }) => sum + sentAt.length - acked, this.#chats.size);
  }

  get accepted(): number {
    return this.#newestRev - (this.#firstRev ?? 0);
  }

  outcome(): RoomOutcome {
    let newest: RoomOutcome['newest'] = null;
    for (const { newest: acked, document } of this.#typists) {
      if (acked && acked.rev > (newest?.rev ?? 0)) {
        newest = { rev: acked.rev, digest: digestOf(document.text(acked.edit)) };
      }
    }
    const isFinal = this.#typists.every(({ sentAt, acked }) => sentAt.length === acked);
    return { id: this.#room.id, newest, isFinal, messages: this.#ackedMessages };
  }

  leave(): void {
    this.#isLeaving = true;
    for (const socket of this.#sockets) socket.close(1000);
  }

  #open(token: string, onFrame: (frame: Buffer) => void): Promise<Connection> {
    const url = new URL(`/parties/main/${this.#room.id}`, this.#plan.url);
    url.protocol = 'ws:';
    url.searchParams.set('token', token);
    url.searchParams.set('_pk', randomUUID());
    const connection = openSocket(url.href, nextAddress());
    const { socket } = connection;
    let isIn = false;
    let bytesSincePing = 0;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no session_state in time')), CONNECT_TIMEOUT_MS);
      socket.on('message', (frame: Buffer) => {
        this.#recorder.bytesReceived += frame.length;
        bytesSincePing += frame.length;
        if (bytesSincePing > PING_AFTER_CHARS) {
          bytesSincePing = 0;
          this.#ping(socket);
        }
        if (frame.toString('latin1', TYPE_AT, TYPE_AT + 5) === 'pong"') {
          const mark = MARK.exec(frame.toString('latin1'))?.[1];
          if (mark !== undefined) this.#marks.set(socket, mark);
          return;
        }
        if (frame.toString('latin1', TYPE_AT, TYPE_AT + 13) === 'session_state') {
          clearTimeout(timer);
          isIn = true;
          this.#sockets.push(socket);
          const rev = Number(REV.exec(frame.toString())?.[1] ?? 0);
          this.#firstRev ??= rev;
          this.#newestRev = Math.max(this.#newestRev, rev);
          resolve(connection);
        } else {
          onFrame(frame);
        }
      });
      socket.on('error', reject);
      socket.on('unexpected-response', (_request, response) =>
        reject(new Error(`a room answered ${response.statusCode}`)),
      );
      socket.on('close', () => {
        if (isIn && !this.#isLeaving) this.#recorder.closed += 1;
        reject(new Error('closed before session_state'));
      });
    });
  }

  #onFrame(frame: Buffer, typist: Typist | null): void {
    switch (frame.toString('latin1', TYPE_AT, TYPE_AT + 4)) {
      case 'ack"':
        if (typist) this.#onAck(frame.toString('latin1'), typist);
        return;
      case 'code':
        this.#onBroadcast(frame);
        return;
      case 'erro':
        this.#recorder.failed(/"error":"(\w+)"/.exec(frame.toString('latin1'))?.[1] ?? 'unknown');
        return;
    }
  }

  #onAck(text: string, typist: Typist): void {
    const now = performance.now();
    const message = ACK_MESSAGE.exec(text)?.[1];
    if (message !== undefined) {
      const sentAt = this.#chats.get(message);
      if (sentAt === undefined) return;
      this.#chats.delete(message);
      this.#ackedMessages.push(message);
      this.#recorder.chatAcknowledged(now - sentAt);
      return;
    }
    const rev = Number(ACK_REV.exec(text)?.[1]);
    const edit = EditFrames.editOf(Number(ACK_SEQ.exec(text)?.[1]));
    // Cumulative: it says so of everything up to that edit.
    for (; typist.acked <= edit; typist.acked++) {
      this.#recorder.acknowledged(now - (typist.sentAt[typist.acked] ?? now));
    }
    typist.newest = { rev, edit };
    this.#newestRev = Math.max(this.#newestRev, rev);
  }

  #onBroadcast(frame: Buffer): void {
    const found = CURSOR.exec(frame.toString('latin1', Math.max(0, frame.length - TAIL_BYTES)));
    const sentAt = this.#typists[Number(found?.[2])]?.sentAt[EditFrames.editOf(Number(found?.[1]))];
    if (sentAt !== undefined) this.#recorder.broadcast(performance.now() - sentAt);
  }
}
