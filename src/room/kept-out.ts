/**
 * Whom a room keeps out, as far as this isolate's edge has heard: whoever is refused comes again at once, a hundred times a second,
 * and to find out anew each time who he is would cost Postgres a query. Pure: no clock.
 */

/** Kept at a time. Whoever is forgotten asks the room again, that is all. */
const MAX_KEPT = 1_000;

export class KeptOut {
  /** Until when, by the token he comes with. */
  readonly #until = new Map<string, number>();

  add(token: string, untilMs: number): void {
    const [oldest] = this.#until.keys();
    if (this.#until.size >= MAX_KEPT && oldest !== undefined) this.#until.delete(oldest);
    this.#until.set(token, untilMs);
  }

  has(token: string, nowMs: number): boolean {
    const untilMs = this.#until.get(token);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#until.delete(token);
    return false;
  }
}
