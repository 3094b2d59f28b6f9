/**
 * Who may enter a session, and as what: the same decision for a room's connections and for the API's routes.
 *
 * What lets somebody in is their place in the session (`session_participants`, `anonymous_participants`), their owning it,
 * an invite, or the session's being discoverable; the repository decides in one statement. A token only says who they are.
 */

import { StorageUnavailableError } from '../domain/errors.ts';
import type { EnterOutcome, PeopleRepository, Standing } from '../domain/people.ts';
import type { Role, Session, SessionRepository, UserProfile, Via } from '../domain/types.ts';
import type { ErrorCode } from '../protocol/messages.ts';
import type { SessionAccess } from './session-token.ts';

/** What people are called who give no name. */
export const DEFAULT_DISPLAY_NAME = 'Anonymous';

export interface AdmissionRequest {
  /** null: make a new session, whose host this is. */
  sessionId: string | null;
  /** A session token or a user's own. */
  token: string | null;
  invite: string | null;
  displayName: string | null;
  /** For a new session: the one whose code it starts with, if the caller may read that. */
  previousSessionId: string | null;
  /** Where the caller is, as the network says. Without it, bad invites aren't counted. */
  address?: string | null;
  title?: string;
  code?: string;
  isDiscoverable?: boolean;
}

export interface Admitted {
  sessionId: string;
  participantId: string;
  userId: string | null;
  displayName: string;
  avatarUrl: string | null;
  role: Role;
  via: Via;
  inviteId: string | null;
  /** Postgres was out of reach: this is a session token's word, which may be out of date. */
  isUnconfirmed: boolean;
  /** The session, if it was made by this. */
  session: Session | null;
}

export interface Refusal {
  ok: false;
  status: 400 | 401 | 403 | 404 | 410 | 429 | 503;
  error: ErrorCode;
  message: string;
  /** Set when it was the invite that didn't do. */
  isBadInvite?: true;
  /** When it makes sense to try again, in seconds; only where that is known. */
  retryAfterS?: number;
}

/**
 * Asks a session's room for a place, before anything is used up for it.
 * @returns null when the room keeps a place, else why it doesn't.
 */
export type Reserve = (admitted: Admitted) => Promise<Refusal | null>;

export type AdmissionOutcome = { ok: true; admitted: Admitted } | Refusal;

/** Checks tokens; both answer null for one that isn't valid. */
export interface TokenVerifier {
  session(token: string): Promise<SessionAccess | null>;
  user(token: string): Promise<UserProfile | null>;
}

/** Keeps invites from being guessed. Neither throws for want of a store. */
export interface InviteGuard {
  /** False when an address has come with too many bad invites lately. */
  mayTry(address: string): Promise<boolean>;
  /** Counts a bad one. */
  failed(address: string): Promise<void>;
}

export interface AdmissionPorts {
  sessions: Pick<SessionRepository, 'createSession' | 'getSession'>;
  people: Pick<PeopleRepository, 'upsertUser' | 'enter' | 'standing' | 'sessionOfInvite'>;
  tokens: TokenVerifier;
  inviteGuard: InviteGuard;
}

/** Somebody who has nothing but an invite: it says which session it is for. */
export type JoinRequest = Pick<AdmissionRequest, 'token' | 'displayName' | 'address'> & { invite: string };

/** The caller, as far as a token says. */
export type Caller =
  | { kind: 'nobody' }
  | { kind: 'user'; profile: UserProfile }
  | { kind: 'participant'; access: SessionAccess };

/** Who a token's bearer is; null when there is a token and it isn't valid: nobody is made anonymous without knowing it. */
export async function callerOf(token: string | null, tokens: TokenVerifier): Promise<Caller | null> {
  if (token === null) return { kind: 'nobody' };
  const access = await tokens.session(token);
  if (access) return { kind: 'participant', access };
  const profile = await tokens.user(token);
  return profile && { kind: 'user', profile };
}

export class Admission {
  readonly #ports: AdmissionPorts;

  constructor(ports: AdmissionPorts) {
    this.#ports = ports;
  }

  /**
   * Lets a caller in, or says why not. Never throws for what a caller or a store may do wrong.
   * @param reserve asked before an invite is used, so that a room that is full or has banned the caller costs them none.
   */
  enter(request: AdmissionRequest, reserve?: Reserve): Promise<AdmissionOutcome> {
    return this.#guarded(request, () => this.#admit(request, reserve));
  }

