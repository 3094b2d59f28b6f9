/** The domain's types and the interface the rooms' handlers write through. Nothing here knows about Redis. */

export const ROLES = ['host', 'co-author', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/**
 * How somebody came into a session, which is also what lets them back in: its owner; by an invite, while that isn't
 * revoked; as a guest, while the session is discoverable; because the host said so.
 */
export const VIAS = ['owner', 'invite', 'discovery', 'grant'] as const;
export type Via = (typeof VIAS)[number];

export const MESSAGE_TYPES = ['chat', 'user_prompt', 'ai_response'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

export const MESSAGE_ROLES = ['user', 'assistant'] as const;
export type MessageRole = (typeof MESSAGE_ROLES)[number];

/** One entry of a session's history. Its id and time are made once, at the edge, so that writing it twice is writing it once. */
export interface SessionMessage {
  /** UUID, unique within its session. */
  id: string;
  type: MessageType;
  role: MessageRole;
  /** Who said it; null for anonymous people and for the assistant. */
  userId: string | null;
  displayName: string;
  avatarUrl: string | null;
  content: string;
  isActionable: boolean;
  isCodeResponse: boolean;
  /** The saved strudel the conversation was about, or null for the session's scratch code. */
  strudelId: string | null;
  /** Milliseconds since the epoch; strictly growing within a session, so it is also the order. */
  createdAtMs: number;
  /**
   * Fencing token of the room that accepted it. What a room that was replaced had under way may be accepted again by the next one, under
   * another time: that one counts.
   */
  epoch: number;
}

/** A session's row, or that row overlaid with what is still buffered. */
export interface Session {
  id: string;
  title: string;
  /** Owner. Anonymous sessions belong to the system user. */
  hostUserId: string;
  code: string;
  /** Revision: the room's count of accepted edits. 0 for a session nobody has edited. Never goes down. */
  rev: number;
  /** How far `rev` is above the revision that the room gave, because an earlier room's was as great; mostly 0. */
  lift: number;
  /** Fencing token of the room that wrote the code. Writes are ordered by (epoch, revision as the room gave it). */
  epoch: number;
  isActive: boolean;
  isDiscoverable: boolean;
  createdAtMs: number;
  endedAtMs: number | null;
  lastActivityMs: number;
}

/** The code at one revision, ready to be written. */
export interface CodeWrite {
  code: string;
  /** As the room gave it: a room writes one code under a revision. */
  rev: number;
  epoch: number;
  editedAtMs: number;
  /** User id of the last editor, null when anonymous. */
  editorId: string | null;
}

/** Everything to be written for one session: the newest code, if it changed, and messages. */
export interface SessionWrite {
  sessionId: string;
  code: CodeWrite | null;
  messages: SessionMessage[];
}

/**
 * What became of one session of a write.
 * - `written`: everything of it that was newer than Postgres' row is in; `rev` and `epoch` are the row's now, and `isHeld` when what the row has is
 *   this very write's code, be it under a lifted revision.
 * - `busy`: another transaction holds the row; nothing was written, try again later.
 * - `missing`: there is no such session any more; nothing was written.
 */
export type WriteOutcome =
  | { sessionId: string; status: 'written'; rev: number; epoch: number; isHeld: boolean }
  | { sessionId: string; status: 'busy' | 'missing' };

/** Writes many sessions in one transaction. Idempotent: older or equal code, and messages already there, change nothing. */
export interface SessionWriter {
  /**
   * @throws {WriteRefusedError} Postgres refuses some of the data for a reason that a retry won't mend; nothing was written.
   * @throws {StorageUnavailableError} out of reach or failing; it may have been written or not.
   */
  writeSessions(writes: readonly SessionWrite[]): Promise<WriteOutcome[]>;
}

/** An edit that was accepted under a request id. */
export interface EditReceipt {
  requestId: string;
  rev: number;
}

/** The edits that connections made lately, by connection id, oldest first: so that a resend is known for what it is. */
export type EditReceipts = Record<string, EditReceipt[]>;

/** What a room gets when it takes a session over. */
export interface OpenedSession {
  session: { id: string; code: string; rev: number; epoch: number };
  /** This room's fencing token: greater than any given out for the session before. */
  epoch: number;
  /** Postgres holds the code up to this revision, as far as the buffer knows. */
  flushedRev: number;
  /** Something of the session isn't in Postgres yet. */
  isDirty: boolean;
  receipts: EditReceipts;
  /** Messages that may not be in Postgres yet. */
  messages: SessionMessage[];
  /** No message of the session is later than this, in milliseconds since the epoch. New ones are, whatever the room's clock says. */
  lastMessageMs: number;
  /** Number of the last commit that the buffer has, by which a room notices when it loses some; 0 when it has none, or wasn't asked. */
  lastCommit: number;
  /** Where the session can be found now: to be noted before anything is acknowledged, as it may be in the buffer by a commit whose room was gone before it noted that. */
  home: Home;
}

export interface CommittedCode extends Omit<CodeWrite, 'epoch'> {
  /** Accepted edits that it stands for. */
  edits: number;
  /** The code of this room that was confirmed last, so that a store may be sent what changed since; null: none was. */
  base?: { rev: number; code: string } | null;
}

/** One group commit of a room. */
export interface Commit {
  sessionId: string;
  epoch: number;
  /** The newest code, or null when the batch has only messages. */
  code: CommittedCode | null;
  messages: SessionMessage[];
  /** Time of the session's last message, as the room knows it; 0 when it knows of none. Kept for the next room. */
  lastMessageMs: number;
  /** Greater than that of any attempt at a commit before it, of this room or an earlier one; from the room's epoch on. */
  number?: number;
  /** Number of the last commit that has to be in the buffer; by default nothing has to. */
  after?: number;
  /** Receipts of the connections that edited in this batch; an empty list forgets a connection's. */
  receipts: EditReceipts;
  /** Postgres holds the code up to this revision, as far as the room knows. */
  flushedRev: number;
}

/** The confirmation of a commit. */
export interface CommitResult {
  /** Where it is safe now. */
  durable: 'buffer' | 'postgres';
  /** The stored revision: the commit's own, or a greater one the room has to continue from. */
  rev: number;
  /** Postgres holds the code up to this revision. */
  flushedRev: number;
  /** Something of the session isn't in Postgres yet. */
  isDirty: boolean;
  /** Number of the last commit that the buffer has: smaller than it was before, and the buffer has lost some. 0 from Postgres, which keeps none. */
  lastCommit: number;
  /** Remaining time of the sweeper's lease in milliseconds; 0 when nobody sweeps. */
  sweeperLeaseMs: number;
  /** Dirty sessions in the whole system: the measure of load by which rooms pace their commits. */
  dirtySessions: number;
}

/** How far a session is flushed. */
export type FlushState = Omit<CommitResult, 'durable' | 'dirtySessions'>;

/**
 * Where everything that a room acknowledged can be found, as the room noted it in its own durable storage:
 * - `buffer`: Postgres may lack some of it;
 * - `postgres`: the buffer may lack some of it (Postgres stood in for it);
 * - `both`: each may hold some that the other lacks;
 * - `clean`: Postgres holds all of it, and what the buffer still holds is no older.
 */
export const HOMES = ['buffer', 'postgres', 'both', 'clean'] as const;
export type Home = (typeof HOMES)[number];

/** What a room noted for the next one, besides the session's home. */
export interface Known {
  /** Its own. */
  epoch: number;
  /** Number of a commit that the buffer confirmed. */
  lastCommit: number;
}

export interface NewSession {
  title: string;
  code: string;
  isDiscoverable?: boolean;
  /** Owner's user id; null makes the system user the owner. */
  hostUserId: string | null;
  /** The host's place in the session, made with it; the owner's is made when they first enter, without this. */
  host?: { participantId: string; displayName: string };
}

export interface NewInvite {
  sessionId: string;
  role: Exclude<Role, 'host'>;
  /** null: any number of times. */
  maxUses: number | null;
  /** Milliseconds since the epoch; null: doesn't expire. */
  expiresAtMs: number | null;
}

export interface Invite extends NewInvite {
  id: string;
  /** The secret of the link. */
  token: string;
  usesCount: number;
  createdAtMs: number;
}

/** A person as a token's claims describe them. */
export interface UserProfile {
  /** The provider's `sub`. */
  subject: string;
  name: string | null;
  avatarUrl: string | null;
}

export interface MessagePage {
  types?: readonly MessageType[];
  /** Only messages before this time (milliseconds since the epoch, exclusive). */
  beforeMs?: number;
  limit: number;
}

/** The repository the handlers and routes know. Postgres alone and the buffered one both implement it. */
export interface SessionRepository {
  /**
   * Takes the session over: gives out an epoch and loads the state. Null when there is no such session.
   * @param home where the last room left the session, null when there is no note of it.
   * @param known what the last room knew: a greater epoch is given out, though the store that is asked now may never have heard of that one, and a
   *   buffer whose last commit is an earlier one has lost some.
   * @param noteStandIn called before Postgres is asked for an epoch, with that epoch: the room has to note it, and `postgres` as the session's home. The buffer
   *   won't know of that epoch, nor will the room if the answer is lost, or the request takes effect when another room is at work already; a later
   *   room's edits under a lesser one would count as older than what is there.
   * @throws {StorageUnavailableError} a store that may hold something newer is out of reach.
   */
  open(
    sessionId: string,
    home: Home | null,
    known?: Known,
    noteStandIn?: (epoch: number) => Promise<void>,
  ): Promise<OpenedSession | null>;
  /**
   * Makes a batch durable. Repeating a commit has no second effect.
   * @throws {SupersededError} another room has taken the session over.
   * @throws {CommitsLostError} the buffer has lost earlier ones; nothing of this one was taken.
   * @throws {StorageUnavailableError} nothing confirmed it; keep the batch and try again.
   */
  commit(commit: Commit): Promise<CommitResult>;
  /** How far the session is flushed, without flushing it. */
  flushState(sessionId: string): Promise<FlushState>;

  getSession(sessionId: string): Promise<Session | null>;
  /** The newest `limit` messages that fit, oldest first. */
  getMessages(sessionId: string, page: MessagePage): Promise<SessionMessage[]>;

  createSession(input: NewSession): Promise<Session>;
  deleteSession(sessionId: string): Promise<boolean>;
}
