/** Sessions in Postgres. Each method is one statement over HTTP: no transaction is ever left open. */
import { and, desc, eq, inArray, lt, type SQL, sql } from 'drizzle-orm';
import { SessionNotFoundError, StorageUnavailableError, SupersededError } from '../domain/errors.ts';
import { decodeReceipts } from '../domain/receipts.ts';
import { termOf } from '../domain/revision.ts';
import { decodeTransport } from '../domain/transport.ts';
import type {
  Commit,
  CommitResult,
  FlushState,
  MessagePage,
  NewSession,
  OpenedSession,
  Session,
  SessionMessage,
  SessionRepository,
  SessionWrite,
  SessionWriter,
  SystemLoad,
  TermTaken,
  WriteOutcome,
} from '../domain/types.ts';
import { anonymousExpiry } from './anonymous-expiry.ts';
import type { Database } from './client.ts';
import { runQuery } from './errors.ts';
import { DEFAULT_TITLE, SYSTEM_USER_ID, sessionMessages, sessions } from './schema.ts';
import { parseWriteOutcomes, writeSessionsStatement } from './write-sessions.ts';

/**
 * The repository without a buffer, and the writer the buffer flushes through.
 *
 * Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing, and
 * {@link WriteRefusedError} when it refuses the data; nothing of a refused statement was written.
 */
