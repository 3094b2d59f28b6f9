/** Sessions in Postgres. Each method is one statement over HTTP: no transaction is ever left open. */
import { and, desc, eq, inArray, lt, type SQL, sql } from 'drizzle-orm';
import { SessionNotFoundError, StorageUnavailableError, SupersededError } from '../domain/errors.ts';
import type {
  Commit,
  CommitResult,
  FlushState,
  Home,
  Known,
  MessagePage,
  NewSession,
  OpenedSession,
  Session,
  SessionMessage,
  SessionRepository,
  SessionWrite,
  SessionWriter,
  WriteOutcome,
} from '../domain/types.ts';
import { anonymousExpiry } from './anonymous-expiry.ts';
import type { Database } from './client.ts';
import { ask } from './errors.ts';
import { DEFAULT_TITLE, SYSTEM_USER_ID, sessionMessages, sessions } from './schema.ts';
import { type FencedWrite, parseWriteOutcomes, writeSessionsStatement } from './write-sessions.ts';

/** How often a takeover is tried when another one comes between. */
const TAKEOVER_ATTEMPTS = 3;

/** What is true of a session that has no buffer before it. */
const UNBUFFERED = { isDirty: false, lastCommit: 0, sweeperLeaseMs: 0 } as const;

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
    await ask(() => this.#db.execute(sql`select 1`));
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
   * Takes the session over by raising its row's epoch. The clock's milliseconds keep it above the epochs a buffer gave
   * out earlier, should the session have been served through one before. Wherever it was left, Postgres is all there is.
   *
   * The epoch is chosen here, not by the statement: one that was given up and takes effect late must not outdo the room that came
   * after it, which asks for a greater epoch than what was noted.
   */
  async open(
    sessionId: string,
    _home: Home | null,
    known: Pick<Known, 'epoch'> = { epoch: 0 },
    noteStandIn: (epoch: number) => Promise<void> = async () => {},
  ): Promise<OpenedSession | null> {
    let epoch = Math.max(known.epoch + 1, Date.now());
    for (let attempt = 0; attempt < TAKEOVER_ATTEMPTS; attempt++) {
      await noteStandIn(epoch);
      const taken = epoch;
      const [row] = await ask(() =>
        this.#db
          .update(sessions)
          .set({ codeEpoch: taken })
          .where(and(eq(sessions.id, sessionId), lt(sessions.codeEpoch, taken)))
          .returning(),
      );
      if (row) {
        const { id, code, codeRev: rev, lastActivity } = row;
        return {
          session: { id, code, rev, epoch },
          epoch,
          flushedRev: rev,
          isDirty: false,
          receipts: {},
          messages: [],
          lastMessageMs: lastActivity.getTime(),
          lastCommit: 0,
          home: 'postgres',
        };
      }
      const stored = await this.getSession(sessionId);
      if (!stored) return null;
      epoch = stored.epoch + 1;
    }
    throw new StorageUnavailableError('postgres', 'others take the session over again and again');
  }

  /** @throws {SessionNotFoundError} when the session has been deleted. */
  async commit(commit: Commit): Promise<CommitResult> {
    const { sessionId, epoch, messages } = commit;
    const code = commit.code === null ? null : { ...commit.code, epoch };
    const [outcome] = await this.#write([{ sessionId, code, messages, fenceEpoch: epoch }]);
    switch (outcome?.status) {
      case 'written':
        if (outcome.epoch > epoch) throw new SupersededError(sessionId);
        return {
          ...UNBUFFERED,
          durable: 'postgres',
          rev: outcome.rev,
          flushedRev: outcome.rev,
          dirtySessions: 0,
        };
      case 'missing':
        throw new SessionNotFoundError(sessionId);
      default:
        throw new StorageUnavailableError('postgres', 'the session is being written by another transaction');
    }
  }

  /** @throws {SessionNotFoundError} when there is no such session. */
  async flushState(sessionId: string): Promise<FlushState> {
    const [row] = await ask(() =>
      this.#db.select({ rev: sessions.codeRev }).from(sessions).where(eq(sessions.id, sessionId)),
    );
    if (row === undefined) throw new SessionNotFoundError(sessionId);
    return { ...UNBUFFERED, rev: row.rev, flushedRev: row.rev };
  }

  async getSession(sessionId: string): Promise<Session | null> {
    const [row] = await ask(() => this.#db.select().from(sessions).where(eq(sessions.id, sessionId)));
    return row === undefined ? null : toSession(row);
  }

  async getMessages(sessionId: string, page: MessagePage): Promise<SessionMessage[]> {
    const rows = await ask(() =>
      this.#db
        .select()
        .from(sessionMessages)
        .where(
          and(
            eq(sessionMessages.sessionId, sessionId),
            page.types && inArray(sessionMessages.messageType, [...page.types]),
            page.beforeMs === undefined
              ? undefined
              : lt(sessionMessages.createdAt, sql`to_timestamp(${page.beforeMs}::bigint / 1000.0)`),
          ),
        )
        // The id settles ties, so that a page is the same each time it is read.
        .orderBy(desc(sessionMessages.createdAt), desc(sessionMessages.id))
        .limit(page.limit),
    );
    return rows.reverse().map(toMessage);
  }

  /** A blank title becomes the default one. The host's place is made by the same statement. */
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
        })
        .returning(),
    );
    const place = this.#db.$with('place', {}).as(hostPlace(input));
    const [row] = await ask(() => this.#db.with(made, place).select().from(made));
    if (row === undefined) throw new StorageUnavailableError('postgres', 'an insert returned no row');
    return toSession(row);
  }

  async deleteSession(sessionId: string): Promise<boolean> {
    const rows = await ask(() =>
      this.#db.delete(sessions).where(eq(sessions.id, sessionId)).returning({ id: sessions.id }),
    );
    return rows.length > 0;
  }

  async #write(writes: readonly FencedWrite[]): Promise<WriteOutcome[]> {
    if (writes.length === 0) return [];
    const statement = writeSessionsStatement(writes);
    const result = await ask(() => this.#db.execute(statement));
    return parseWriteOutcomes(writes, result.rows);
  }
}

/** The insert of the host's place, from the CTE `made`; selects nothing when there is none to make. */
function hostPlace({ host, hostUserId }: NewSession): SQL {
  if (host === undefined) return sql`select 1 where false`;
  const { participantId, displayName } = host;
  return hostUserId === null
    ? sql`insert into anonymous_participants (id, session_id, display_name, role, via, left_at, expires_at)
          select ${participantId}::uuid, id, ${displayName}::text, 'host', 'owner', now(), ${anonymousExpiry} from made`
    : sql`insert into session_participants (id, session_id, user_id, display_name, role, via, left_at)
          select ${participantId}::uuid, id, ${hostUserId}::uuid, ${displayName}::text, 'host', 'owner', now() from made`;
}

function toSession(row: typeof sessions.$inferSelect): Session {
  return {
    id: row.id,
    title: row.title,
    hostUserId: row.hostUserId,
    code: row.code,
    rev: row.codeRev,
    lift: row.codeLift,
    epoch: row.codeEpoch,
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
    epoch: row.epoch,
  };
}
