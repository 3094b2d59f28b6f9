/**
 * Bans that end by themselves. A room bans participants who flood it; each isolate of the Worker remembers
 * the tokens that a room refused for a ban, because a banned client comes back at once, a hundred times a
 * second, and each time would cost Postgres a query to find out who it is. Pure: no clock.
 */
import { ExpiringMap } from '../domain/expiring-map.ts';

/** Bans kept at a time; beyond it the oldest is forgotten. */
const MAX_BANS = 1_000;

export class BanList {
  /** When each ban ends, in milliseconds since the epoch, by what is banned. */
  readonly #untilMs = new ExpiringMap<number>(MAX_BANS);

  add(key: string, untilMs: number): void {
    this.#untilMs.set(key, untilMs, untilMs);
  }

  /** How many milliseconds of the ban are left; 0 when there is none. */
  remainingMs(key: string, nowMs: number): number {
    return (this.#untilMs.get(key, nowMs) ?? nowMs) - nowMs;
  }
}
