/** What Postgres did, by its own counters; and what it holds. */
import pg from 'pg';
import { z } from 'zod';

/**
 * A server process hands in what it counted when it has been idle this long; before that the
 * counters lag behind.
 */
export const COUNTERS_LAG_MS = 11_000;

const countersSchema = z.object({
  transactions: z.coerce.number(),
  rows_inserted: z.coerce.number(),
  rows_updated: z.coerce.number(),
  rows_deleted: z.coerce.number(),
  wal_bytes: z.coerce.number(),
});

export interface PostgresCounters {
  transactions: number;
  rowsWritten: number;
  walBytes: number;
}

export interface StoredSession {
  rev: number;
  /** md5 of the code. */
  digest: string;
}

export interface StoredMessage {
  id: string;
  /** How many messages have this one's text. */
  copies: number;
}

const INSERT_BATCH = 5_000;

export class PostgresMeter {
  readonly pool: pg.Pool;
  #own = 0;

  constructor(databaseUrl: string) {
    this.pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
    this.pool.on('error', () => {});
  }

  /** Runs one statement, not counted as the system's. */
  async query(text: string, values: unknown[] = []): Promise<unknown[]> {
    this.#own += 1;
    return (await this.pool.query(text, values)).rows;
  }

  /** Counters without this meter's own transactions. */
  async counters(): Promise<PostgresCounters> {
    const own = this.#own;
    const [row] = z.array(countersSchema).parse(
      await this.query(`
        select xact_commit + xact_rollback as transactions, tup_inserted as rows_inserted,
          tup_updated as rows_updated, tup_deleted as rows_deleted,
          pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal_bytes
        from pg_stat_database where datname = current_database()`),
    );
    if (!row) throw new Error('Postgres has no counters of its database');
    return {
      transactions: row.transactions - own,
      rowsWritten: row.rows_inserted + row.rows_updated + row.rows_deleted,
      walBytes: row.wal_bytes,
    };
  }

  /** Makes the next change of each page as costly as the first after any checkpoint. */
  async checkpoint(): Promise<void> {
    await this.query('checkpoint');
  }

  /** Makes sessions that belong to nobody. */
  async createSessions(ids: readonly string[], code: string): Promise<void> {
    for (let at = 0; at < ids.length; at += INSERT_BATCH) {
      await this.query(
        `insert into sessions (id, host_user_id, code)
         select id, '00000000-0000-0000-0000-000000000000', $2 from unnest($1::uuid[]) as id`,
        [ids.slice(at, at + INSERT_BATCH), code],
      );
    }
    await this.query('analyze sessions');
  }

  /** Gives anonymous people their places in sessions. */
  async createPlaces(
    places: readonly { sessionId: string; participantId: string; role: string }[],
  ): Promise<void> {
    for (let at = 0; at < places.length; at += INSERT_BATCH) {
      const batch = places.slice(at, at + INSERT_BATCH);
      await this.query(
        `insert into anonymous_participants (id, session_id, display_name, role, join_method, expires_at)
         select id, session_id, role, role, 'grant', now() + interval '1 day'
         from unnest($1::uuid[], $2::uuid[], $3::text[]) as place (id, session_id, role)`,
        [
          batch.map(({ participantId }) => participantId),
          batch.map(({ sessionId }) => sessionId),
          batch.map(({ role }) => role),
        ],
      );
    }
  }

  async sessions(): Promise<Map<string, StoredSession>> {
    const rows = z
      .array(z.object({ id: z.string(), rev: z.coerce.number(), digest: z.string() }))
      .parse(await this.query('select id, code_rev as rev, md5(code) as digest from sessions'));
    return new Map(rows.map(({ id, rev, digest }) => [id, { rev, digest }]));
  }

  /** All messages: their texts hold their ids, so a second copy under another id shows. */
  async messages(): Promise<Map<string, StoredMessage>> {
    const rows = z
      .array(z.object({ id: z.string(), copies: z.coerce.number() }))
      .parse(
        await this.query('select id, count(*) over (partition by content) as copies from session_messages'),
      );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** @param sql gives ids of sessions, and bytes of each. */
  async bytesBySession(sql: string): Promise<Map<string, number>> {
    const rows = z.array(z.object({ id: z.string(), bytes: z.number() })).parse(await this.query(sql));
    return new Map(rows.map(({ id, bytes }) => [id, bytes]));
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
