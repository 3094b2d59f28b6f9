/**
 * Limits how many callers an isolate serves at a time. When a server is back, all its rooms and clients ask
 * for something at the same moment. Served side by side, all would be ready only at the end, when the first
 * have given up and asked again. A few at a time, the first are ready at once.
 *
 * Each caller that waits polls by a timer of its own: on some hosts no request may wait for another. Places
 * expire: a request that the platform cancels gives nothing back.
 */
import type { Clock } from './clock.ts';

interface GateOptions {
  /** How many are served at a time: enough to keep the isolate busy while most of them wait for a store. */
  places: number;
  /** How many may wait; more are refused. */
  maxWaiting?: number;
  clock?: Clock;
}

/** A caller that takes longer waits for a store, not for this isolate, and keeps no place. */
const PLACE_MS = 1_000;
/** All that wait poll so many times a second together, and each about once a second at least. */
const POLLS_PER_S = 500;
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1_000;
/** Expired places are removed so often. */
const SWEEP_MS = 100;

const realClock: Clock = {
  now: Date.now,
  setTimeout(task, delayMs) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A set of callers. Each entry expires unless it is set again. */
class Callers {
  readonly #untilMs = new Map<symbol, number>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** How many entries there are; some may have expired within {@link SWEEP_MS}. */
  count(nowMs: number): number {
    if (nowMs - this.#sweptMs >= SWEEP_MS) {
      this.#sweptMs = nowMs;
      for (const [who, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(who);
    }
    return this.#untilMs.size;
  }

  set(who: symbol, untilMs: number): void {
    this.#untilMs.set(who, untilMs);
  }

  delete(who: symbol): void {
    this.#untilMs.delete(who);
  }
}

export class Gate {
  readonly #inside = new Callers();
  readonly #waiting = new Callers();
  readonly #places: number;
  readonly #maxWaiting: number;
  readonly #clock: Clock;

  constructor({ places, maxWaiting = Number.POSITIVE_INFINITY, clock = realClock }: GateOptions) {
    this.#places = places;
    this.#maxWaiting = maxWaiting;
    this.#clock = clock;
  }

  /** Whether callers have to wait. */
  isCrowded(): boolean {
    return this.#waiting.count(this.#clock.now()) > 0 || this.#isFull();
  }

  /**
   * Does the work once there is a place for it.
   * @param left aborts when the caller has gone: then the work isn't done.
   * @returns null when too many wait already, or the caller has gone.
   */
  async pass<T>(work: () => Promise<T>, left?: AbortSignal): Promise<T | null> {
    const who = Symbol();
    if (this.isCrowded() && !(await this.#wait(who, left))) return null;
    this.#inside.set(who, this.#clock.now() + PLACE_MS);
    try {
      return await work();
    } finally {
      this.#inside.delete(who);
    }
  }

  #isFull(): boolean {
    return this.#inside.count(this.#clock.now()) >= this.#places;
  }

  async #wait(who: symbol, left: AbortSignal | undefined): Promise<boolean> {
    const clock = this.#clock;
    if (this.#waiting.count(clock.now()) >= this.#maxWaiting) return false;
    do {
      const shareMs = (this.#waiting.count(clock.now()) * 1_000) / POLLS_PER_S;
      // Spread, so that callers of the same moment don't poll at the same moment.
      const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS + shareMs) * (0.5 + Math.random());
      this.#waiting.set(who, clock.now() + pauseMs + PLACE_MS);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, pauseMs));
    } while (!left?.aborted && this.#isFull());
    this.#waiting.delete(who);
    return !left?.aborted;
  }
}
