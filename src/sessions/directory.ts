/** Sessions as a list and as a life: finding, naming, showing and ending them. Not buffered. */
import type { Page } from './strudels.ts';
import type { Session } from './types.ts';

export type SessionSummary = Omit<Session, 'code' | 'rev' | 'epoch'>;

export interface LiveSessionSummary extends SessionSummary {
  hostName: string | null;
  /** People here now. */
  participants: number;
}

/** Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing. */
export interface SessionDirectory {
  /** Sessions that a user owns or takes part in, newest first. */
  list(
    userId: string,
    query: { isActive?: boolean; limit: number; cursor?: string },
  ): Promise<Page<SessionSummary>>;
  /** Active, discoverable ones, newest first. */
  live(query: { limit: number; cursor?: string }): Promise<Page<LiveSessionSummary>>;
  /** The session a user was active in last, of those that haven't ended. */
  last(userId: string): Promise<SessionSummary | null>;
  /** False when there is no such session, or it has ended. */
  setTitle(sessionId: string, title: string): Promise<boolean>;
  setDiscoverable(sessionId: string, isDiscoverable: boolean): Promise<boolean>;
  /** Revokes every invite and takes the session off the live list; its code and its hosts stay. */
  endLive(sessionId: string): Promise<boolean>;
  /** Ends a session: nobody enters any more, invites are revoked, reads go on. False when it had ended or never was. */
  end(sessionId: string): Promise<boolean>;
  /** Of `candidates` and of all others, those that nobody has been active in since; at most `limit`, oldest first. */
  inactiveSince(sinceMs: number, limit: number): Promise<string[]>;
}