  /** Lets somebody into the session that an invite is for, or says why not; as `enter` otherwise. */
  join(request: JoinRequest): Promise<AdmissionOutcome> {
    return this.#guarded(request, async () => {
      let sessionId: string | null;
      try {
        sessionId = await this.#ports.people.sessionOfInvite(request.invite);
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        return unavailable();
      }
      // Whether it never was, has expired or is used up is nobody's business who doesn't have a good one.
      if (sessionId === null) return badInvite();
      return this.#admit({ ...request, sessionId, previousSessionId: null });
    });
  }

  /** Answers somebody who comes with an invite, unless they have come with too many bad ones; counts one that is bad. */
  async #guarded<T extends AdmissionOutcome | Refusal | null>(
    { invite, address = null }: Pick<AdmissionRequest, 'invite' | 'address'>,
    answer: () => Promise<T>,
  ): Promise<T | Refusal> {
    if (invite === null || address === null) return answer();
    const { inviteGuard } = this.#ports;
    if (!(await inviteGuard.mayTry(address))) {
      return refusal(429, 'too_many_requests', 'too many invites that are not valid, try again in a minute');
    }
    const outcome = await answer();
    if (outcome !== null && !outcome.ok && outcome.isBadInvite) await inviteGuard.failed(address);
    return outcome;
  }

  async #admit(request: AdmissionRequest, reserve?: Reserve): Promise<AdmissionOutcome> {
    const { sessionId, token, invite } = request;
    let caller: Caller | null = null;
    let outcome: AdmissionOutcome;
    let isReserved = false;
    try {
      caller = await callerOf(token, this.#ports.tokens);
      if (!caller) return refusal(401, 'unauthorized', 'the token is not valid or has expired');
      if (sessionId === null) {
        outcome = await this.#create(request, caller);
      } else if (invite === null || reserve === undefined) {
        outcome = await this.#enter(request, sessionId, caller, crypto.randomUUID());
      } else {
        const newParticipantId = crypto.randomUUID();
        const prospect = await this.#prospect(request, sessionId, caller, newParticipantId);
        if (!prospect.ok) return prospect;
        const refused = await reserve(prospect.admitted);
        if (refused) return refused;
        isReserved = true;
        outcome = await this.#enter(request, sessionId, caller, newParticipantId);
        // What lets them in has changed in between: the place is kept for what they were.
        if (outcome.ok && !isSameAdmission(outcome.admitted, prospect.admitted)) return unavailable();
      }
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      if (isReserved || sessionId === null || caller?.kind !== 'participant' || !isFor(caller, sessionId)) {
        return unavailable();
      }
      outcome = { ok: true, admitted: { ...admittedBy(caller.access), isUnconfirmed: true } };
    }
    if (outcome.ok && reserve && !isReserved) return (await reserve(outcome.admitted)) ?? outcome;
    return outcome;
  }

  /** What speaks against entering a session, or null: nobody enters by asking, and no invite is used. */
  check(request: AdmissionRequest): Promise<Refusal | null> {
    return this.#guarded(request, () => this.#check(request));
  }

  async #check(request: AdmissionRequest): Promise<Refusal | null> {
    const { sessionId, token } = request;
    let caller: Caller | null = null;
    try {
      caller = await callerOf(token, this.#ports.tokens);
      if (!caller) return refusal(401, 'unauthorized', 'the token is not valid or has expired');
      // Anybody may make a new session.
      if (sessionId === null) return null;
      const prospect = await this.#prospect(request, sessionId, caller, '');
      return prospect.ok ? null : prospect;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      const isTheirs = sessionId !== null && caller?.kind === 'participant' && isFor(caller, sessionId);
      return isTheirs ? null : unavailable();
    }
  }

  /**
   * What `#enter` would do now, by reading alone.
   * @param newParticipantId of a caller without a place in the session.
   */
  async #prospect(
    { invite, displayName }: AdmissionRequest,
    sessionId: string,
    caller: Caller,
    newParticipantId: string,
  ): Promise<AdmissionOutcome> {
    if (caller.kind === 'participant' && !isFor(caller, sessionId)) return ofAnotherSession();
    const { userId, name, avatarUrl } = await this.#identify(caller);
    const participantId = caller.kind === 'participant' ? caller.access.participantId : null;
    const standing = await this.#ports.people.standing({
      sessionId,
      userId,
      participantId,
      inviteToken: invite,
    });
    if (!standing) return refusalOf('missing', caller);
    if (!standing.isActive) return refusalOf('ended', caller);
    // Nobody is removed from what they own.
    if (standing.isRemoved && standing.via !== 'owner') return refusalOf('removed', caller);
    const way = wayIn(standing);
    if (!way) return refusalOf(invite === null ? 'refused' : 'bad_invite', caller);
    return {
      ok: true,
      admitted: {
        sessionId,
        participantId: standing.participantId ?? newParticipantId,
        userId,
        displayName: displayName ?? standing.displayName ?? name ?? DEFAULT_DISPLAY_NAME,
        avatarUrl,
        ...way,
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
    const who = await this.#identify(caller);
    const entered = await this.#ports.people.enter({
      sessionId,
      userId: who.userId,
      participantId: caller.kind === 'participant' ? caller.access.participantId : null,
      inviteToken: request.invite,
      displayName: request.displayName,
      fallbackName: who.name ?? DEFAULT_DISPLAY_NAME,
      newParticipantId,
    });
    if (entered.outcome !== 'entered') return refusalOf(entered.outcome, caller);
    const { id, role, via, inviteId, displayName } = entered.participant;
    return {
      ok: true,
      admitted: {
        sessionId,
        participantId: id,
        userId: who.userId,
        displayName,
        avatarUrl: who.avatarUrl,
        role,
        via,
        inviteId,
        isUnconfirmed: false,
        session: null,
      },
    };
  }

  async #create(request: AdmissionRequest, caller: Caller): Promise<AdmissionOutcome> {
    const code = request.code ?? (await this.#previousCode(request.previousSessionId, caller));
    const who = await this.#identify(caller);
    const displayName = request.displayName ?? who.name ?? DEFAULT_DISPLAY_NAME;
    const participantId = crypto.randomUUID();
    const session = await this.#ports.sessions.createSession({
      title: request.title ?? '',
      code,
      isDiscoverable: request.isDiscoverable ?? false,
      hostUserId: who.userId,
      host: { participantId, displayName },
    });
    return {
      ok: true,
      admitted: {
        sessionId: session.id,
        participantId,
        userId: who.userId,
        displayName,
        avatarUrl: who.avatarUrl,
        role: 'host',
        via: 'owner',
        inviteId: null,
        isUnconfirmed: false,
        session,
      },
    };
  }

  /** The code of a session that the caller may read; of any other, and of none, the empty one. */
  async #previousCode(sessionId: string | null, caller: Caller): Promise<string> {
    if (sessionId === null) return '';
    const isTheirs = caller.kind === 'participant' && isFor(caller, sessionId);
    const standing = await this.#ports.people.standing({
      sessionId,
      userId: (await this.#identify(caller)).userId,
      participantId: isTheirs ? caller.access.participantId : null,
      inviteToken: null,
    });
    if (!standing?.role) return '';
    return (await this.#ports.sessions.getSession(sessionId))?.code ?? '';
  }

  async #identify(
    caller: Caller,
  ): Promise<{ userId: string | null; name: string | null; avatarUrl: string | null }> {
    switch (caller.kind) {
      case 'nobody':
        return { userId: null, name: null, avatarUrl: null };
      case 'participant': {
        const { userId, displayName, avatarUrl } = caller.access;
        return { userId, name: displayName, avatarUrl };
      }
      case 'user': {
        const { id, name, avatarUrl } = await this.#ports.people.upsertUser(caller.profile);
        return { userId: id, name, avatarUrl };
      }
    }
  }
}

