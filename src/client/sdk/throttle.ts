/**
 * Runs a task at most once an interval: at once when idle, else once when the interval is over. So what is
 * asked for last is always done. It goes by the monotonic clock, which is never set back.
 */
export class Throttle {
  readonly #task: () => void;
  readonly #intervalMs: () => number;
  #lastRunMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /**
   * @param task reads what is newest when it runs, so that calls in between coalesce.
   * @param intervalMs least time between two runs; a function is asked each time.
   */
  constructor(task: () => void, intervalMs: number | (() => number)) {
    this.#task = task;
    this.#intervalMs = typeof intervalMs === 'number' ? () => intervalMs : intervalMs;
  }

  /** Asks for a run. */
  call(): void {
    if (this.#timer !== null) return;
    const waitMs = this.#lastRunMs + this.#intervalMs() - performance.now();
    if (waitMs <= 0) this.#run();
    else this.#timer = setTimeout(() => this.#run(), waitMs);
  }

  /** Puts off the next run until at least `pauseMs` from now, and runs then. */
  pause(pauseMs: number): void {
    this.cancel();
    this.#lastRunMs = performance.now() + pauseMs - this.#intervalMs();
    this.call();
  }

  /** Forgets a run that is waiting. */
  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #run(): void {
    this.#timer = null;
    this.#lastRunMs = performance.now();
    this.#task();
  }
}
