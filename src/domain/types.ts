/** The domain's types and the interface the rooms' handlers write through. Nothing here knows about Redis. */
import type { Page, PageRequest } from './page.ts';
import type { EditReceipt, EditReceipts } from './receipts.ts';
import type { Transport } from './transport.ts';
import type { Version, VersionWithCode } from './versions.ts';

export const ROLES = ['host', 'co-author', 'viewer'] as const;
export type Role = (typeof ROLES)[number];

/** The name of participants who give none. */
export const DEFAULT_DISPLAY_NAME = 'Anonymous';

/**
 * How a participant joined a session, which is also what lets them come back: as its owner; by an invite,
 * while that isn't revoked; as a guest, while the session is discoverable; by the host's grant.
 */
export const JOIN_METHODS = ['owner', 'invite', 'discovery', 'grant'] as const;
export type JoinMethod = (typeof JOIN_METHODS)[number];

/** What is said in a session. */
export const MESSAGE_TYPES = ['chat', 'user_prompt', 'ai_response'] as const;
type MessageType = (typeof MESSAGE_TYPES)[number];
/** What travels as a message: what is said, and versions of the code (`versions.ts`). */
export const ENTRY_TYPES = [...MESSAGE_TYPES, 'version'] as const;
type EntryType = (typeof ENTRY_TYPES)[number];

export const MESSAGE_ROLES = ['user', 'assistant'] as const;
export type MessageRole = (typeof MESSAGE_ROLES)[number];

/**
 * One message, or a version that travels as one. Its id and time are made once, at the edge, so that writing
 * it twice is writing it once.
 */
export interface SessionMessage {
  /** UUID, unique within its session. */
  id: string;
  type: EntryType;
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
  /** When it was said, in milliseconds since the epoch, by the room's clock: for showing. */
  createdAtMs: number;
  /**
   * Its place in the session's order; see `revision.ts`. Sent again to a later room it has a greater one,
   * which counts.
   */
  position: number;
}

/** What readers of messages get: never a version. */
export interface SaidMessage extends SessionMessage {
  type: MessageType;
}

export function isSaid(message: SessionMessage): message is SaidMessage {
  return message.type !== 'version';
}

/** A session's row, or that row overlaid with what is still buffered. */
export interface Session {
  id: string;
  title: string;
  /** Owner. Anonymous sessions belong to the system user. */
  hostUserId: string;
  code: string;
  /** Revision of the code; see `revision.ts`. 0 for a session that was never edited. Never goes down. */
  rev: number;
  isActive: boolean;
  isDiscoverable: boolean;
  createdAtMs: number;
  endedAtMs: number | null;
  lastActivityMs: number;
}

/** The code at one revision, ready to be written. */
export interface CodeWrite {
  code: string;
  /** A room writes one code under a revision. */
  rev: number;
  editedAtMs: number;
  /** User id of the last editor, null when anonymous. */
  editorId: string | null;
  /** All that are known, as they are written with the code or not at all. */
  receipts: EditReceipts;
  /** What plays; null: nothing does. */
  transport: Transport | null;
}

/** Everything to be written for one session: the newest code, if it changed, and messages. */
export interface SessionWrite {
  sessionId: string;
  code: CodeWrite | null;
  messages: SessionMessage[];
}

/**
 * What became of one session of a write.
 * - `written`: everything of it that was newer than Postgres' row is in; `rev` is the row's now.
 * - `busy`: another transaction holds the row; nothing was written, try again later.
 * - `missing`: there is no such session any more; nothing was written.
 */
export type WriteOutcome =
  | { sessionId: string; status: 'written'; rev: number }
  | { sessionId: string; status: 'busy' | 'missing' };

/**
 * Writes many sessions in one transaction. Idempotent: older or equal code, and messages already there,
 * change nothing.
 */
export interface SessionWriter {
  /**
   * @throws {WriteRefusedError} Postgres refuses some of the data for a reason that a retry won't mend;
   *   nothing was written.
   * @throws {StorageUnavailableError} out of reach or failing; it may have been written or not.
   */
  writeSessions(writes: readonly SessionWrite[]): Promise<WriteOutcome[]>;
}

/** The title of sessions and strudels that were given none. */
export const DEFAULT_TITLE = 'Untitled session';

/**
 * Where everything that a room acknowledged can be found:
 * - `buffer`: Postgres may lack some of it;
 * - `postgres`: Postgres holds all of it, and the buffer's copy may be older;
 * - `clean`: Postgres holds all of it, and the buffer's copy is no older.
 */
export const RECOVERY_SOURCES = ['buffer', 'postgres', 'clean'] as const;
export type RecoverySource = (typeof RECOVERY_SOURCES)[number];

/** What a room records in its own durable storage for the next instance. */
export interface RecoveryRecord {
  /** The last term that an instance of this room took. */
  term: number;
  /** Null: not known, so both stores have to answer. */
  source: RecoverySource | null;
  /**
   * Number of a commit that the buffer confirmed. A buffer whose last commit is an earlier one has lost some.
   */
  lastCommit: number;
}

/** What a session's rooms have accepted and Postgres may lack. */
interface UnflushedTail {
  /** Null when Postgres has the newest. */
  code: CodeWrite | null;
  messages: readonly SessionMessage[];
}

