/**
 * The room's clock, as this client knows it from `pong`s: all clients of a session count cycles by it. Of
 * what the room's time can have been between a ping and its pong the middle is taken, and of several the one
 * that came back fastest: it can't be wrong by more than half of that way.
 */

/** Samples that are compared: a clock drifts, so an old one counts no longer. */
const MAX_SAMPLES = 8;
/** Pings that may wait for their pong; an older one is lost. */
const MAX_WAITING = 4;

export class RoomClock {
  readonly #nowMs: () => number;
  /** By request id: when it was sent. */
  readonly #sent = new Map<string, number>();
  #samples: { offsetMs: number; roundTripMs: number }[] = [];
  #count = 0;

  /** @param nowMs a clock that is never set, in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A ping is sent now. @returns its request id. */
  pinged(): string {
    this.#count += 1;
    const id = `clock.${this.#count}`;
    this.#sent.set(id, this.#nowMs());
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > MAX_WAITING && oldest !== undefined) this.#sent.delete(oldest);
    return id;
  }

  /** @param roomMs the room's time, as its pong says. */
  answered(requestId: string, roomMs: number): void {
    const sentMs = this.#sent.get(requestId);
    if (sentMs === undefined) return;
    this.#sent.delete(requestId);
    const nowMs = this.#nowMs();
    this.#samples.push({ offsetMs: roomMs - (sentMs + nowMs) / 2, roundTripMs: nowMs - sentMs });
    this.#samples = this.#samples.slice(-MAX_SAMPLES);
  }

  /** Milliseconds since the epoch by the room's clock; null until it is known. */
  now(): number | null {
    const [first, ...others] = this.#samples;
    if (!first) return null;
    const best = others.reduce((a, b) => (b.roundTripMs <= a.roundTripMs ? b : a), first);
    return this.#nowMs() + best.offsetMs;
  }
}
