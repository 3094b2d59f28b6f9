/** However late a room is, messages count as sent at most this much earlier, in milliseconds. */
const MOST_LATE_MS = 10_000;

interface Event {
  atMs: number;
  amount: number;
}

/**
 * The room's one rate limit: at most `max` within any window of `windowMs`, exactly, since each event is kept
 * with its time. An event counts once, or for an amount of its own, such as its characters.
 *
 * A room sees when it gets to an event, not when that was sent. When the room itself is late, what was sent
 * over seconds comes at once: each event counts for the earliest time at which it may have been sent and
 * there was room for it, so that who never sent too fast is never refused.
 */
export class SlidingWindow {
  /** Those that a later event may share a window with, oldest first, and their amounts added up. */
  readonly #events: Event[];
  #total: number;
  readonly #max: number;
  readonly #windowMs: number;

  /** @param times of earlier events in milliseconds, oldest first, to go on from. Each counts once. */
  constructor(max: number, windowMs: number, times: readonly number[] = []) {
    this.#max = max;
    this.#windowMs = windowMs;
    this.#events = times.slice(-max).map((atMs) => ({ atMs, amount: 1 }));
    this.#total = this.#events.length;
  }

  /**
   * Counts an event if there is room for it.
   * @param lateMs how late the room may be with it, in milliseconds.
   * @param amount how much of the maximum it takes.
   */
  take(nowMs: number, lateMs = 0, amount = 1): boolean {
    const atMs = this.#sentMs(nowMs, lateMs, amount);
    if (atMs === null) return false;
    let [oldest] = this.#events;
    while (oldest !== undefined && oldest.atMs + this.#windowMs <= atMs) {
      this.#events.shift();
      this.#total -= oldest.amount;
      [oldest] = this.#events;
    }
    this.#events.push({ atMs, amount });
    this.#total += amount;
    return true;
  }

  /** Whether {@link SlidingWindow.take} would count such an event. */
  hasRoom(nowMs: number, lateMs = 0, amount = 1): boolean {
    return this.#sentMs(nowMs, lateMs, amount) !== null;
  }

  /** Times of the events that still count, in milliseconds, oldest first. */
  times(nowMs: number): number[] {
    return this.#events.map(({ atMs }) => atMs).filter((atMs) => nowMs - atMs < this.#windowMs);
  }

  /** The earliest time for which an event can count; null: there is no room for it by now. */
  #sentMs(nowMs: number, lateMs: number, amount: number): number | null {
    if (amount > this.#max) return null;
    let freeMs = Number.NEGATIVE_INFINITY;
    let total = this.#total;
    for (const event of this.#events) {
      if (total + amount <= this.#max) break;
      total -= event.amount;
      freeMs = event.atMs + this.#windowMs;
    }
    if (freeMs > nowMs) return null;
    const lastMs = this.#events.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    return Math.max(nowMs - Math.min(lateMs, MOST_LATE_MS), lastMs, freeMs);
  }
}
