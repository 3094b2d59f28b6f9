/** Sessions' lists and lives in Postgres. Each method is one statement. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type {
  InactiveOutcome,
  LiveSessionSummary,
  LiveStatus,
  SessionDirectory,
  SessionSummary,
} from '../domain/directory.ts';
import { type Page, type PageRequest, pageOf } from '../domain/page.ts';
import type { Database } from './client.ts';
import { ask } from './errors.ts';
import { inviteIsUsable, placeIsGood } from './membership.ts';
import { DEFAULT_TITLE } from './schema.ts';
import { isAfter, ms, msColumn, nullableMsColumn } from './sql.ts';

const columns = sql`s.id, s.title, s.host_user_id, s.is_active, s.is_discoverable, ${ms('s.created_at')} as created_ms,
  ${ms('s.ended_at')} as ended_ms, ${ms('s.last_activity')} as activity_ms`;

const summaryRow = z.object({
  id: z.string(),
  title: z.string(),
  host_user_id: z.string(),
  is_active: z.boolean(),
  is_discoverable: z.boolean(),
  created_ms: msColumn,
  ended_ms: nullableMsColumn,
  activity_ms: msColumn,
});

function toSummary(row: z.infer<typeof summaryRow>): SessionSummary {
  return {
    id: row.id,
    title: row.title,
    hostUserId: row.host_user_id,
    isActive: row.is_active,
    isDiscoverable: row.is_discoverable,
    createdAtMs: row.created_ms,
    endedAtMs: row.ended_ms,
    lastActivityMs: row.activity_ms,
  };
}

/** How many people are in session `s` now. */
const presentCount = sql`(
  (select count(*) from session_participants p where p.session_id = s.id and p.left_at is null and p.removed_at is null)
  + (select count(*) from anonymous_participants p where p.session_id = s.id and p.left_at is null and p.removed_at is null)
)`;

/** Whether session `s` is a user's: theirs, or one they have a good place in. */
const isOf = (userId: string): SQL => sql`(
  s.host_user_id = ${userId}::uuid
  or s.id in (
    select p.session_id from session_participants p join sessions s on s.id = p.session_id
    where p.user_id = ${userId}::uuid and ${placeIsGood}
  )
)`;

const interval = (durationMs: number): SQL => sql`make_interval(secs => ${durationMs}::bigint / 1000.0)`;

