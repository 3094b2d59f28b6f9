/** The chat messages of one room, from being sent to being acknowledged. */
import { randomUUID } from 'node:crypto';
import type { RoomConnection } from './connection.ts';
import type { Recorder } from './recorder.ts';

export class Chats {
  /** Ids of those that were acknowledged. */
  readonly acknowledged: string[] = [];
  readonly #sentAt = new Map<string, number>();
  readonly #recorder: Recorder;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  get waiting(): number {
    return this.#sentAt.size;
  }

  send(connection: RoomConnection | undefined): void {
    if (!connection?.isOpen) return;
    const id = randomUUID();
    this.#sentAt.set(id, performance.now());
    connection.send(`{"type":"chat_message","payload":{"message":"message ${id}","id":"${id}"}}`);
    this.#recorder.chatsSent += 1;
  }

  onAck(id: string): void {
    const sentAt = this.#sentAt.get(id);
    if (sentAt === undefined) return;
    this.#sentAt.delete(id);
    this.acknowledged.push(id);
    this.#recorder.chatAcknowledged(performance.now() - sentAt);
  }
}
