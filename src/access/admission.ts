/**
 * Who may enter a session, and in which role: the same decision for a room's connections and for the API's
 * routes.
 *
 * A caller has access by their membership (a row of `session_participants` or `anonymous_participants`), as
 * the session's owner, by an invite, or because the session is discoverable. The repository decides that in
 * one statement; a token only says who the caller is.
 */

import { RevokedTokenError, StorageUnavailableError } from '../domain/errors.ts';
import { guestName } from '../domain/guest-names.ts';
import type { AccessCheck, EnterOutcome, PeopleRepository } from '../domain/people.ts';
import type { SessionRepository } from '../domain/types.ts';
import type {
  AdmissionOutcome,
  AdmissionRequest,
  Admitted,
  RoomReservation,
  StrangerGuard,
} from './admission-types.ts';
import { type Caller, callerOf, epochOf, identify, isFor, isStranger, type TokenVerifier } from './caller.ts';
import { guardedByInvite, type InviteGuard } from './invite-guard.ts';
import { NewSessions } from './new-sessions.ts';
import { badInvite, badToken, type Refusal, refusal, unavailable } from './refusals.ts';
import type { VerifiedAccess } from './session-token.ts';

interface AdmissionPorts {
  sessions: Pick<SessionRepository, 'createSession' | 'getSession'>;
  people: Pick<PeopleRepository, 'upsertUser' | 'enter' | 'checkAccess' | 'sessionOfInvite'>;
  tokens: TokenVerifier;
  inviteGuard: InviteGuard;
  strangers: StrangerGuard;
}

/** The request of a caller who has an invite and no session id: the invite says which session it is for. */
type JoinRequest = Pick<AdmissionRequest, 'token' | 'displayName' | 'address' | 'anonymousId'> & {
  invite: string;
};

/** The participant whom the caller is, without an account, as far as that is known. */
function participantIdOf(caller: Caller, { anonymousId }: AdmissionRequest): string | null {
  if (caller.kind === 'participant') return caller.access.participantId;
  return caller.kind === 'anonymous' ? (anonymousId ?? null) : null;
}

export class Admission {
  readonly #ports: AdmissionPorts;
  readonly #newSessions: NewSessions;

  constructor(ports: AdmissionPorts) {
    this.#ports = ports;
    this.#newSessions = new NewSessions(ports);
  }

  /**
   * Admits a caller, or says why not. Never throws for what a caller or a store may do wrong.
   * @param room reserves a place before an invite is used: a room that is full, or has banned the caller,
   *   must not cost them an invite. Where the caller isn't admitted, the place is released.
   */
  enter(request: AdmissionRequest, room?: RoomReservation): Promise<AdmissionOutcome> {
    return guardedByInvite(this.#ports.inviteGuard, request, () => this.#admit(request, room));
  }

  /** Admits a caller to the session that an invite is for, or says why not; as `enter` otherwise. */
  join(request: JoinRequest): Promise<AdmissionOutcome> {
    return guardedByInvite(this.#ports.inviteGuard, request, async () => {
      let sessionId: string | null;
      try {
        sessionId = await this.#ports.people.sessionOfInvite(request.invite);
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        return unavailable();
      }
      // One answer for an unknown, an expired and a used-up invite: the difference would help to guess
      // invites.
      if (sessionId === null) return badInvite();
      return this.#admit({ ...request, sessionId, previousSessionId: null });
    });
  }

