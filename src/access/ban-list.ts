/**
 * Callers whom a room has banned, as far as this isolate has heard: a refused client comes again at once, a hundred times a second,
 * and to find out anew each time who it is would cost Postgres a query. Pure: no clock.
 */

/** Kept at a time. For one that is forgotten the room is asked again, that is all. */
const MAX_KEPT = 1_000;

export class BanList {
  /** Until when, by the session and token they come with. */
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
