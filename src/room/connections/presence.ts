/**
 * Writes down who is present, a moment after somebody came or went, so that lists and counts elsewhere are right.
 *
 * It writes the whole set each time, by one idempotent statement: any number of comings and goings within the moment
 * cost one write, a write that was lost is made good by the next, and the order of two doesn't matter as long as the
 * last one holds the truth. No edit ever waits for it.
 */
import type { Clock } from '../../domain/clock.ts';

/** Comings and goings within this time are one write. */
const SETTLE_MS = 1_000;
/** Pauses before each further attempt, in milliseconds; after the last one it waits for the next change, or instance. */
const RETRY_MS = [2_000, 4_000, 8_000, 16_000, 32_000];
/** A value in a room's storage has 128 KiB at most. */
const MAX_NOTE_CHARS = 100_000;
/** Noted of a set that is too large for it. */
const MANY = 'many';

export interface PresencePorts {
  /** The participants who are here now, each once. */
  present(): string[];
  /** @throws when it can't be written. */
  record(participantIds: readonly string[]): Promise<void>;
  /** Keeps in durable storage what was written last, for the next instance to compare with. */
  note(recorded: string): void;
  log(event: string, detail: string): void;
  clock: Clock;
}

export class PresenceRecorder {
  readonly #ports: PresencePorts;
  #isScheduled = false;
  #isWriting = false;
  /** Something changed that no write that has begun knows of. */
  #isDue = false;
  #failures = 0;

  constructor(ports: PresencePorts) {
    this.#ports = ports;
  }

  /** Somebody came or went. */
  changed(): void {
    this.#isDue = true;
    this.#failures = 0;
    this.#schedule(SETTLE_MS);
  }

  /**
   * A new instance has the room: whoever was connected to the last one may be gone without a word.
   * @param recorded what the last write noted; null when there is none.
   */
  resume(recorded: string | null): void {
    if (recorded === MANY || (recorded ?? '') !== summary(this.#ports.present())) this.changed();
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    this.#ports.clock.setTimeout(() => {
      this.#isScheduled = false;
      void this.#write();
    }, delayMs);
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    this.#isDue = false;
    const present = this.#ports.present();
    try {
      await this.#ports.record(present);
      this.#failures = 0;
      this.#ports.note(summary(present));
    } catch (error) {
      this.#retry(error);
    } finally {
      this.#isWriting = false;
    }
    if (this.#isDue) this.#schedule(RETRY_MS[this.#failures - 1] ?? SETTLE_MS);
  }

  #retry(error: unknown): void {
    const isGivenUp = this.#failures >= RETRY_MS.length;
    this.#ports.log(
      isGivenUp ? 'presence_given_up' : 'presence_failed',
      error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
    );
    if (isGivenUp) return;
    this.#failures += 1;
    this.#isDue = true;
  }
}

/** Equal for equal sets, as far as they fit into storage. */
export function summary(participantIds: readonly string[]): string {
  const text = [...participantIds].sort().join();
  return text.length <= MAX_NOTE_CHARS ? text : MANY;
}
