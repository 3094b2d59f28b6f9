/**
 * Decides when a session is flushed, and by whom: the room itself, or a sweeper that is at work on
 * everything.
 */
import type { Clock } from '../../domain/clock.ts';
import { StorageUnavailableError, SupersededError } from '../../domain/errors.ts';
import type { FlushState, SessionRepository } from '../../domain/types.ts';
import type { CommitQueue } from './commit-queue.ts';
import type { Durability } from './durability.ts';

/** What a flush of the session came to. */
export interface FlushOutcome extends FlushState {
  /** All that was dirty when it began has been dealt with. */
  isComplete: boolean;
}

export interface FlushPorts {
  repository: Pick<SessionRepository, 'flushState'>;
  /** Flushes the session by the flush route. @throws when that fails; the session stays dirty, and safe. */
  flush(sessionId: string): Promise<FlushOutcome>;
  /** Wakes the room after this time, whatever becomes of this instance. */
  setAlarm(delayMs: number): Promise<void>;
  log(event: string, detail: string): void;
  clock: Clock;
}

export class FlushControl {
  readonly #sessionId: string;
  readonly #queue: CommitQueue;
  readonly #durability: Durability;
  readonly #flushMs: number;
  readonly #ports: FlushPorts;
  #isAlarmArmed = false;
  #lease = { reportedAtMs: Number.NEGATIVE_INFINITY, leftMs: 0 };
  #flushing: Promise<boolean> | null = null;
  #next: Promise<boolean> | null = null;

  /** @param flushMs after how long a dirty session is flushed, in milliseconds. */
  constructor(
    sessionId: string,
    parts: { queue: CommitQueue; durability: Durability },
    flushMs: number,
    ports: FlushPorts,
  ) {
    this.#sessionId = sessionId;
    this.#queue = parts.queue;
    this.#durability = parts.durability;
    this.#flushMs = flushMs;
    this.#ports = ports;
  }

  get mayBeDirty(): boolean {
    return this.#durability.isDirty || !this.#queue.isIdle;
  }

  /** A commit has reported the sweeper's lease. @param leftMs 0 when nobody sweeps. */
  onLease(leftMs: number): void {
    this.#lease = { reportedAtMs: this.#ports.clock.now(), leftMs };
  }

  /** Sees to it that the session is flushed, whatever becomes of this instance. */
  async armAlarm(): Promise<void> {
    if (this.#isAlarmArmed) return;
    this.#isAlarmArmed = true;
    try {
      await this.#ports.setAlarm(this.#flushMs);
    } catch (error) {
      this.#isAlarmArmed = false;
      throw error;
    }
  }

  /** Wakes the room after this time too, unless it is woken sooner. @returns true when it won't be. */
  async armLater(delayMs: number): Promise<boolean> {
    if (this.#isAlarmArmed) return false;
    await this.#ports.setAlarm(delayMs);
    return true;
  }

  /**
   * Flushes a dirty session, unless a sweeper is at work. Arms itself again while anything is dirty or a
   * store fails.
   */
  async onAlarm(): Promise<void> {
    this.#isAlarmArmed = false;
    const { standing } = this.#durability;
    if (standing.kind === 'unavailable' || (standing.kind === 'on_postgres' && standing.isStandIn)) {
      // A room in which nobody types has to find out by itself that the buffer is back.
      this.#queue.addCode();
      await this.armAlarm();
      return;
    }
    if (!this.mayBeDirty) return;
    if (!this.#isSwept() && !(await this.#askWhetherSwept())) await this.flush();
    if (this.mayBeDirty) await this.armAlarm();
  }

  /** Flushes all that was accepted up to now; false when that failed, and then it is left to the alarm. */
  flush(): Promise<boolean> {
    if (!this.mayBeDirty) return Promise.resolve(true);
    if (this.#flushing) {
      // It may have begun before the last commit. Callers who come meanwhile share the one after it.
      this.#next ??= this.#flushing.then(() => {
        this.#next = null;
        return this.flush();
      });
      return this.#next;
    }
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** A commit said so a moment ago; no need to ask. */
  #isSwept(): boolean {
    const agoMs = this.#ports.clock.now() - this.#lease.reportedAtMs;
    return agoMs < this.#flushMs && agoMs < this.#lease.leftMs;
  }

  /**
   * True when this room has nothing to flush now: a sweeper is at work, nothing is dirty, or it has to be
   * committed again first.
   */
  async #askWhetherSwept(): Promise<boolean> {
    const asOf = this.#now();
    try {
      const state = await this.#ports.repository.flushState(this.#sessionId);
      const isLost = !(await this.#learn(state, asOf, false));
      return isLost || state.sweeperLeaseMs > 0 || !this.mayBeDirty;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      return false;
    }
  }

  async #flush(): Promise<boolean> {
    try {
      await this.#queue.committed();
      const asOf = this.#now();
      const outcome = await this.#ports.flush(this.#sessionId);
      return await this.#learn(outcome, asOf, outcome.isComplete);
    } catch (error) {
      if (!(error instanceof SupersededError)) {
        this.#ports.log('flush_failed', error instanceof Error ? error.message : 'unknown');
      }
      return false;
    }
  }

  #now(): { commits: number; expectedLast: number } {
    const { commits, expectedLast } = this.#durability;
    return { commits, expectedLast };
  }

  /** @returns false when the buffer has lost some of what is to be flushed. */
  async #learn(
    state: FlushState,
    asOf: { commits: number; expectedLast: number },
    isComplete: boolean,
  ): Promise<boolean> {
    const learned = this.#durability.learn(state, asOf, isComplete);
    if (learned === 'lost' && this.#durability.hasTail) {
      this.#queue.addCode();
      return false;
    }
    if (!this.mayBeDirty) await this.#durability.recordClean();
    return true;
  }
}
