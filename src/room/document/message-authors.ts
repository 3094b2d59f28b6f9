/**
 * Whose the ids of messages are. A client chooses the id of its message, so that sending it again has no
 * second effect, and everybody sees it: another participant's use of it must not change the message, nor take
 * its acknowledgement. Messages in the stores don't name participants, so the room keeps it in its own
 * storage.
 */
import { z } from 'zod';
import type { RoomStorage } from '../host.ts';

/** Part of the stored format. */
const PREFIX = 'author:';
/** Ids kept in memory; the storage knows the others. */
const MAX_KNOWN = 5_000;

const storedAuthor = z.string().nullable().catch(null);

export class MessageAuthors {
  readonly #storage: Pick<RoomStorage, 'get'> & { put(key: string, value: unknown): Promise<void> };
  /** Participants' ids by message id, the newest last. */
  readonly #known = new Map<string, string>();

  constructor(storage: Pick<RoomStorage, 'get'> & { put(key: string, value: unknown): Promise<void> }) {
    this.#storage = storage;
  }

  /**
   * Takes an id for an author, unless it is another's. Of two who come at once with a new one, it is the
   * first's.
   * @returns whether it is theirs.
   */
  async claim(messageId: string, participantId: string): Promise<boolean> {
    if (!this.#known.has(messageId)) {
      const stored = storedAuthor.parse((await this.#storage.get(PREFIX + messageId)) ?? null);
      // Another may have claimed it meanwhile.
      if (!this.#known.has(messageId)) this.#remember(messageId, stored ?? participantId);
    }
    return this.#known.get(messageId) === participantId;
  }

  /**
   * The message was accepted: its id is its author's for good. Not awaited: the platform sends nothing that
   * the room says, a commit included, before the room's writes are on disk.
   */
  record(messageId: string, participantId: string): void {
    this.#remember(messageId, participantId);
    void this.#storage.put(PREFIX + messageId, participantId);
  }

  #remember(messageId: string, participantId: string): void {
    this.#known.set(messageId, participantId);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}
