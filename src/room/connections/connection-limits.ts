/**
 * The limits of connections in a room, and the places reserved for admitted callers whose connection isn't
 * there yet. Reservations count like connections, or any number of callers could pass the limits at once.
 * Pure: no sockets, no clock.
 */
import { networkOf } from '../../access/network.ts';
import { ExpiringMap } from '../../domain/expiring-map.ts';
import type { AccessRefusal } from './access-revocations.ts';
import type { AdmissionGrant } from './grant.ts';

/** A connection as the limits count it. */
export type CountedConnection = Pick<AdmissionGrant, 'connectionId' | 'participantId' | 'address' | 'role'>;

interface ConnectionLimitsOptions {
  /** Connections of one participant. */
  perParticipant: number;
  /** From one address: of those who may edit, and of those who only watch. */
  perAddress: number;
  watchersPerAddress: number;
  /** How long a place stays reserved for a connection that doesn't come, in milliseconds. */
  reservationMs: number;
}

interface Reservation {
  /**
   * What the connection will join with. The room changes it when the participant's role changes meanwhile.
   */
  grant: AdmissionGrant;
  /** Set when the caller has lost access meanwhile. */
  refusal: AccessRefusal | null;
}

export class ConnectionLimits {
  readonly #options: ConnectionLimitsOptions;
  /** By reservation id. */
  readonly #reservations = new ExpiringMap<Reservation>();

  constructor(options: ConnectionLimitsOptions) {
    this.#options = options;
  }

  /**
   * The capacity check: whether there is a place for one more connection, and if not, which limit is met.
   * @param present those of the same participant and from the same network that have joined. One with the
   *   newcomer's connection id isn't counted: the newcomer replaces it.
   */
  check(
    newcomer: CountedConnection,
    present: Iterable<CountedConnection>,
    nowMs: number,
  ): 'available' | 'participant_limit' | 'address_limit' {
    let ofParticipant = 0;
    let ofAddress = 0;
    // A subscriber of IPv6 has as many addresses as they like.
    const network = newcomer.address === null ? null : networkOf(newcomer.address);
    const reserved = [...this.reservations(nowMs)].map(({ grant }) => grant);
    const isWatcher = newcomer.role === 'viewer';
    for (const { connectionId, participantId, address, role } of [...present, ...reserved]) {
      if (connectionId === newcomer.connectionId) continue;
      if (participantId === newcomer.participantId) ofParticipant += 1;
      if ((role === 'viewer') !== isWatcher || network === null || address === null) continue;
      if (networkOf(address) === network) ofAddress += 1;
    }
    const { perParticipant, perAddress, watchersPerAddress } = this.#options;
    if (ofParticipant >= perParticipant) return 'participant_limit';
    return ofAddress >= (isWatcher ? watchersPerAddress : perAddress) ? 'address_limit' : 'available';
  }

  /**
   * Reserves a place until its connection joins, or for as long as
   * {@link ConnectionLimitsOptions.reservationMs}.
   */
  reserve(id: string, grant: AdmissionGrant, nowMs: number): void {
    this.#reservations.set(id, { grant, refusal: null }, nowMs + this.#options.reservationMs);
  }

  /** Uses a reservation up; null when there is none: it has expired, was used, or was released. */
  redeem(id: string, nowMs: number): Reservation | null {
    return this.#reservations.take(id, nowMs) ?? null;
  }

  /** Gives a reserved place back; false when there was none. */
  release(id: string): boolean {
    return this.#reservations.delete(id);
  }

  /** The reservations that haven't expired. */
  reservations(nowMs: number): Iterable<Reservation> {
    return this.#reservations.values(nowMs);
  }
}
