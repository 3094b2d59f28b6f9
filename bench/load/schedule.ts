/**
 * When what is due: an open loop, which doesn't wait for the system, or a slow one would be asked less. Pure.
 */

/** Events at an even pace, dealt to `turns` in turn. */
export class EvenSchedule {
  readonly #perMs: number;
  readonly #turns: number;
  readonly #total: number;
  readonly #maxLateMs: number;
  #next = 0;
  #lostMs = 0;

  /**
   * @param ratePerS of each turn.
   * @param maxLateMs what is later than this isn't made up for: all that follows is as much later. A server
   *   with a limit a second would refuse what comes at once after a pause.
   */
  constructor(turns: number, ratePerS: number, seconds: number, maxLateMs = Number.POSITIVE_INFINITY) {
    this.#maxLateMs = maxLateMs;
    this.#turns = turns;
    this.#perMs = (turns * ratePerS) / 1000;
    this.#total = Math.round(turns * ratePerS * seconds);
  }

  get isOver(): boolean {
    return this.#next >= this.#total;
  }

  /** The next event that is due, or null. @param elapsedMs since the start. */
  take(elapsedMs: number): { turn: number; lateMs: number } | null {
    if (this.isOver) return null;
    const dueMs = this.#next / this.#perMs + this.#lostMs;
    if (dueMs > elapsedMs) return null;
    this.#lostMs += Math.max(0, elapsedMs - dueMs - this.#maxLateMs);
    const turn = this.#next % this.#turns;
    this.#next += 1;
    return { turn, lateMs: elapsedMs - dueMs };
  }
}
