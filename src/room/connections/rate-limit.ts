/** However late a room is, nobody's messages count as sent earlier than this, in milliseconds. */
export const MOST_LATE_MS = 10_000;

/**
 * At most `max` events within any window of `windowMs`, exactly: the times of the last `max` events are kept.
 *
 * A room sees when it gets to an event, not when that was sent. When the room itself is late, what was sent over seconds comes at once:
 * each event counts for the earliest time at which it may have been sent and there was room for it, so that who never sent too fast is
 * never refused.
 */
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

  /** Counts an event if there is room for it. @param lateMs how late the room may be with it, in milliseconds. */
  take(nowMs: number, lateMs = 0): boolean {
    const oldest = this.#times.length < this.#max ? undefined : this.#times[0];
    const freeMs = oldest === undefined ? Number.NEGATIVE_INFINITY : oldest + this.#windowMs;
    const lastMs = this.#times.at(-1) ?? Number.NEGATIVE_INFINITY;
    const sentMs = Math.max(nowMs - Math.min(lateMs, MOST_LATE_MS), lastMs, freeMs);
    if (freeMs > nowMs) return false;
    if (oldest !== undefined) this.#times.shift();
    this.#times.push(sentMs);
    return true;
  }

  /** Times of the events that still count, in milliseconds, oldest first. */
  times(nowMs: number): number[] {
    return this.#times.filter((time) => nowMs - time < this.#windowMs);
  }
}
