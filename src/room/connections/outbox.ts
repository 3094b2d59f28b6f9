/** What a room sends to its clients: each message's envelope, and the counter that broadcasts carry. */
import { z } from 'zod';
import type { ErrorCode, ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import type { Connection, RoomStorage } from '../host.ts';
import type { JoinedConnection } from './connection.ts';
import type { Participants } from './participants.ts';
import type { SlowConsumers } from './slow-consumers.ts';

/**
 * The counter is stored after the room was quiet for so long. A running timer keeps the room from hibernating
 * until then.
 */
const STORE_SEQ_AFTER_MS = 4_000;

export interface OutboxOptions {
  sessionId: string;
  storage: Pick<RoomStorage, 'get' | 'put'>;
  participants: Pick<Participants, 'connections' | 'withConnectionId'>;
  slowConsumers: Pick<SlowConsumers<Connection>, 'countSent'>;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #seq = 0;
  #loading: Promise<void> | null = null;
  #isStoring = false;
  #lastBroadcastMs = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Reads the counter, which goes on where the last instance stopped. Nothing may be sent before this. */
  load(): Promise<void> {
    this.#loading ??= this.#options.storage.get('seq').then((stored) => {
      this.#seq = z.number().catch(0).parse(stored);
    });
    return this.#loading;
  }

  /** To every connection that has joined, but for `except`. */
  broadcast<T extends ServerMessageType>(
    type: T,
    payload: ServerPayload<T>,
    except?: Connection | ((member: JoinedConnection) => boolean),
  ): void {
    const isExcepted =
      typeof except === 'function' ? except : (member: JoinedConnection) => member === except;
    this.broadcastEach(type, (member) => (isExcepted(member) ? null : payload));
  }

  /**
   * To every connection that has joined, each its own payload.
   * @param payloadFor gives the same object for those whose payload is the same: it is encoded once. Null:
   *   none.
   * @param members only to these.
   */
  broadcastEach<T extends ServerMessageType>(
    type: T,
    payloadFor: (member: JoinedConnection) => ServerPayload<T> | null,
    members: Iterable<JoinedConnection> = this.#options.participants.connections(),
  ): void {
    this.#seq += 1;
    this.#storeSeq();
    const texts = new Map<object, string>();
    for (const member of members) {
      const payload = payloadFor(member);
      if (payload === null) continue;
      let text = texts.get(payload);
      if (text === undefined) {
        text = this.#envelope(type, payload, this.#seq);
        texts.set(payload, text);
      }
      this.#send(member, text);
    }
  }

  /** To one connection. */
  reply<T extends ServerMessageType>(to: Connection, type: T, payload: ServerPayload<T>): void {
    // A session's state includes everything that was broadcast up to this number. Other replies stand outside
    // the order.
    this.#send(to, this.#envelope(type, payload, type === 'session_state' ? this.#seq : undefined));
  }

  /** To the connections with this id, if there are any. */
  replyTo<T extends ServerMessageType>(connectionId: string, type: T, payload: ServerPayload<T>): void {
    for (const member of this.#options.participants.withConnectionId(connectionId)) {
      this.reply(member, type, payload);
    }
  }

  /** An `error` to one connection. It repeats the id of the request that it refuses. */
  refuse(
    to: Connection,
    error: ErrorCode,
    message: string,
    { requestId, details }: { requestId?: string | undefined; details?: string | undefined } = {},
  ): void {
    this.reply(to, 'error', {
      error,
      message,
      ...(details === undefined ? {} : { details }),
      ...(requestId === undefined ? {} : { request_id: requestId }),
    });
  }

  /** A socket may close at any moment. Its client asks for what it misses once it is back. */
  #send(connection: Connection, text: string): void {
    try {
      connection.send(text);
      this.#options.slowConsumers.countSent(connection, text.length);
    } catch {
      // Closed.
    }
  }

  #envelope(type: ServerMessageType, payload: object, seq: number | undefined): string {
    const timestamp = new Date().toISOString();
    return JSON.stringify({ type, session_id: this.#options.sessionId, timestamp, seq, payload });
  }

  /**
   * Stores the counter once the room has gone quiet. A busy room must not pay a write for each broadcast, and
   * when its instance dies its clients lose their connections, and with them the order that the counter
   * stands for.
   */
  #storeSeq(): void {
    this.#lastBroadcastMs = Date.now();
    if (this.#isStoring) return;
    this.#isStoring = true;
    const store = () => {
      const waitMs = this.#lastBroadcastMs + STORE_SEQ_AFTER_MS - Date.now();
      if (waitMs > 0) {
        setTimeout(store, waitMs);
        return;
      }
      this.#isStoring = false;
      void this.#options.storage.put('seq', this.#seq);
    };
    setTimeout(store, STORE_SEQ_AFTER_MS);
  }
}