  /**
   * Admits a caller. For a connection, one whose token has expired is anyone without a token: an invite or
   * discovery may let them in all the same. Where that doesn't, they hear what is the matter.
   */
  async #admit(request: AdmissionRequest, room?: RoomReservation): Promise<AdmissionOutcome> {
    const outcome = await this.#admitAs(request, room);
    if (outcome.ok || !room || !(await this.#wantsAnonymously(request, outcome))) return outcome;
    return expiredIfRefused(await this.#admitAs({ ...request, token: null }, room));
  }

  /** Whether nothing but an expired token speaks against the caller. */
  async #wantsAnonymously({ token, sessionId }: AdmissionRequest, refused: Refusal): Promise<boolean> {
    if (!refused.isBadToken || token === null || sessionId === null) return false;
    return this.#ports.tokens.hasExpired(token);
  }

  async #admitAs(request: AdmissionRequest, room?: RoomReservation): Promise<AdmissionOutcome> {
    const { sessionId, token, invite } = request;
    let caller: Caller | null = null;
    let outcome: AdmissionOutcome;
    let isReserved = false;
    try {
      caller = await callerOf(token, this.#ports.tokens);
      if (!caller) return badToken();
      const refused = await this.#refusalOfStranger(caller, request);
      if (refused) return refused;
      if (sessionId === null) {
        outcome = { ok: true, admitted: await this.#newSessions.create(request, caller) };
      } else if (invite === null || room === undefined) {
        const newParticipantId = request.anonymousId ?? crypto.randomUUID();
        outcome = await this.#enter(request, sessionId, caller, newParticipantId);
      } else {
        const newParticipantId = crypto.randomUUID();
        const prospect = await this.#prospect(request, sessionId, caller, newParticipantId);
        if (!prospect.ok) return prospect;
        const refused = await room.reserve(prospect.admitted);
        if (refused) return refused;
        isReserved = true;
        outcome = await this.#enter(request, sessionId, caller, newParticipantId);
        // The caller's access has changed since it was read: the host gave them a role, or another tab of
        // theirs became the participant first. The place is reserved for what they were; below, one is
        // reserved for what they are.
        if (!outcome.ok || !isSameAdmission(outcome.admitted, prospect.admitted)) {
          isReserved = false;
          await room.release();
        }
      }
    } catch (error) {
      if (isReserved) await room?.release();
      if (error instanceof RevokedTokenError) return badToken();
      if (!(error instanceof StorageUnavailableError)) throw error;
      if (isReserved || sessionId === null || caller?.kind !== 'participant' || !isFor(caller, sessionId)) {
        return unavailable();
      }
      outcome = { ok: true, admitted: { ...admittedBy(caller.access), isUnconfirmed: true } };
    }
    if (outcome.ok && room && !isReserved) return (await room.reserve(outcome.admitted)) ?? outcome;
    return outcome;
  }

  /**
   * Why the caller would not be admitted to a session; null when they would be. Reads only: no invite is
   * used.
   */
  check(request: AdmissionRequest): Promise<Refusal | null> {
    return guardedByInvite(this.#ports.inviteGuard, request, () => this.#check(request));
  }

  async #check(request: AdmissionRequest): Promise<Refusal | null> {
    const refused = await this.#checkAs(request);
    if (!refused || !(await this.#wantsAnonymously(request, refused))) return refused;
    const anonymous = await this.#checkAs({ ...request, token: null });
    return anonymous && expiredIfRefused(anonymous);
  }

  async #checkAs(request: AdmissionRequest): Promise<Refusal | null> {
    const { sessionId, token } = request;
    let caller: Caller | null = null;
    try {
      caller = await callerOf(token, this.#ports.tokens);
      if (!caller) return badToken();
      const { strangers } = this.#ports;
      // Not counted: no session is made.
      if (sessionId === null) return isStranger(caller) ? strangers.refusalOf('session') : null;
      // Counted: it costs a query, like an entry.
      if (caller.kind === 'anonymous') {
        const refused = await strangers.take('entry', request.address ?? null);
        if (refused) return refused;
      }
      const prospect = await this.#prospect(request, sessionId, caller, '');
      return prospect.ok ? null : prospect;
    } catch (error) {
      if (error instanceof RevokedTokenError) return badToken();
      if (!(error instanceof StorageUnavailableError)) throw error;
      const isTheirs = sessionId !== null && caller?.kind === 'participant' && isFor(caller, sessionId);
      return isTheirs ? null : unavailable();
    }
  }

  /**
   * What `#enter` would do now. Reads only.
   * @param newParticipantId of a caller without a membership in the session.
   */
  async #prospect(
    { invite, displayName }: AdmissionRequest,
    sessionId: string,
    caller: Caller,
    newParticipantId: string,
  ): Promise<AdmissionOutcome> {
    if (caller.kind === 'participant' && !isFor(caller, sessionId)) return ofAnotherSession();
    const { userId, name, avatarUrl } = await identify(caller, this.#ports.people);
    const participantId = caller.kind === 'participant' ? caller.access.participantId : null;
    const epoch = epochOf(caller);
    const found = await this.#ports.people.checkAccess({
      sessionId,
      userId,
      epoch,
      participantId,
      inviteToken: invite,
    });
    if (!found) return refusalOf('missing', caller);
    if (!found.isActive) return refusalOf('ended', caller);
    // An owner can't be removed from their own session.
    if (found.isRemoved && found.joinMethod !== 'owner') return refusalOf('removed', caller);
    const access = accessOf(found);
    if (!access) return refusalOf(invite === null ? 'refused' : 'bad_invite', caller);
    return {
      ok: true,
      admitted: {
        sessionId,
        participantId: found.participantId ?? newParticipantId,
        userId,
        epoch,
        displayName: displayName ?? found.displayName ?? name ?? guestName(access.role),
        avatarUrl,
        ...access,
        isUnconfirmed: false,
        session: null,
      },
    };
  }

  async #enter(
    request: AdmissionRequest,
    sessionId: string,
    caller: Caller,
    newParticipantId: string,
  ): Promise<AdmissionOutcome> {
    if (caller.kind === 'participant' && !isFor(caller, sessionId)) return ofAnotherSession();
    const who = await identify(caller, this.#ports.people);
    const epoch = epochOf(caller);
    const entered = await this.#ports.people.enter({
      sessionId,
      userId: who.userId,
      epoch,
      participantId: participantIdOf(caller, request),
      inviteToken: request.invite,
      displayName: request.displayName,
      fallbackName: who.name,
      newParticipantId,
    });
    if (entered.outcome !== 'entered') return refusalOf(entered.outcome, caller);
    const { id, role, joinMethod, inviteId, displayName } = entered.participant;
    return {
      ok: true,
      admitted: {
        sessionId,
        participantId: id,
        userId: who.userId,
        epoch,
        displayName,
        avatarUrl: who.avatarUrl,
        role,
        joinMethod,
        inviteId,
        isUnconfirmed: false,
        session: null,
      },
    };
  }

