/**
 * The limits of connections in a room. Whoever is let in gets a seat before the connection is there, so that many who
 * come at once are counted too. Pure: what is taken, no sockets and no clock.
 */

/** A connection as the limits see it. */
export interface Occupant {
  connectionId: string;
  /** Whose it is: a person has one, however many tabs. */
  participantId: string;
  /** Null when the network doesn't say; then only the person is limited. */
  address: string | null;
}

export interface SeatLimits {
  perPerson: number;
  perAddress: number;
  /** How long a seat is kept for a connection that doesn't come, in milliseconds. */
  holdMs: number;
}

export class Seats {
  readonly #limits: SeatLimits;
  /** By ticket: seats whose connection isn't there yet. */
  readonly #held = new Map<string, { occupant: Occupant; untilMs: number }>();

  constructor(limits: SeatLimits) {
    this.#limits = limits;
  }

  /**
   * Whether there is room for one more, and if not, which limit is met.
   * @param present everybody whose connection is there. One with the newcomer's connection id isn't counted: it is about
   *   to be replaced.
   */
  check(
    newcomer: Occupant,
    present: Iterable<Occupant>,
    nowMs: number,
  ): 'free' | 'person_is_full' | 'address_is_full' {
    let ofPerson = 0;
    let ofAddress = 0;
    for (const { connectionId, participantId, address } of [...present, ...this.#heldNow(nowMs)]) {
      if (connectionId === newcomer.connectionId) continue;
      if (participantId === newcomer.participantId) ofPerson += 1;
      if (address !== null && address === newcomer.address) ofAddress += 1;
    }
    if (ofPerson >= this.#limits.perPerson) return 'person_is_full';
    return ofAddress >= this.#limits.perAddress ? 'address_is_full' : 'free';
  }

  /** Whether an address has a connection left, for somebody who isn't known yet. */
  hasRoomFor(address: string, connectionId: string, present: Iterable<Occupant>, nowMs: number): boolean {
    const stranger = { connectionId, participantId: '', address };
    return this.check(stranger, present, nowMs) === 'free';
  }

  /** Keeps a seat until its connection is there, or doesn't come. */
  hold(ticket: string, occupant: Occupant, nowMs: number): void {
    this.#held.set(ticket, { occupant, untilMs: nowMs + this.#limits.holdMs });
  }

  /** The connection is there, or will never be. False when the seat wasn't kept that long, or was used before. */
  release(ticket: string): boolean {
    return this.#held.delete(ticket);
  }

  #heldNow(nowMs: number): Occupant[] {
    for (const [ticket, { untilMs }] of this.#held) if (untilMs <= nowMs) this.#held.delete(ticket);
    return [...this.#held.values()].map(({ occupant }) => occupant);
  }
}