/** By which right a caller would be in: as `PeopleRepository.enter` chooses it, which is the one that counts. */
function wayIn({
  role,
  via,
  inviteId,
  invite,
}: Standing): Pick<Admitted, 'role' | 'via' | 'inviteId'> | null {
  const isInAlready =
    role !== null &&
    via !== 'discovery' &&
    (role !== 'viewer' || invite === null || invite.role === 'viewer');
  if (invite && via !== 'owner' && !isInAlready)
    return { role: invite.role, via: 'invite', inviteId: invite.id };
  return role !== null && via !== null ? { role, via, inviteId } : null;
}

function isSameAdmission(a: Admitted, b: Admitted): boolean {
  return (
    a.participantId === b.participantId && a.role === b.role && a.via === b.via && a.inviteId === b.inviteId
  );
}

function isFor(caller: Extract<Caller, { kind: 'participant' }>, sessionId: string): boolean {
  return caller.access.sessionId === sessionId;
}

/** What a session token says, taken at its word. */
function admittedBy(access: SessionAccess): Omit<Admitted, 'isUnconfirmed'> {
  return { ...access, via: access.via ?? 'grant', inviteId: access.inviteId ?? null, session: null };
}

function refusal(status: Refusal['status'], error: ErrorCode, message: string): Refusal {
  return { ok: false, status, error, message };
}

function unavailable(): Refusal {
  return refusal(503, 'server_error', 'storage is out of reach, try again in a moment');
}

function badInvite(): Refusal {
  return { ...refusal(403, 'forbidden', 'the invite is not valid'), isBadInvite: true };
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
      return caller.kind === 'nobody'
        ? refusal(401, 'unauthorized', 'this session needs a token or an invite')
        : refusal(403, 'forbidden', 'you have no access to this session');
  }
}
