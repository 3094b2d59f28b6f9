/**
 * Does much work a few pieces at a time. When a server is back, all its rooms and clients want something at
 * the same moment; were all served side by side, all would be ready at the end of the work for all, when the
 * first have given up, and ask again. A few at a time, the first are ready at once.
 *
 * One of an isolate. Who waits looks again and again, each by a timer of their own: on some hosts no request
 * may wait for what another one does. Places expire by themselves: a request whose client has gone ends
 * without a word.
 */
import type { Clock } from './clock.ts';

interface GateOptions {
  /** As many as keep the isolate busy while most of them wait for others. */
  places: number;
  /** Beyond it, callers are sent away. */
  maxWaiting?: number;
  clock?: Clock;
}

/** Who is inside for longer waits for what is out of reach, not for this isolate, and keeps no place. */
const PLACE_MS = 1_000;
/** All who wait look so many times a second together, and each at least every second or so. */
const LOOKS_PER_S = 500;
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1_000;
/** Those who went without a word are looked for so often. */
const SWEEP_MS = 100;

const realClock: Clock = {
  now: Date.now,
  setTimeout(task, delayMs) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Those who are there, each for some time at most unless they say so again. */
class Present {
  readonly #untilMs = new Map<symbol, number>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** How many are there, and at most those who went within {@link SWEEP_MS} besides. */
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
  readonly #inside = new Present();
  readonly #waiting = new Present();
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
   * @param left says that the caller has gone, for whom nothing has to be done any more.
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
      const shareMs = (this.#waiting.count(clock.now()) * 1_000) / LOOKS_PER_S;
      // Spread, so that those who came at the same moment don't look at the same moment.
      const pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS + shareMs) * (0.5 + Math.random());
      this.#waiting.set(who, clock.now() + pauseMs + PLACE_MS);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, pauseMs));
    } while (!left?.aborted && this.#isFull());
    this.#waiting.delete(who);
    return !left?.aborted;
  }
}
