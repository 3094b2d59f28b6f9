/**
 * The limits of connections in a room, and the places it keeps for callers who were let in and whose connection isn't there yet, so
 * that many who come at once are counted too. Pure: what is reserved, no sockets and no clock.
 */
import type { AdmissionGrant } from './grant.ts';
import type { Refused } from './standing-notes.ts';

/** A connection as the limits see it. */
export type Occupant = Pick<AdmissionGrant, 'connectionId' | 'participantId' | 'address'>;

export interface ConnectionLimitsOptions {
  /** Connections of one participant, and from one address. */
  perPerson: number;
  perAddress: number;
  /** How long a place is kept for a connection that doesn't come, in milliseconds. */
  holdMs: number;
}

/** A place that is kept. */
export interface Reservation {
  /** What holds when the connection is there: the room changes it when a standing changes meanwhile. */
  grant: AdmissionGrant;
  /** Set when the caller may not be in any more. */
  refused: Refused | null;
}

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  /** By id. */
  readonly #reserved = new Map<string, Reservation & { untilMs: number }>();

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /**
   * Whether there is a place for one more, and if not, which limit is met.
   * @param present the connections that are there. One with the newcomer's connection id isn't counted: the newcomer replaces it.
   */
  check(
    newcomer: Occupant,
    present: Iterable<Occupant>,
    nowMs: number,
  ): 'free' | 'person_is_full' | 'address_is_full' {
    let ofPerson = 0;
    let ofAddress = 0;
    const reserved = [...this.reservations(nowMs)].map(({ grant }) => grant);
    for (const { connectionId, participantId, address } of [...present, ...reserved]) {
      if (connectionId === newcomer.connectionId) continue;
      if (participantId === newcomer.participantId) ofPerson += 1;
      if (address !== null && address === newcomer.address) ofAddress += 1;
    }
    if (ofPerson >= this.#options.perPerson) return 'person_is_full';
    return ofAddress >= this.#options.perAddress ? 'address_is_full' : 'free';
  }

  /** Keeps a place until its connection is there, or doesn't come. */
  reserve(id: string, grant: AdmissionGrant, nowMs: number): void {
    this.#reserved.set(id, { grant, refused: null, untilMs: nowMs + this.#options.holdMs });
  }

  /** Ends a reservation; null when there is none, as it wasn't kept that long or was used before. */
  take(id: string, nowMs: number): Reservation | null {
    const reservation = this.#reserved.get(id);
    this.#reserved.delete(id);
    return reservation && nowMs < reservation.untilMs ? reservation : null;
  }

  /** The places that are kept now. */
  *reservations(nowMs: number): Iterable<Reservation> {
    for (const [id, reservation] of this.#reserved) {
      if (reservation.untilMs <= nowMs) this.#reserved.delete(id);
      else yield reservation;
    }
  }
}