/** What a room gets when it opens a session. */
export interface OpenedSession {
  outcome: 'opened';
  code: Omit<CodeWrite, 'editedAtMs' | 'editorId'>;
  /** Postgres holds the code up to this revision. */
  flushedRev: number;
  /** Something of the session isn't in Postgres yet. */
  isDirty: boolean;
  /** Messages that may not be in Postgres yet. */
  messages: SessionMessage[];
  /** There are more such messages than a room may hold, and `messages` is empty. */
  isPartial: boolean;
  /** The buffer's copy of the code is older than `code`, or there is none. */
  isBufferBehind: boolean;
  /** Number of the last commit that the buffer has; 0 when it has none, or couldn't be asked. */
  lastCommit: number;
  /** To be recorded before anything is acknowledged. */
  source: RecoverySource | null;
  /** Why the buffer couldn't be asked, where it couldn't. */
  bufferFailure?: string;
}

/** A store knows a term as great as the one that the room came with: it has to come with a greater one. */
export interface TermTaken {
  outcome: 'term_taken';
  term: number;
}

export interface CommittedCode extends Omit<CodeWrite, 'receipts'> {
  /** Accepted edits that it stands for. */
  edits: number;
  /**
   * The code of this room that the buffer confirmed last, so that it may be sent what changed since; null:
   * none was.
   */
  base: Pick<CodeWrite, 'rev' | 'code' | 'transport'> | null;
  /** Those that the buffer lacks; null forgets one. */
  receipts: Readonly<Record<string, EditReceipt | null>>;
  /** They are all there are: others that the buffer holds are of code that this one isn't made from. */
  replacesReceipts: boolean;
}

/** One group commit of a room. */
export interface Commit {
  sessionId: string;
  term: number;
  /** Number of this attempt, greater than that of any before it. */
  attempt: number;
  /** Number of the last commit that the buffer has to have; 0: it need not have any. */
  expectedLast: number;
  /** The newest code, or null when the batch has only messages. */
  code: CommittedCode | null;
  messages: readonly SessionMessage[];
  /**
   * Everything that Postgres may lack, this batch included, to be written there should the buffer fail; null:
   * not all of it is known.
   */
  tail: UnflushedTail | null;
  /** Postgres holds the code up to this revision, as far as the room knows. */
  flushedRev: number;
  /** Whether the confirmation is to say how busy the whole system is. */
  wantsLoad: boolean;
}

/** How busy the whole system is. */
export interface SystemLoad {
  /** Remaining time of the sweeper's lease in milliseconds; 0 when no sweeper runs. */
  sweeperLeaseMs: number;
  /** Dirty sessions: the measure of load by which rooms pace their commits. */
  dirtySessions: number;
}

/** The confirmation of a commit. `postgres`: its whole tail is flushed. */
export type CommitResult =
  | { durable: 'postgres' }
  | ({ durable: 'buffer'; load: SystemLoad | null } & FlushState);

/** How far a session is flushed. */
export interface FlushState {
  /** Postgres holds the code up to this revision. */
  flushedRev: number;
  /** Something of the session isn't in Postgres yet. */
  isDirty: boolean;
  /**
   * Number of the last commit that the buffer has: smaller than it was before, and the buffer has lost some.
   */
  lastCommit: number;
}

export interface NewSession {
  title: string;
  code: string;
  isDiscoverable?: boolean;
  /** Owner's user id; null makes the system user the owner. */
  hostUserId: string | null;
  /** A hash of the network that it is made from without an account; see {@link SessionDirectory.live}. */
  madeFrom?: string | null;
  /**
   * The host's membership, made with the session; without it, the owner's is made when they first enter.
   */
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
  /** Of a token of our own: see `Account.epoch`. Absent: the token is of another service. */
  epoch?: string;
}

export interface MessagePage {
  types?: readonly MessageType[];
  /** Only messages before this position. */
  beforePosition?: number;
  /** The first messages after this position, instead of the newest. */
  afterPosition?: number;
  limit: number;
}

/** Messages of a page, oldest first. */
export interface MessagesPage {
  messages: SaidMessage[];
  /** There are more beyond: older ones, or newer ones where the page is of those after a position. */
  hasMore: boolean;
}

/** The repository the handlers and routes know. Postgres alone and the buffered one both implement it. */
export interface SessionRepository {
  /**
   * Opens the session in a term, and refuses the writes of earlier ones from now on.
   * @param term greater than any that this room recorded, and recorded as its last.
   * @param record what the room recorded before; null when there is no record.
   * @returns null when there is no such session.
   * @throws {StorageUnavailableError} a store that may hold something newer is out of reach.
   * @throws {DamagedDataError}
   */
  open(
    sessionId: string,
    term: number,
    record: RecoveryRecord | null,
  ): Promise<OpenedSession | TermTaken | null>;
  /**
   * Makes a batch durable. Repeating a commit has no second effect.
   * @throws {SupersededError} another room has taken the session over.
   * @throws {CommitsLostError} the buffer has lost earlier ones; nothing of this one was taken.
   * @throws {StorageUnavailableError} nothing confirmed it; keep the batch and try again.
   */
  commit(commit: Commit): Promise<CommitResult>;
  /** How far the session is flushed, without flushing it. */
  flushState(sessionId: string): Promise<FlushState & Pick<SystemLoad, 'sweeperLeaseMs'>>;

  getSession(sessionId: string): Promise<Session | null>;
  /** The newest `limit` messages that fit, oldest first; a page may have fewer for their size. */
  getMessages(sessionId: string, page: MessagePage): Promise<SaidMessage[]>;
  /** The same, and whether there are more. */
  getMessagesPage(sessionId: string, page: MessagePage): Promise<MessagesPage>;
  /**
   * A session's versions, newest first. While the buffer is out of reach those that it alone has are left
   * out.
   */
  listVersions(sessionId: string, page: PageRequest): Promise<Page<Version>>;
  /** @returns null when there is no such version, or no more. */
  getVersion(sessionId: string, number: number): Promise<VersionWithCode | null>;

  createSession(input: NewSession): Promise<Session>;
  deleteSession(sessionId: string): Promise<boolean>;
}
