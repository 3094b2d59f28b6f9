/** The room's one decision about who may connect: it reserves a place, or says why not. */
import type { BanList } from '../../access/ban-list.ts';
import type { HostedSession } from '../document/hosted-session.ts';
import type { AccessRevocations } from './access-revocations.ts';
import { countedConnectionOf } from './connection.ts';
import type { ConnectionLimits, CountedConnection } from './connection-limits.ts';
import type { AdmissionGrant } from './grant.ts';
import type { Liveness } from './liveness.ts';
import type { Participants } from './participants.ts';
import type { PresenceRecorder } from './presence.ts';
import { refuse, refuseBanned } from './refusal.ts';

interface RoomAdmissionOptions {
  session: Pick<HostedSession, 'open' | 'recordCreated'>;
  participants: Participants;
  revocations: AccessRevocations;
  connectionLimits: ConnectionLimits;
  bans: BanList;
  liveness: Pick<Liveness, 'check'>;
  presence: PresenceRecorder;
}

export class RoomAdmission {
  readonly #options: RoomAdmissionOptions;

  constructor(options: RoomAdmissionOptions) {
    this.#options = options;
  }

  /**
   * Reserves a place for a caller whom the Worker has admitted.
   * @returns the reservation's id, or the refusal.
   * @throws {SessionNotFoundError} and {StorageUnavailableError} when the session can't be opened; no place
   *   is kept then.
   */
  async reserve(grant: AdmissionGrant): Promise<Response> {
    const { session, revocations, connectionLimits, presence } = this.#options;
    // From here to the reservation nothing waits: of any number of callers who come at once, each counts
    // those before it.
    const decision = revocations.check(grant);
    if (!decision.isAllowed) return refuse(decision.status, decision.error, decision.message);
    const refusal = this.#refusalOf(grant);
    if (refusal) return refusal;
    const id = crypto.randomUUID();
    const { role, joinMethod } = decision;
    connectionLimits.reserve(id, { ...grant, role, joinMethod }, Date.now());
    presence.admitted(grant.participantId);
    try {
      if (grant.isNewSession) await session.recordCreated();
      await session.open();
    } catch (error) {
      connectionLimits.release(id);
      throw error;
    }
    return Response.json({ reservation_id: id });
  }

  /**
   * Why this caller would get no place now; null when they would. Reads only, and opens no session.
   * @param newcomer with a `participantId` that is none, for a caller who isn't a participant yet.
   */
  capacity(newcomer: CountedConnection): Response | null {
    return this.#refusalOf(newcomer);
  }

  /** Gives a reserved place back; false when there is none. */
  release(reservationId: string): boolean {
    const { connectionLimits, presence } = this.#options;
    const reservation = connectionLimits.redeem(reservationId, Date.now());
    if (!reservation) return false;
    // Postgres may have shown the participant as present since the place was reserved.
    presence.admitted(reservation.grant.participantId);
    return true;
  }

  #refusalOf(grant: CountedConnection): Response | null {
    const { participants, connectionLimits, bans, liveness } = this.#options;
    const nowMs = Date.now();
    const banRemainingMs = bans.remainingMs(grant.participantId, nowMs);
    if (banRemainingMs > 0) return refuseBanned(banRemainingMs);
    // Clients that are gone keep no caller out.
    liveness.check(nowMs);
    const present = participants.sharing(grant.participantId, grant.address).map(countedConnectionOf);
    switch (connectionLimits.check(grant, present, nowMs)) {
      case 'participant_limit':
        return refuse(429, 'too_many_requests', 'you have too many connections to this session');
      case 'address_limit':
        return refuse(429, 'too_many_requests', 'there are too many connections from your network');
      case 'available':
        return null;
    }
  }
}
