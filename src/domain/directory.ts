/** Sessions as a list and as a life: finding, naming, showing and ending them. Not buffered. */
import type { Page, PageRequest } from './page.ts';
import type { Session } from './types.ts';

export type SessionSummary = Omit<Session, 'code' | 'rev' | 'lift' | 'epoch'>;

export interface LiveSessionSummary extends SessionSummary {
  /** null: somebody anonymous made it, or their provider gave no name. */
  hostName: string | null;
  /** People here now. */
  participantCount: number;
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
  /** `ended`: now or before; `active`: somebody has been active after all; `missing`: there is none. */
  status: 'ended' | 'active' | 'missing';
  lastActivityMs: number | null;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface SessionDirectory {
  /** Sessions that a user owns or has a place in that still lets them in, newest first. */
  list(
    userId: string,
    query: PageRequest & { isActive?: boolean | undefined },
  ): Promise<Page<SessionSummary>>;
  /** Active, discoverable ones, newest first. */
  live(query: PageRequest): Promise<Page<LiveSessionSummary>>;
  /** The session of a user's that changed last, of those that haven't ended. */
  last(userId: string): Promise<SessionSummary | null>;
  /** null when there is no such session. */
  liveStatus(sessionId: string): Promise<LiveStatus | null>;
  /** False when there is no such session, or it has ended. */
  setTitle(sessionId: string, title: string): Promise<boolean>;
  setDiscoverable(sessionId: string, isDiscoverable: boolean): Promise<boolean>;
  /**
   * Makes a session its hosts' own again: off the live list, every invite revoked, nobody else's place good any more.
   * Its code stays. False when there is no such session, or it has ended.
   */
  endLive(sessionId: string): Promise<boolean>;
  /** Ends a session: nobody enters any more, invites are revoked, reads go on. False when there is no such session; repeating it changes nothing. */
  end(sessionId: string): Promise<boolean>;
  /** Ends those of `sessionIds` in which nothing has happened for `inactiveMs`. */
  endInactive(sessionIds: readonly string[], inactiveMs: number): Promise<InactiveOutcome[]>;
  /** Active sessions in which nothing has happened for `inactiveMs`, as far as Postgres knows; oldest first. */
  inactive(inactiveMs: number, limit: number): Promise<{ id: string; lastActivityMs: number }[]>;
}