export class PostgresDirectory implements SessionDirectory {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async list(
    userId: string,
    { isActive, limit, cursor }: PageRequest & { isActive?: boolean | undefined },
  ): Promise<Page<SessionSummary>> {
    const rows = await this.#ask(
      sql`select ${columns} from sessions s
        where ${isOf(userId)}
          and ${isActive === undefined ? sql`true` : sql`s.is_active = ${isActive}::boolean`}
          and ${isAfter('s.created_at, s.id', '<', cursor)}
        order by s.created_at desc, s.id desc
        limit ${limit + 1}::integer`,
      summaryRow,
    );
    return pageOf(rows.map(toSummary), limit, createdPlace);
  }

  async live({ limit, cursor }: PageRequest): Promise<Page<LiveSessionSummary>> {
    const rows = await this.#ask(
      sql`select ${columns}, u.name as host_name, ${presentCount} as present
        from sessions s join users u on u.id = s.host_user_id
        where s.is_active and s.is_discoverable and ${isAfter('s.created_at, s.id', '<', cursor)}
        order by s.created_at desc, s.id desc
        limit ${limit + 1}::integer`,
      summaryRow.extend({ host_name: z.string().nullable(), present: z.coerce.number() }),
    );
    const sessions = rows.map((row) => ({
      ...toSummary(row),
      hostName: row.host_name,
      participantCount: row.present,
    }));
    return pageOf(sessions, limit, createdPlace);
  }

  async last(userId: string): Promise<SessionSummary | null> {
    const [row] = await this.#ask(
      sql`select ${columns} from sessions s
        where s.is_active and ${isOf(userId)}
        order by s.last_activity desc, s.id desc
        limit 1`,
      summaryRow,
    );
    return row ? toSummary(row) : null;
  }

  async liveStatus(sessionId: string): Promise<LiveStatus | null> {
    const [row] = await this.#ask(
      sql`select s.is_active, s.is_discoverable, ${presentCount} as present,
          exists (select from invite_tokens i where i.session_id = s.id and ${inviteIsUsable}) as has_invites
        from sessions s where s.id = ${sessionId}::uuid`,
      z.object({
        is_active: z.boolean(),
        is_discoverable: z.boolean(),
        has_invites: z.boolean(),
        present: z.coerce.number(),
      }),
    );
    if (!row) return null;
    return {
      isActive: row.is_active,
      isDiscoverable: row.is_discoverable,
      hasInvites: row.has_invites,
      participantCount: row.present,
    };
  }

  /** A blank title becomes the default one. */
  setTitle(sessionId: string, title: string): Promise<boolean> {
    const given = title.trim() === '' ? DEFAULT_TITLE : title;
    return this.#changes(
      sql`update sessions set title = ${given}::text, updated_at = now()
        where id = ${sessionId}::uuid and is_active returning id`,
    );
  }

  setDiscoverable(sessionId: string, isDiscoverable: boolean): Promise<boolean> {
    return this.#changes(
      sql`update sessions set is_discoverable = ${isDiscoverable}::boolean, updated_at = now()
        where id = ${sessionId}::uuid and is_active returning id`,
    );
  }

  endLive(sessionId: string): Promise<boolean> {
    // A place by an invite that isn't there is good for nothing.
    const close = sql`via = 'invite', invite_id = null`;
    return this.#changes(sql`
      with s as (
        update sessions set is_discoverable = false, updated_at = now()
        where id = ${sessionId}::uuid and is_active
        returning id
      ), invites as (
        update invite_tokens i set revoked_at = now() from s where i.session_id = s.id and i.revoked_at is null
      ), signed_in as (
        update session_participants p set ${close} from s where p.session_id = s.id and p.role <> 'host'
      ), anonymous as (
        update anonymous_participants p set ${close} from s where p.session_id = s.id and p.role <> 'host'
      )
      select id from s`);
  }

  async end(sessionId: string): Promise<boolean> {
    const [outcome] = await this.#end([sessionId], sql`true`);
    return outcome?.status === 'ended';
  }

  endInactive(sessionIds: readonly string[], inactiveMs: number): Promise<InactiveOutcome[]> {
    return this.#end(sessionIds, sql`s.last_activity < now() - ${interval(inactiveMs)}`);
  }

  async inactive(inactiveMs: number, limit: number): Promise<{ id: string; lastActivityMs: number }[]> {
    const rows = await this.#ask(
      sql`select s.id, ${ms('s.last_activity')} as activity_ms from sessions s
        where s.is_active and s.created_at < now() - ${interval(inactiveMs)}
          and s.last_activity < now() - ${interval(inactiveMs)}
        order by s.created_at
        limit ${limit}::integer`,
      z.object({ id: z.string(), activity_ms: msColumn }),
    );
    return rows.map(({ id, activity_ms }) => ({ id, lastActivityMs: activity_ms }));
  }

  async #end(sessionIds: readonly string[], condition: SQL): Promise<InactiveOutcome[]> {
    const ids = sql`${sql.param([...sessionIds])}::uuid[]`;
    const rows = await this.#ask(
      sql`
      with ended as (
        update sessions s set is_active = false, ended_at = now(), updated_at = now()
        where s.id = any(${ids}) and s.is_active and ${condition}
        returning s.id
      ), invites as (
        update invite_tokens i set revoked_at = now() from ended e where i.session_id = e.id and i.revoked_at is null
      ), signed_in as (
        update session_participants p set left_at = now() from ended e where p.session_id = e.id and p.left_at is null
      ), anonymous as (
        update anonymous_participants p set left_at = now() from ended e where p.session_id = e.id and p.left_at is null
      )
      select w.id, case when s.id is null then 'missing' when e.id is null and s.is_active then 'active' else 'ended' end as status,
        ${ms('s.last_activity')} as activity_ms
      from unnest(${ids}) as w (id)
      left join sessions s on s.id = w.id
      left join ended e on e.id = w.id`,
      z.object({
        id: z.string(),
        status: z.enum(['ended', 'active', 'missing']),
        activity_ms: nullableMsColumn,
      }),
    );
    return rows.map(({ id, status, activity_ms }) => ({
      sessionId: id,
      status,
      lastActivityMs: activity_ms,
    }));
  }

  async #ask<T extends z.ZodType>(query: SQL, row: T): Promise<z.infer<T>[]> {
    const result = await ask(() => this.#db.execute(query));
    return z.array(row).parse(result.rows);
  }

  /** Whether a statement that returns what it changed changed anything. */
  async #changes(query: SQL): Promise<boolean> {
    return (await ask(() => this.#db.execute(query))).rows.length > 0;
  }
}

function createdPlace({ createdAtMs, id }: SessionSummary) {
  return { atMs: createdAtMs, id };
}
