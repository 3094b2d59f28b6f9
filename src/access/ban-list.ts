/**
 * Bans that end by themselves. A room bans participants who flood it; each isolate of the Worker remembers the tokens
 * that a room refused for a ban, because a banned client comes back at once, a hundred times a second, and each time
 * would cost Postgres a query to find out who it is. Pure: no clock.
 */

/** Bans kept at a time; beyond it the oldest is forgotten. */
const MAX_BANS = 1_000;

export class BanList {
  /** When each ban ends, in milliseconds since the epoch, by what is banned. */
  readonly #untilMs = new Map<string, number>();

  add(key: string, untilMs: number): void {
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size >= MAX_BANS && oldest !== undefined) this.#untilMs.delete(oldest);
    this.#untilMs.delete(key);
    this.#untilMs.set(key, untilMs);
  }

  /** How many milliseconds of the ban are left; 0 when there is none. */
  remainingMs(key: string, nowMs: number): number {
    const remainingMs = (this.#untilMs.get(key) ?? nowMs) - nowMs;
    if (remainingMs <= 0) this.#untilMs.delete(key);
    return Math.max(0, remainingMs);
  }
}
