/** Sessions in Postgres. Each method is one statement over HTTP: no transaction is ever left open. */
import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import { SessionNotFoundError, StorageUnavailableError, SupersededError } from './errors.ts';
import { connectNeon, type Database, type NeonOptions } from './neon.ts';
import { toStorageError } from './postgres-errors.ts';
import { DEFAULT_TITLE, inviteTokens, SYSTEM_USER_ID, sessionMessages, sessions, users } from './schema.ts';
import type {
  Commit,
  CommitResult,
  FlushState,
  Home,
  Invite,
  MessagePage,
  NewInvite,
  NewSession,
  OpenedSession,
  Session,
  SessionMessage,
  SessionRepository,
  SessionWrite,
  SessionWriter,
  UserProfile,
  WriteOutcome,
} from './types.ts';
import { type FencedWrite, parseWriteOutcomes, writeSessionsStatement } from './write-sessions.ts';

/** 192 bits: an invite can't be guessed. */
const INVITE_TOKEN_BYTES = 24;

/** What is true of a session that has no buffer before it. */
const UNBUFFERED = { isDirty: false, wasForgotten: false, sweeperLeaseMs: 0 } as const;

const inviteRowsSchema = z.array(z.object({ created_ms: z.coerce.number() }));

/**
 * The repository without a buffer, and the writer the buffer flushes through.
 *
 * Every method throws {@link StorageUnavailableError} when Postgres is out of reach or failing, and
 * {@link WriteRefusedError} when it refuses the data; nothing of a refused statement was written.
 */
export class PostgresSessionRepository implements SessionRepository, SessionWriter {
  readonly #db: Database;

  constructor(options: NeonOptions) {
    this.#db = connectNeon(options);
  }

  /** Asks Postgres for nothing but an answer. */
  async ping(): Promise<void> {
    await this.#ask(() => this.#db.execute(sql`select 1`));
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
   */
  async open(sessionId: string, _home: Home | null): Promise<OpenedSession | null> {
    const [row] = await this.#ask(() =>
      this.#db
        .update(sessions)
        .set({ codeEpoch: sql`greatest(${sessions.codeEpoch} + 1, ${Date.now()}::bigint)` })
        .where(eq(sessions.id, sessionId))
        .returning(),
    );
    if (row === undefined) return null;
    const { id, code, codeRev: rev, codeEpoch: epoch } = row;
    return {
      session: { id, code, rev, epoch },
      epoch,
      flushedRev: rev,
      isDirty: false,
      receipts: {},
      messages: [],
    };
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
    const [row] = await this.#ask(() =>
      this.#db.select({ rev: sessions.codeRev }).from(sessions).where(eq(sessions.id, sessionId)),
    );
    if (row === undefined) throw new SessionNotFoundError(sessionId);
    return { ...UNBUFFERED, rev: row.rev, flushedRev: row.rev };
  }

  async getSession(sessionId: string): Promise<Session | null> {
    const [row] = await this.#ask(() => this.#db.select().from(sessions).where(eq(sessions.id, sessionId)));
    return row === undefined ? null : toSession(row);
  }

  async getMessages(sessionId: string, page: MessagePage): Promise<SessionMessage[]> {
    const rows = await this.#ask(() =>
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

  /** A blank title becomes the default one. */
  async createSession(input: NewSession): Promise<Session> {
    const [row] = await this.#ask(() =>
      this.#db
        .insert(sessions)
        .values({
          id: crypto.randomUUID(),
          title: input.title.trim() === '' ? DEFAULT_TITLE : input.title,
          code: input.code,
          hostUserId: input.hostUserId ?? SYSTEM_USER_ID,
        })
        .returning(),
    );
    if (row === undefined) throw new StorageUnavailableError('postgres', 'an insert returned no row');
    return toSession(row);
  }

  async deleteSession(sessionId: string): Promise<boolean> {
    const rows = await this.#ask(() =>
      this.#db.delete(sessions).where(eq(sessions.id, sessionId)).returning({ id: sessions.id }),
    );
    return rows.length > 0;
  }

  /** @throws {SessionNotFoundError} when there is no such session, or it has ended. */
  async createInvite(input: NewInvite): Promise<Invite> {
    const id = crypto.randomUUID();
    const token = randomToken();
    const result = await this.#ask(() =>
      this.#db.execute(sql`
        insert into invite_tokens (id, session_id, token, role, max_uses, expires_at)
        select
          ${id}::uuid, s.id, ${token}::text, ${input.role}::text, ${input.maxUses}::integer,
          to_timestamp(${input.expiresAtMs}::bigint / 1000.0)
        from sessions s
        where s.id = ${input.sessionId}::uuid and s.is_active
        returning (extract(epoch from created_at) * 1000)::bigint as created_ms`),
    );
    const [row] = inviteRowsSchema.parse(result.rows);
    if (row === undefined) throw new SessionNotFoundError(input.sessionId);
    return { ...input, id, token, usesCount: 0, createdAtMs: row.created_ms };
  }

  async consumeInvite(token: string): Promise<{ sessionId: string; role: Invite['role'] } | null> {
    const [row] = await this.#ask(() =>
      this.#db
        .update(inviteTokens)
        .set({ usesCount: sql`${inviteTokens.usesCount} + 1` })
        .from(sessions)
        .where(
          and(
            eq(inviteTokens.token, token),
            eq(sessions.id, inviteTokens.sessionId),
            sessions.isActive,
            sql`${inviteTokens.revokedAt} is null`,
            sql`(${inviteTokens.expiresAt} is null or ${inviteTokens.expiresAt} > now())`,
            // Two joins at once: the second waits for the first one's row lock and then sees its count.
            sql`(${inviteTokens.maxUses} is null or ${inviteTokens.usesCount} < ${inviteTokens.maxUses})`,
          ),
        )
        .returning({ sessionId: inviteTokens.sessionId, role: inviteTokens.role }),
    );
    return row ?? null;
  }

  /** What a token leaves out (a name, a picture) stays as it was. */
  async upsertUser(profile: UserProfile): Promise<string> {
    const [row] = await this.#ask(() =>
      this.#db
        .insert(users)
        .values({ id: crypto.randomUUID(), ...profile })
        .onConflictDoUpdate({
          target: users.subject,
          set: {
            name: sql`coalesce(excluded.name, ${users.name})`,
            avatarUrl: sql`coalesce(excluded.avatar_url, ${users.avatarUrl})`,
            updatedAt: sql`now()`,
          },
        })
        .returning({ id: users.id }),
    );
    if (row === undefined) throw new StorageUnavailableError('postgres', 'an upsert returned no row');
    return row.id;
  }

  async #write(writes: readonly FencedWrite[]): Promise<WriteOutcome[]> {
    if (writes.length === 0) return [];
    const statement = writeSessionsStatement(writes);
    const result = await this.#ask(() => this.#db.execute(statement));
    return parseWriteOutcomes(writes, result.rows);
  }

  /** Runs one query; what it throws leaves as a storage error. */
  async #ask<T>(query: () => PromiseLike<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw toStorageError(error);
    }
  }
}

function toSession(row: typeof sessions.$inferSelect): Session {
  return {
    id: row.id,
    title: row.title,
    hostUserId: row.hostUserId,
    code: row.code,
    rev: row.codeRev,
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
  };
}

/** Base64url: it goes into links as it is. */
function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(INVITE_TOKEN_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
