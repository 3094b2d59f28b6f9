/**
 * People in sessions: who they are, how they came in, what they may do. None of it is buffered; Postgres has
 * it at once.
 */
import type { Page, PageRequest } from './page.ts';
import type { Invite, NewInvite, Role, UserProfile, Via } from './types.ts';

/** Somebody's place in one session. */
export interface Participant {
  id: string;
  sessionId: string;
  /** null for anonymous people. */
  userId: string | null;
  displayName: string;
  avatarUrl: string | null;
  role: Role;
  via: Via;
  inviteId: string | null;
  joinedAtMs: number;
  /** null: here, as far as the room has said. Who has just been let in is here once the room says so. */
  leftAtMs: number | null;
  removedAtMs: number | null;
}

/** A wish to enter a session, by somebody whose claims have been checked already. */
export interface Entrance {
  sessionId: string;
  /** Signed in. */
  userId: string | null;
  /** From a session token: the place they had. */
  participantId: string | null;
  /** The secret of an invite link. */
  inviteToken: string | null;
  /** null: the name they had, or `fallbackName`. */
  displayName: string | null;
  fallbackName: string;
  /** The id of their place, if they get a new one. */
  newParticipantId: string;
}

/**
 * - `missing`: there is no such session; `ended`: it has ended.
 * - `removed`: the host sent them away for good.
 * - `bad_invite`: the invite is unknown, expired, revoked, used up, or another session's, and nothing else
 *   lets them in.
 * - `refused`: nothing lets them in.
 */
export type EnterOutcome =
  | { outcome: 'entered'; participant: Participant }
  | { outcome: 'missing' | 'ended' | 'removed' | 'bad_invite' | 'refused' };

/** What a caller is in a session: read-only, makes no row and uses no invite. */
export interface Standing {
  /** null: nothing lets them in. */
  role: Role | null;
  /** By which right; null like `role`. */
  via: Via | null;
  /** The invite they came by, if that is their right. */
  inviteId: string | null;
  /** The invite that was asked about, if it would let a newcomer in. */
  invite: { id: string; role: Invite['role'] } | null;
  participantId: string | null;
  /** The name they go by there; null for somebody without a place. */
  displayName: string | null;
  isRemoved: boolean;
  isActive: boolean;
  isDiscoverable: boolean;
}

/**
 * What became of a change to a participant. `missing`: there is no such participant. `owner`: the owner's
 * role and access can't be changed.
 */
export type PlaceOutcome =
  | { outcome: 'changed'; participant: Participant }
  | { outcome: 'missing' | 'owner' };

export interface User {
  id: string;
  name: string | null;
  avatarUrl: string | null;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface PeopleRepository {
  /** Creates or refreshes the user's row. What a token leaves out stays as it was. */
  upsertUser(profile: UserProfile): Promise<User>;

  /**
   * Lets somebody in, or not: their place in the session is made or refreshed, and an invite used if it is
   * needed, in one atomic statement. Somebody who is let in anyway uses no invite, unless it gives them a
   * better role.
   */
  enter(entrance: Entrance): Promise<EnterOutcome>;
  /** null when there is no such session. */
  standing(who: {
    sessionId: string;
    userId: string | null;
    participantId: string | null;
    /** An invite to look at, too; it isn't used by asking. */
    inviteToken: string | null;
  }): Promise<Standing | null>;

  /** Everybody who hasn't expired, in the order they came; removed people only if asked for. */
  participants(sessionId: string, query: PageRequest & { withRemoved: boolean }): Promise<Page<Participant>>;
  /** Gives a role and, to somebody removed, their place back. */
  setRole(sessionId: string, participantId: string, role: Role): Promise<PlaceOutcome>;
  /** Sends somebody away for good. Repeating it changes nothing. */
  remove(sessionId: string, participantId: string): Promise<PlaceOutcome>;
  /** Notes that somebody has left by themselves; false when there is no such participant. */
  leave(sessionId: string, participantId: string): Promise<boolean>;
  /** Who is here now: everybody else of the session has left. Repeating it changes nothing. */
  recordPresence(sessionId: string, presentIds: readonly string[]): Promise<void>;
  /** Deletes anonymous people's places that have expired. */
  deleteExpired(): Promise<number>;

  /** @throws {SessionNotFoundError} when there is no such session, or it has ended. */
  createInvite(input: NewInvite): Promise<Invite>;
  /**
   * The session that an invite's secret is for, if it can still be used or has been; null for one that is
   * unknown or revoked.
   */
  sessionOfInvite(inviteToken: string): Promise<string | null>;
  /** Those that aren't revoked, newest first. */
  invites(sessionId: string, query: PageRequest): Promise<Page<Invite>>;
  /** False when there is no such invite. Repeating it changes nothing. */
  revokeInvite(sessionId: string, inviteId: string): Promise<boolean>;
}
