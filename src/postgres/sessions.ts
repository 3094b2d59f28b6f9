/** Sessions in Postgres. Each method is one statement over HTTP: no transaction is ever left open. */
import { and, asc, desc, eq, gt, inArray, lt, type SQL, sql } from 'drizzle-orm';
import { SessionNotFoundError, StorageUnavailableError, SupersededError } from '../domain/errors.ts';
import { pageOfMessages } from '../domain/merge-messages.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import { decodeReceipts } from '../domain/receipts.ts';
import { termOf } from '../domain/revision.ts';
import { decodeTransport } from '../domain/transport.ts';
import {
  type Commit,
  type CommitResult,
  DEFAULT_TITLE,
  type FlushState,
  type MessagePage,
  type MessagesPage,
  type NewSession,
  type OpenedSession,
  type SaidMessage,
  type Session,
  type SessionRepository,
  type SessionWrite,
  type SessionWriter,
  type SystemLoad,
  type TermTaken,
  type WriteOutcome,
} from '../domain/types.ts';
import type { Version, VersionWithCode } from '../domain/versions.ts';
import { anonymousExpiryOf } from './anonymous-expiry.ts';
import type { Database } from './client.ts';
import { runQuery } from './errors.ts';
import { SYSTEM_USER_ID, sessionMessages, sessions, sessionVersions } from './schema.ts';
import { encodedBytes, MAX_PAGE_BYTES } from './sql.ts';
import { getVersion, listVersions } from './versions.ts';
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
    const stored = await this.getStored(sessionId);
    if (!stored) return null;
    const { newest, ...code } = stored;
    if (termOf(newest) >= term) return { outcome: 'term_taken', term: termOf(newest) };
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

  /**
   * The newest code with its receipts, and the greatest number that any room gave to what is here: a session
   * may have messages alone.
   * @returns null when there is no such session.
   */
  async getStored(sessionId: string): Promise<(OpenedSession['code'] & { newest: number }) | null> {
    const { position } = sessionMessages;
    const { number } = sessionVersions;
    const ofMessages = sql`select max(${position}) from ${sessionMessages} where ${sessionMessages.sessionId} = ${sessionId}`;
    const ofVersions = sql`select max(${number}) from ${sessionVersions} where ${sessionVersions.sessionId} = ${sessionId}`;
    const [row] = await runQuery(() =>
      this.#db
        .select({
          code: sessions.code,
          rev: sessions.codeRev,
          receipts: sessions.receipts,
          transport: sessions.transport,
          played: sessions.playedCode,
          newest: sql`greatest(${sessions.codeRev}, (${ofMessages}), (${ofVersions}))`.mapWith(Number),
        })
        .from(sessions)
        .where(eq(sessions.id, sessionId)),
    );
    if (row === undefined) return null;
    const { code, rev, newest } = row;
    return { code, rev, receipts: decodeReceipts(row.receipts), transport: decodeTransport(row), newest };
  }

  async getSession(sessionId: string): Promise<Session | null> {
    const [row] = await runQuery(() =>
      this.#db.select(SESSION_COLUMNS).from(sessions).where(eq(sessions.id, sessionId)),
    );
    return row === undefined ? null : toSession(row);
  }

  async getMessages(sessionId: string, page: MessagePage): Promise<SaidMessage[]> {
    return (await this.readMessages(sessionId, page)).messages;
  }

  /** @returns `isCut`: their size left out some that would be in the page. */
  async readMessages(
    sessionId: string,
    page: MessagePage,
  ): Promise<{ messages: SaidMessage[]; isCut: boolean }> {
    const order = page.afterPosition === undefined ? desc : asc;
    const { position, id } = sessionMessages;
    const asked = this.#db.$with('asked').as(
      this.#db
        .select()
        .from(sessionMessages)
        .where(
          and(
            eq(sessionMessages.sessionId, sessionId),
            page.types && inArray(sessionMessages.messageType, [...page.types]),
            page.beforePosition === undefined ? undefined : lt(position, page.beforePosition),
            page.afterPosition === undefined ? undefined : gt(position, page.afterPosition),
          ),
        )
        // The id settles ties, so that a page is the same each time it is read.
        .orderBy(order(position), order(id))
        .limit(page.limit),
    );
    const bytes = sql`sum(${encodedBytes(sql`${asked.content}`)} + ${sql.raw(String(MESSAGE_ROW_BYTES))})`;
    const inOrder = sql`order by ${order(asked.position)}, ${order(asked.id)}`;
    const rows = await runQuery(() =>
      this.#db
        .with(asked)
        .select({
          message: {
            id: asked.id,
            messageType: asked.messageType,
            role: asked.role,
            userId: asked.userId,
            displayName: asked.displayName,
            avatarUrl: asked.avatarUrl,
            // Beyond the bound only the row is given, so that it is known that there are more.
            content: sql<string | null>`case
              when row_number() over (${inOrder}) = 1 or ${bytes} over (${inOrder}) <= ${sql.raw(String(MAX_PAGE_BYTES))}
              then ${asked.content}
            end`,
            isActionable: asked.isActionable,
            isCodeResponse: asked.isCodeResponse,
            strudelId: asked.strudelId,
            createdAt: asked.createdAt,
            position: asked.position,
          },
        })
        .from(asked)
        .orderBy(order(asked.position), order(asked.id)),
    );
    const read = rows.flatMap(({ message: { content, ...rest } }) =>
      content === null ? [] : toMessage({ ...rest, content }),
    );
    const isCut = read.length < rows.length;
    return { messages: page.afterPosition === undefined ? read.reverse() : read, isCut };
  }

  async getMessagesPage(sessionId: string, page: MessagePage): Promise<MessagesPage> {
    const { messages, isCut } = await this.readMessages(sessionId, { ...page, limit: page.limit + 1 });
    const read = pageOfMessages(messages, page);
    return { ...read, hasMore: read.hasMore || isCut };
  }

  /** @param except numbers of versions that are left out, and not counted. */
  listVersions(sessionId: string, page: PageRequest, except: readonly number[] = []): Promise<Page<Version>> {
    return listVersions(this.#db, sessionId, page, except);
  }

  getVersion(sessionId: string, number: number): Promise<VersionWithCode | null> {
    return getVersion(this.#db, sessionId, number);
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

/** A message's row without its content: ids, name, picture and times. */
const MESSAGE_ROW_BYTES = 1_000;

/** The insert of the host's membership, from the CTE `made`; selects nothing when there is none to make. */
function hostMembership({ host, hostUserId }: NewSession): SQL {
  if (host === undefined) return sql`select 1 where false`;
  const { participantId, displayName } = host;
  return hostUserId === null
    ? sql`insert into anonymous_participants (id, session_id, display_name, role, join_method, left_at, expires_at)
          select ${participantId}::uuid, id, ${displayName}::text, 'host', 'owner', now(), ${anonymousExpiryOf(sql`'owner'`)} from made`
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

type MessageRow = Omit<typeof sessionMessages.$inferSelect, 'sessionId'>;

function toMessage(row: MessageRow): SaidMessage {
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