export class PostgresSessionRepository implements SessionRepository, SessionWriter {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Asks Postgres for nothing but an answer. */
  async ping(): Promise<void> {
    await runQuery(() => this.#db.execute(sql`select 1`));
  }

  /**
   * Writes many sessions in one statement; see {@link writeSessionsStatement} for what it guarantees.
   * @param writes at most one for each session; order doesn't matter.
   * @returns one outcome for each write, in the order of `writes`.
   */
  async writeSessions(writes: readonly SessionWrite[]): Promise<WriteOutcome[]> {
    return this.#write(writes);
  }

  /**
   * What Postgres holds of the session. Nothing here registers the term: the room's storage, which only the
   * current instance may write, is the fence.
   */
  async open(sessionId: string, term: number): Promise<OpenedSession | TermTaken | null> {
    const code = await this.getStored(sessionId);
    if (!code) return null;
    if (termOf(code.rev) >= term) return { outcome: 'term_taken', term: termOf(code.rev) };
    return {
      outcome: 'opened',
      code,
      flushedRev: code.rev,
      isDirty: false,
      messages: [],
      isPartial: false,
      isBufferBehind: true,
      lastCommit: 0,
      source: 'postgres',
    };
  }

  /**
   * Writes everything that Postgres may lack.
   * @throws {SessionNotFoundError} when the session has been deleted.
   * @throws {SupersededError} when a later room has written already.
   */
  async commit({ sessionId, term, tail }: Commit): Promise<CommitResult> {
    if (tail === null) throw new TypeError('only a commit with its whole tail can go to Postgres');
    const [outcome] = await this.#write([{ sessionId, code: tail.code, messages: [...tail.messages] }]);
    switch (outcome?.status) {
      case 'written':
        if (termOf(outcome.rev) > term) throw new SupersededError(sessionId);
        return { durable: 'postgres' };
      case 'missing':
        throw new SessionNotFoundError(sessionId);
      default:
        throw new StorageUnavailableError('postgres', 'the session is being written by another transaction');
    }
  }

  /** @throws {SessionNotFoundError} when there is no such session. */
  async flushState(sessionId: string): Promise<FlushState & Pick<SystemLoad, 'sweeperLeaseMs'>> {
    const [row] = await runQuery(() =>
      this.#db.select({ rev: sessions.codeRev }).from(sessions).where(eq(sessions.id, sessionId)),
    );
    if (row === undefined) throw new SessionNotFoundError(sessionId);
    return { flushedRev: row.rev, isDirty: false, lastCommit: 0, sweeperLeaseMs: 0 };
  }

  /** The newest code with its receipts. @returns null when there is no such session. */
  async getStored(sessionId: string): Promise<OpenedSession['code'] | null> {
    const [row] = await runQuery(() =>
      this.#db
        .select({
          code: sessions.code,
          rev: sessions.codeRev,
          receipts: sessions.receipts,
          transport: sessions.transport,
          played: sessions.playedCode,
        })
        .from(sessions)
        .where(eq(sessions.id, sessionId)),
    );
    if (row === undefined) return null;
    const { code, rev } = row;
    return { code, rev, receipts: decodeReceipts(row.receipts), transport: decodeTransport(row) };
  }

  async getSession(sessionId: string): Promise<Session | null> {
    const [row] = await runQuery(() =>
      this.#db.select(SESSION_COLUMNS).from(sessions).where(eq(sessions.id, sessionId)),
    );
    return row === undefined ? null : toSession(row);
  }

  async getMessages(sessionId: string, page: MessagePage): Promise<SessionMessage[]> {
    const rows = await runQuery(() =>
      this.#db
        .select()
        .from(sessionMessages)
        .where(
          and(
            eq(sessionMessages.sessionId, sessionId),
            page.types && inArray(sessionMessages.messageType, [...page.types]),
            page.beforePosition === undefined ? undefined : lt(sessionMessages.position, page.beforePosition),
          ),
        )
        // The id settles ties, so that a page is the same each time it is read.
        .orderBy(desc(sessionMessages.position), desc(sessionMessages.id))
        .limit(page.limit),
    );
    return rows.reverse().map(toMessage);
  }

  /** A blank title becomes the default one. The host's membership is made by the same statement. */
  async createSession(input: NewSession): Promise<Session> {
    const made = this.#db.$with('made').as(
      this.#db
        .insert(sessions)
        .values({
          id: crypto.randomUUID(),
          title: input.title.trim() === '' ? DEFAULT_TITLE : input.title,
          code: input.code,
          isDiscoverable: input.isDiscoverable ?? false,
          hostUserId: input.hostUserId ?? SYSTEM_USER_ID,
          madeFrom: input.madeFrom ?? null,
        })
        .returning(SESSION_COLUMNS),
    );
    const membership = this.#db.$with('membership', {}).as(hostMembership(input));
    const [row] = await runQuery(() => this.#db.with(made, membership).select().from(made));
    if (row === undefined) throw new StorageUnavailableError('postgres', 'an insert returned no row');
    return toSession(row);
  }

  async deleteSession(sessionId: string): Promise<boolean> {
    const rows = await runQuery(() =>
      this.#db.delete(sessions).where(eq(sessions.id, sessionId)).returning({ id: sessions.id }),
    );
    return rows.length > 0;
  }

  async #write(writes: readonly SessionWrite[]): Promise<WriteOutcome[]> {
    if (writes.length === 0) return [];
    const statement = writeSessionsStatement(writes);
    const result = await runQuery(() => this.#db.execute(statement));
    return parseWriteOutcomes(writes, result.rows);
  }
}

/** The insert of the host's membership, from the CTE `made`; selects nothing when there is none to make. */
function hostMembership({ host, hostUserId }: NewSession): SQL {
  if (host === undefined) return sql`select 1 where false`;
  const { participantId, displayName } = host;
  return hostUserId === null
    ? sql`insert into anonymous_participants (id, session_id, display_name, role, join_method, left_at, expires_at)
          select ${participantId}::uuid, id, ${displayName}::text, 'host', 'owner', now(), ${anonymousExpiry} from made`
    : sql`insert into session_participants (id, session_id, user_id, display_name, role, join_method, left_at)
          select ${participantId}::uuid, id, ${hostUserId}::uuid, ${displayName}::text, 'host', 'owner', now() from made`;
}

/** What a reader of a session needs: neither the receipts nor the code that plays, which may be as large. */
const SESSION_COLUMNS = {
  id: sessions.id,
  title: sessions.title,
  hostUserId: sessions.hostUserId,
  code: sessions.code,
  codeRev: sessions.codeRev,
  isActive: sessions.isActive,
  isDiscoverable: sessions.isDiscoverable,
  createdAt: sessions.createdAt,
  endedAt: sessions.endedAt,
  lastActivity: sessions.lastActivity,
};

function toSession(row: Pick<typeof sessions.$inferSelect, keyof typeof SESSION_COLUMNS>): Session {
  return {
    id: row.id,
    title: row.title,
    hostUserId: row.hostUserId,
    code: row.code,
    rev: row.codeRev,
    isActive: row.isActive,
    isDiscoverable: row.isDiscoverable,
    createdAtMs: row.createdAt.getTime(),
    endedAtMs: row.endedAt?.getTime() ?? null,
    lastActivityMs: row.lastActivity.getTime(),
  };
}

function toMessage(row: typeof sessionMessages.$inferSelect): SessionMessage {
  return {
    id: row.id,
    type: row.messageType,
    role: row.role,
    userId: row.userId,
    displayName: row.displayName,
    avatarUrl: row.avatarUrl,
    content: row.content,
    isActionable: row.isActionable,
    isCodeResponse: row.isCodeResponse,
    strudelId: row.strudelId,
    createdAtMs: row.createdAt.getTime(),
    position: row.position,
  };
}
