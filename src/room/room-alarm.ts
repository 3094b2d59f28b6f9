/**
 * A room has one alarm, and two things to be woken for: a session that is to be flushed, and clients that may
 * be gone. The earlier time counts; when it has come, the room sets the alarm for what is left.
 */
import type { RoomStorage } from './host.ts';

export class RoomAlarm {
  readonly #storage: Pick<RoomStorage, 'getAlarm' | 'setAlarm'>;
  /** When the platform wakes the room; null: it doesn't. */
  #set: Promise<number | null> | null = null;
  /**
   * When the session asked to be woken; null: it didn't. Undefined: an earlier instance may have asked, of
   * which this one knows nothing.
   */
  #sessionAtMs: number | null | undefined;

  constructor(storage: Pick<RoomStorage, 'getAlarm' | 'setAlarm'>) {
    this.#storage = storage;
  }

  /** Wakes the room at this time, or sooner. @throws when the storage fails. */
  async wakeBy(atMs: number): Promise<void> {
    // Callers come one after another, or the later of two would set the alarm of both.
    const set = (this.#set ?? this.#storage.getAlarm()).then(async (setMs) => {
      if (setMs !== null && setMs <= atMs) return setMs;
      await this.#storage.setAlarm(atMs);
      return atMs;
    });
    this.#set = set;
    try {
      await set;
    } catch (error) {
      if (this.#set === set) this.#set = null;
      throw error;
    }
  }

  /** Wakes the room for its session at this time, or sooner. @throws when the storage fails. */
  async wakeForSession(atMs: number): Promise<void> {
    this.#sessionAtMs = Math.min(atMs, this.#sessionAtMs ?? Number.POSITIVE_INFINITY);
    await this.wakeBy(atMs);
  }

  /**
   * The alarm has come: the platform has none any more.
   * @returns whether the session's time has come; `unknown` when an earlier instance may have set it.
   */
  fired(nowMs: number): boolean | 'unknown' {
    this.#set = Promise.resolve(null);
    const atMs = this.#sessionAtMs;
    if (atMs === undefined || (atMs !== null && atMs <= nowMs)) this.#sessionAtMs = null;
    return atMs === undefined ? 'unknown' : atMs !== null && atMs <= nowMs;
  }

  /** Sets the alarm again for a session whose time hasn't come. */
  async resume(): Promise<void> {
    if (typeof this.#sessionAtMs === 'number') await this.wakeBy(this.#sessionAtMs);
  }
}
