/** What a room sends: each message's envelope, and the counter that broadcasts carry. */
import { z } from 'zod';
import type { ErrorCode, ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import type { Connection, RoomStorage } from '../host.ts';
import type { Member } from './connection.ts';

/** How long the room is quiet before the counter is noted. While a timer runs there is no hibernation, so it may take its time. */
const SEQ_NOTE_MS = 4_000;

export interface OutboxOptions {
  sessionId: string;
  storage: Pick<RoomStorage, 'get' | 'put'>;
  /** Everybody who is in. */
  members(): Iterable<Member>;
  /** Told of each frame that is sent. */
  sent(to: Connection, chars: number): void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #seq = 0;
  #loading: Promise<void> | null = null;
  #isNoting = false;
  #lastBroadcastMs = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The counter goes on where the last instance stopped. Nothing may be sent before this. */
  open(): Promise<void> {
    this.#loading ??= this.#options.storage.get('seq').then((stored) => {
      this.#seq = z.number().catch(0).parse(stored);
    });
    return this.#loading;
  }

  /** The number of the last broadcast. */
  get seq(): number {
    return this.#seq;
  }

  /** To everybody, but for `except`. */
  broadcast<T extends ServerMessageType>(
    type: T,
    payload: ServerPayload<T>,
    except?: Connection | ((member: Member) => boolean),
  ): void {
    this.#seq += 1;
    this.#noteSeq();
    // Once for all, and not at all for somebody who is alone.
    let text: string | undefined;
    for (const member of this.#options.members()) {
      if (typeof except === 'function' ? except(member) : member === except) continue;
      text ??= this.#envelope(type, payload, this.#seq);
      this.#send(member, text);
    }
  }

  /** To one connection. */
  reply<T extends ServerMessageType>(to: Connection, type: T, payload: ServerPayload<T>): void {
    // The state of a session says how far its reader is; other replies stand outside the order.
    this.#send(to, this.#envelope(type, payload, type === 'session_state' ? this.#seq : undefined));
  }

  /** An `error` to one connection, echoing the request it is about. */
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

  /** A socket may be closing under our hands; what it misses, its client asks for when it is back. */
  #send(connection: Connection, text: string): void {
    try {
      connection.send(text);
      this.#options.sent(connection, text.length);
    } catch {
      // Closed.
    }
  }

  #envelope(type: ServerMessageType, payload: object, seq: number | undefined): string {
    const timestamp = new Date().toISOString();
    return JSON.stringify({ type, session_id: this.#options.sessionId, timestamp, seq, payload });
  }

  /** Notes the counter once the room has gone quiet: a busy one writes nothing, and an instance that dies busy loses its clients anyway. */
  #noteSeq(): void {
    this.#lastBroadcastMs = Date.now();
    if (this.#isNoting) return;
    this.#isNoting = true;
    const note = () => {
      const waitMs = this.#lastBroadcastMs + SEQ_NOTE_MS - Date.now();
      if (waitMs > 0) {
        setTimeout(note, waitMs);
        return;
      }
      this.#isNoting = false;
      void this.#options.storage.put('seq', this.#seq);
    };
    setTimeout(note, SEQ_NOTE_MS);
  }
}
