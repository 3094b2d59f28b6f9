/** Sessions as a list and as a life: finding, naming, showing and ending them. Not buffered. */
import type { Page, PageRequest } from './page.ts';
import type { Participant } from './people.ts';
import type { Session } from './types.ts';

/** A session as lists and reads show it. */
export interface ListedSession extends Session {
  /** The first of them, in the order they came; without those who were removed. */
  participants: Participant[];
}

export interface LiveSessionSummary
  extends Pick<Session, 'id' | 'title' | 'isDiscoverable' | 'createdAtMs' | 'lastActivityMs'> {
  /** null: an anonymous caller made it, or the host's provider gave no name. */
  hostName: string | null;
  /** Participants who are connected now. */
  participantCount: number;
  /** The user who asks owns it, or has a valid membership in it. */
  isMember: boolean;
}

/** How open a session is. */
export interface LiveStatus {
  isActive: boolean;
  isDiscoverable: boolean;
  hasInvites: boolean;
  /** People here now. */
  participantCount: number;
}

/** What became of a session that was to be ended for being inactive. */
export interface InactiveOutcome {
  sessionId: string;
  /** `ended`: now or before; `active`: it has been active since; `missing`: there is none. */
  status: 'ended' | 'active' | 'missing';
  lastActivityMs: number | null;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface SessionDirectory {
  /** Sessions that a user owns or has a valid membership in, newest first. */
  list(userId: string, query: PageRequest & { activeOnly: boolean }): Promise<Page<ListedSession>>;
  /**
   * Active, discoverable ones, newest first; of those that were made without an account from one network only
   * the newest three.
   * @param userId the caller's; null for those who aren't signed in.
   */
  live(userId: string | null, query: PageRequest): Promise<Page<LiveSessionSummary>>;
  /** The session of a user's that changed last, of those that haven't ended. */
  last(userId: string): Promise<LiveSessionSummary | null>;
  /** null when there is no such session. */
  liveStatus(sessionId: string): Promise<LiveStatus | null>;
  /** The title as it is stored; null when there is no such session, or it has ended. */
  setTitle(sessionId: string, title: string): Promise<string | null>;
  /** False when there is no such session, or it has ended. */
  setDiscoverable(sessionId: string, isDiscoverable: boolean): Promise<boolean>;
  /**
   * Makes a session its hosts' own again: off the live list, every invite revoked, other participants' places
   * good no more. Its code stays.
   * @returns how many invites were revoked, and how many participants who were connected lost their place;
   *   null when there is no such session, or it has ended.
   */
  endLive(sessionId: string): Promise<{ participants: number; invites: number } | null>;
  /**
   * Ends a session: no one can enter, invites are revoked, reads go on. False when there is no such
   * session; repeating it changes nothing.
   */
  end(sessionId: string): Promise<boolean>;
  /** Ends those of `sessionIds` in which nothing has happened for `inactiveMs`. */
  endInactive(sessionIds: readonly string[], inactiveMs: number): Promise<InactiveOutcome[]>;
  /**
   * Deletes sessions, those that ended first first, with all that belongs to them.
   * @param days since they ended: of those in which nobody had an account, and of all others.
   * @returns the ids of the deleted ones, `limit` at most.
   */
  deleteEnded(days: { anonymous: number; others: number }, limit: number): Promise<string[]>;
  /**
   * Active sessions in which nothing has happened for `inactiveMs`, as far as Postgres knows; oldest first.
   */
  inactive(inactiveMs: number, limit: number): Promise<{ id: string; lastActivityMs: number }[]>;
}
