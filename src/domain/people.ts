/**
 * Users, and participants of sessions: who they are, how they joined, what they may do. None of it is
 * buffered: it is written to Postgres at once.
 */
import type { Page, PageRequest } from './page.ts';
import type { Invite, JoinMethod, NewInvite, Role, UserProfile } from './types.ts';

/** A participant: the membership of one user, or of one anonymous client, in one session. */
export interface Participant {
  id: string;
  sessionId: string;
  /** null for anonymous participants. */
  userId: string | null;
  displayName: string;
  avatarUrl: string | null;
  role: Role;
  joinMethod: JoinMethod;
  inviteId: string | null;
  joinedAtMs: number;
  /** null: present, as far as the room has reported. New participants are present once it has. */
  leftAtMs: number | null;
  removedAtMs: number | null;
}

/** A caller's request to enter a session. Their token has been checked already. */
export interface EntryRequest {
  sessionId: string;
  /** null for callers who aren't signed in. */
  userId: string | null;
  /** The user's `token_epoch` as their token names it; null where it names none. */
  epoch: string | null;
  /** The membership that a session token names. */
  participantId: string | null;
  /** The secret of an invite link. */
  inviteToken: string | null;
  /** null: the name of their membership, or `fallbackName`, or what their role is called. */
  displayName: string | null;
  fallbackName: string | null;
  /** The id of their membership, if a new one is made. */
  newParticipantId: string;
}

/**
 * - `missing`: there is no such session; `ended`: it has ended.
 * - `removed`: the host removed them.
 * - `bad_invite`: the invite is unknown, expired, revoked, used up, or another session's, and nothing else
 *   lets them in.
 * - `refused`: nothing lets them in.
 */
export type EnterOutcome =
  | { outcome: 'entered'; participant: Participant }
  | { outcome: 'missing' | 'ended' | 'removed' | 'bad_invite' | 'refused' };

/** What an invite leads to. */
export interface InvitePreview {
  sessionId: string;
  title: string;
  /** null: the host has given none. */
  hostName: string | null;
  role: Invite['role'];
  /** Participants who are connected now. */
  participantCount: number;
}

/** A caller whom a host lets in. */
export interface LetInRequest {
  sessionId: string;
  /** null for callers who aren't signed in. */
  userId: string | null;
  /** Their membership, or the id of the one that is made. */
  participantId: string;
  displayName: string;
  role: Invite['role'];
  /** Also a participant who was removed. */
  readmit: boolean;
}

/** A caller's access to a session. Checking it changes nothing: no row is made, no invite is used. */
export interface AccessCheck {
  /** null: they have no access. */
  role: Role | null;
  /** What gives them access; null like `role`. */
  joinMethod: JoinMethod | null;
  /** The invite that gives them access, if one does. */
  inviteId: string | null;
  /** The invite of the request, if it is usable. */
  invite: { id: string; role: Invite['role'] } | null;
  participantId: string | null;
  /** Their name in the session; null for a caller without a membership. */
  displayName: string | null;
  isRemoved: boolean;
  isActive: boolean;
  isDiscoverable: boolean;
}

/**
 * The outcome of a change to a membership. `missing`: there is no such participant; `owner`: the owner's
 * membership can't be changed.
 */
export type MembershipOutcome =
  | { outcome: 'changed'; participant: Participant }
  | { outcome: 'missing' | 'owner' };

export interface User {
  id: string;
  name: string | null;
  avatarUrl: string | null;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface PeopleRepository {
  /**
   * Creates or refreshes the user's row. What a token leaves out stays as it was. A token of our own creates
   * nothing and changes nothing: signing in did.
   * @throws {RevokedTokenError} for a token of our own that was revoked.
   */
  upsertUser(profile: UserProfile): Promise<User>;

  /**
   * Admits a caller, or refuses: in one atomic statement their membership is made or refreshed, and an invite
   * is used if it is needed. A caller who has access anyway uses no invite, unless it gives a better role.
   * @throws {RevokedTokenError} for a token that the user has revoked; then nothing is used.
   */
  enter(request: EntryRequest): Promise<EnterOutcome>;
  /**
   * null when there is no such session.
   * @throws {RevokedTokenError} for a token that the user has revoked.
   */
  checkAccess(who: {
    sessionId: string;
    userId: string | null;
    /** The user's `token_epoch` as their token names it; null where it names none. */
    epoch: string | null;
    participantId: string | null;
    /** An invite to check, too; checking doesn't use it. */
    inviteToken: string | null;
  }): Promise<AccessCheck | null>;

  /**
   * Gives a caller a membership by a host's word, as {@link setRole} does for one who has a membership. Of
   * the outcomes of entering, `bad_invite` doesn't occur; `refused`: the session is theirs. Repeating it
   * changes nothing.
   */
  letIn(request: LetInRequest): Promise<EnterOutcome>;

  /** Those who haven't expired, in the order they joined; removed participants only with `withRemoved`. */
  participants(sessionId: string, query: PageRequest & { withRemoved: boolean }): Promise<Page<Participant>>;
  /** Gives a participant a role, and a removed one their membership back. */
  setRole(sessionId: string, participantId: string, role: Role): Promise<MembershipOutcome>;
  /** Gives a participant another name; null when there is no such participant, or they were removed. */
  rename(sessionId: string, participantId: string, displayName: string): Promise<Participant | null>;
  /** Removes a participant. Repeating it changes nothing. */
  remove(sessionId: string, participantId: string): Promise<MembershipOutcome>;
  /** Records that a participant has left; false when there is no such participant. */
  leave(sessionId: string, participantId: string): Promise<boolean>;
  /**
   * Records who is present; all others of the session have left. Repeating it changes nothing.
   * @param guestNames what the room calls the nameless among them, by their ids.
   */
  recordPresence(
    sessionId: string,
    presentIds: readonly string[],
    guestNames?: ReadonlyMap<string, string>,
  ): Promise<void>;
  /** Deletes anonymous memberships that have expired. */
  deleteExpired(): Promise<number>;

  /** @throws {SessionNotFoundError} when there is no such session, or it has ended. */
  createInvite(input: NewInvite): Promise<Invite>;
  /**
   * The session that an invite's secret is for, if it can still be used or has been; null for one that is
   * unknown or revoked.
   */
  sessionOfInvite(inviteToken: string): Promise<string | null>;
  /**
   * What an invite leads to. `unusable`: it is unknown, expired, revoked or used up; `ended`: it wasn't
   * revoked before its session's end.
   */
  previewInvite(inviteToken: string): Promise<InvitePreview | 'unusable' | 'ended'>;
  /** Whether an invite can be used again. */
  isUsable(inviteId: string): Promise<boolean>;
  /** Those that aren't revoked, newest first. */
  invites(sessionId: string, query: PageRequest): Promise<Page<Invite>>;
  /** False when there is no such invite. Repeating it changes nothing. */
  revokeInvite(sessionId: string, inviteId: string): Promise<boolean>;
}