  /**
   * Who makes a session without an account is counted, with an anonymous participant's session token too; who
   * enters one, when they have no token: one who comes back has a place already.
   */
  async #refusalOfStranger(
    caller: Caller,
    { sessionId, address = null }: AdmissionRequest,
  ): Promise<Refusal | null> {
    const { strangers } = this.#ports;
    if (sessionId === null) {
      const refused = isStranger(caller) ? await strangers.take('session', address) : null;
      // There is nothing wrong with a session token: it only isn't an account.
      return refused?.status === 401 && caller.kind === 'participant'
        ? refusal(403, 'forbidden', refused.message)
        : refused;
    }
    return caller.kind === 'anonymous' ? strangers.take('entry', address) : null;
  }
}

/**
 * The access that a caller would have. `PeopleRepository.enter` decides it, and this has to choose as that
 * does.
 */
function accessOf({
  role,
  joinMethod,
  inviteId,
  invite,
}: AccessCheck): Pick<Admitted, 'role' | 'joinMethod' | 'inviteId'> | null {
  const isInAlready =
    role !== null &&
    joinMethod !== 'discovery' &&
    (role !== 'viewer' || invite === null || invite.role === 'viewer');
  if (invite && joinMethod !== 'owner' && !isInAlready)
    return { role: invite.role, joinMethod: 'invite', inviteId: invite.id };
  return role !== null && joinMethod !== null ? { role, joinMethod, inviteId } : null;
}

function isSameAdmission(a: Admitted, b: Admitted): boolean {
  return (
    a.participantId === b.participantId &&
    a.role === b.role &&
    a.joinMethod === b.joinMethod &&
    a.inviteId === b.inviteId
  );
}

/** What a session token says, unconfirmed. */
function admittedBy({ expiresAtS: _, ...access }: VerifiedAccess): Omit<Admitted, 'isUnconfirmed'> {
  return {
    ...access,
    joinMethod: access.joinMethod ?? 'grant',
    inviteId: access.inviteId ?? null,
    epoch: access.epoch ?? null,
    session: null,
  };
}

/** A refusal of who came with an expired token: with a new one they may well be let in. */
function expiredIfRefused<T extends { ok: true } | Refusal>(outcome: T): T | Refusal {
  if (outcome.ok || (outcome.status !== 401 && outcome.status !== 403)) return outcome;
  const expired = refusal(401, 'unauthorized', 'the token has expired');
  return outcome.isBadInvite ? { ...expired, isBadInvite: true } : expired;
}

function ofAnotherSession(): Refusal {
  return refusal(403, 'forbidden', 'the token is for another session');
}

function refusalOf(outcome: Exclude<EnterOutcome['outcome'], 'entered'>, caller: Caller): Refusal {
  switch (outcome) {
    case 'missing':
      return refusal(404, 'not_found', 'there is no such session');
    case 'ended':
      return refusal(410, 'not_found', 'the session has ended');
    case 'removed':
      return refusal(403, 'forbidden', 'the host has removed you from this session');
    case 'bad_invite':
      return badInvite();
    case 'refused':
      return caller.kind === 'anonymous'
        ? refusal(401, 'unauthorized', 'you need an invite to this session, or its host has to let you in')
        : refusal(403, 'forbidden', 'you have no access to this session');
  }
}
