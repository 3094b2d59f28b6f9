/**
 * Records in Postgres which participants are present, a moment after one of them came or left, for the lists
 * and counts that other sessions' participants see.
 *
 * Each write has the whole set, in one idempotent statement: any number of changes within the moment cost one
 * write, the next write makes up for a lost one, and two writes may arrive in any order as long as the last
 * one is right. What Postgres has already isn't written again. No edit ever waits for it.
 */
import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import type { PeopleRepository } from '../../domain/people.ts';
import type { RoomStorage } from '../host.ts';
import type { RoomLog } from '../log.ts';
import type { Participants } from './participants.ts';

/** Changes within this time are one write. */
const SETTLE_MS = 1_000;
/** Participants whose connections ended with an earlier instance have so long to come back. */
const RETURN_MS = 15_000;
/**
 * Pauses before each further attempt, in milliseconds. After the last one the next change, or instance, tries
 * again.
 */
const RETRY_MS = [2_000, 4_000, 8_000, 16_000, 32_000];
/** A value in a room's storage has 128 KiB at most. */
const MAX_SUMMARY_CHARS = 100_000;
/** Stands for a set that is too large for that. */
const MANY = 'many';

const KEY = 'present';
const storedSchema = z.string().nullable().catch(null);

interface PresenceOptions {
  sessionId: string;
  participants: Pick<Participants, 'ids' | 'guestNames'>;
  people: Pick<PeopleRepository, 'recordPresence'>;
  /** Keeps what was recorded last: the next instance compares it with who is still present. */
  storage: Pick<RoomStorage, 'get'> & { put(key: string, value: unknown): Promise<void> };
  log: RoomLog;
  clock: Clock;
}

export class PresenceRecorder {
  readonly #options: PresenceOptions;
  #isScheduled = false;
  #isWriting = false;
  /** Something changed since the last write began. */
  #isDue = false;
  #failures = 0;
  /** What was written last; null: not known. */
  #recorded: string | null = null;
  /** Admitted since: Postgres shows them as present. */
  #admitted = new Set<string>();

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** A participant came or left. */
  changed(): void {
    this.#isDue = true;
    this.#failures = 0;
    this.#schedule(SETTLE_MS);
  }

  /** A participant was admitted, which Postgres shows as present; their connection may never come. */
  admitted(participantId: string): void {
    this.#admitted.add(participantId);
    this.changed();
  }

  /** A new instance has the room: connections to the last one may have gone without an event. */
  async resume(): Promise<void> {
    this.#recorded = storedSchema.parse((await this.#options.storage.get(KEY)) ?? null) ?? '';
    if (this.#isRecorded()) return;
    this.#isDue = true;
    this.#schedule(RETURN_MS);
  }

  /** Whether Postgres shows just those who are present. */
  #isRecorded(): boolean {
    const { participants } = this.#options;
    const ids = participants.ids();
    if (this.#recorded === MANY || this.#recorded !== summary(ids, participants.guestNames())) return false;
    const present = new Set(ids);
    return [...this.#admitted].every((id) => present.has(id));
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    this.#options.clock.setTimeout(() => {
      this.#isScheduled = false;
      void this.#write();
    }, delayMs);
  }

  async #write(): Promise<void> {
    this.#isDue = false;
    const isRecorded = this.#isRecorded();
    this.#admitted.clear();
    if (isRecorded) return;
    this.#isWriting = true;
    const { sessionId, participants, people, storage } = this.#options;
    const present = participants.ids();
    const names = participants.guestNames();
    // Until it is confirmed, Postgres may have it or not.
    this.#recorded = null;
    try {
      await people.recordPresence(sessionId, present, names);
      this.#failures = 0;
      this.#recorded = summary(present, names);
      void storage.put(KEY, this.#recorded);
    } catch (error) {
      this.#retry(error);
    } finally {
      this.#isWriting = false;
    }
    if (this.#isDue) this.#schedule(RETRY_MS[this.#failures - 1] ?? SETTLE_MS);
  }

  #retry(error: unknown): void {
    const isGivenUp = this.#failures >= RETRY_MS.length;
    this.#options.log(
      isGivenUp ? 'presence_given_up' : 'presence_failed',
      error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
    );
    if (isGivenUp) return;
    this.#failures += 1;
    this.#isDue = true;
  }
}

/** Equal for equal sets with equal names, unless they are too large for the storage. */
export function summary(
  participantIds: readonly string[],
  guestNames: ReadonlyMap<string, string> = new Map(),
): string {
  const named = participantIds.map((id) => (guestNames.has(id) ? `${id}=${guestNames.get(id)}` : id));
  const text = named.sort().join();
  return text.length <= MAX_SUMMARY_CHARS ? text : MANY;
}
