/** At most `max` events within any window of `windowMs`, exactly: the times of the last `max` events are kept. */
export class SlidingWindow {
  readonly #times: number[];
  readonly #max: number;
  readonly #windowMs: number;

  /** @param times of earlier events in milliseconds, oldest first, to go on from. */
  constructor(max: number, windowMs: number, times: readonly number[] = []) {
    this.#max = max;
    this.#windowMs = windowMs;
    this.#times = times.slice(-max);
  }

  /** Counts an event if there is room for it. */
  take(nowMs: number): boolean {
    const oldest = this.#times[0];
    if (this.#times.length >= this.#max && oldest !== undefined && nowMs - oldest < this.#windowMs)
      return false;
    if (this.#times.length >= this.#max) this.#times.shift();
    this.#times.push(nowMs);
    return true;
  }

  /** Times of the events that still count, in milliseconds, oldest first. */
  times(nowMs: number): number[] {
    return this.#times.filter((time) => nowMs - time < this.#windowMs);
  }
}
