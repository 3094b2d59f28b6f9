/** Sessions' lists and lives in Postgres. Each method is one statement. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type {
  InactiveOutcome,
  ListedSession,
  LiveSessionSummary,
  LiveStatus,
  SessionDirectory,
} from '../domain/directory.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import { DEFAULT_TITLE } from '../domain/types.ts';
import { MAX_LISTED_OF_NETWORK, MAX_SHOWN_PARTICIPANTS } from '../protocol/limits.ts';
import { expiryAfterEnd } from './anonymous-expiry.ts';
import type { Database } from './client.ts';
import { inviteIsUsable, membershipIsValid } from './membership.ts';
import { accountNameOfHost, participantRow, participantsOf, presentCount } from './participants.ts';
import { SYSTEM_USER_ID } from './schema.ts';
import { bigint, ms, nullableBigint, pageOf, rowsOf } from './sql.ts';

const sessionRow = z.object({
  id: z.string(),
  title: z.string(),
  hostUserId: z.string(),
  code: z.string(),
  rev: z.number(),
  isActive: z.boolean(),
  isDiscoverable: z.boolean(),
  createdAtMs: bigint,
  endedAtMs: nullableBigint,
  lastActivityMs: bigint,
  participants: z.array(participantRow),
}) satisfies z.ZodType<ListedSession>;

/** What {@link sessionRow} reads of a session `s`. */
const sessionColumns = sql`s.id, s.title, s.host_user_id as "hostUserId", s.code, s.code_rev as rev,
  s.is_active as "isActive", s.is_discoverable as "isDiscoverable", ${ms('s.created_at')} as "createdAtMs",
  ${ms('s.ended_at')} as "endedAtMs", ${ms('s.last_activity')} as "lastActivityMs",
  coalesce((
    select json_agg(shown) from (
      select p.* from ${participantsOf(sql`s.id`)} p where p."removedAtMs" is null
      order by p."joinedAtMs", p.id limit ${sql.raw(String(MAX_SHOWN_PARTICIPANTS))}
    ) shown
  ), '[]'::json) as participants`;

const liveRow = z.object({
  id: z.string(),
  title: z.string(),
  isDiscoverable: z.boolean(),
  createdAtMs: bigint,
  lastActivityMs: bigint,
  hostName: z.string().nullable(),
  participantCount: bigint,
  isMember: z.boolean(),
}) satisfies z.ZodType<LiveSessionSummary>;

const statusRow = z.object({
  isActive: z.boolean(),
  isDiscoverable: z.boolean(),
  hasInvites: z.boolean(),
  participantCount: bigint,
}) satisfies z.ZodType<LiveStatus>;

const endedRow = z.object({
  sessionId: z.string(),
  status: z.enum(['ended', 'active', 'missing']),
  lastActivityMs: nullableBigint,
}) satisfies z.ZodType<InactiveOutcome>;

/** Whether session `s` is a user's: they own it, or have a valid membership in it. */
const isOf = (userId: string): SQL => sql`(
  s.host_user_id = ${userId}::uuid
  or s.id in (
    select p.session_id from session_participants p join sessions s on s.id = p.session_id
    where p.user_id = ${userId}::uuid and ${membershipIsValid}
  )
)`;

/** What {@link liveRow} reads of a session `s`. */
const liveColumns = (userId: string | null): SQL => sql`s.id, s.title, s.is_discoverable as "isDiscoverable",
  ${ms('s.created_at')} as "createdAtMs", ${ms('s.last_activity')} as "lastActivityMs",
  ${accountNameOfHost} as "hostName", ${presentCount} as "participantCount",
  ${userId === null ? sql`false` : isOf(userId)} as "isMember"`;

const newestFirst = sql`s.created_at desc, s.id desc`;

const interval = (durationMs: number): SQL => sql`make_interval(secs => ${durationMs}::bigint / 1000.0)`;

export class PostgresDirectory implements SessionDirectory {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  list(
    userId: string,
    { activeOnly, ...page }: PageRequest & { activeOnly: boolean },
  ): Promise<Page<ListedSession>> {
    const list = {
      columns: sessionColumns,
      from: sql`sessions s`,
      where: sql`${isOf(userId)} and ${activeOnly ? sql`s.is_active` : sql`true`}`,
      order: newestFirst,
    };
    return pageOf(this.#db, list, page, sessionRow);
  }

  live(userId: string | null, page: PageRequest): Promise<Page<LiveSessionSummary>> {
    const list = {
      columns: liveColumns(userId),
      from: sql`(
        select *, row_number() over (partition by made_from order by created_at desc, id desc) as nth
        from sessions where is_active and is_discoverable
      ) s`,
      // Without it the sessions of one stranger would be the whole list.
      where: sql`s.made_from is null or s.nth <= ${sql.raw(String(MAX_LISTED_OF_NETWORK))}`,
      order: newestFirst,
    };
    return pageOf(this.#db, list, page, liveRow);
  }

  async last(userId: string): Promise<LiveSessionSummary | null> {
    const [session] = await this.#ask(
      sql`select ${liveColumns(userId)} from sessions s
        where s.is_active and ${isOf(userId)}
        order by s.last_activity desc, s.id desc
        limit 1`,
      liveRow,
    );
    return session ?? null;
  }

  async liveStatus(sessionId: string): Promise<LiveStatus | null> {
    const [status] = await this.#ask(
      sql`select s.is_active as "isActive", s.is_discoverable as "isDiscoverable", ${presentCount} as "participantCount",
          exists (select from invite_tokens i where i.session_id = s.id and ${inviteIsUsable}) as "hasInvites"
        from sessions s where s.id = ${sessionId}::uuid`,
      statusRow,
    );
    return status ?? null;
  }

  /** A blank title becomes the default one. */
  async setTitle(sessionId: string, title: string): Promise<string | null> {
    const given = title.trim() === '' ? DEFAULT_TITLE : title;
    const [row] = await this.#ask(
      sql`update sessions set title = ${given}::text, updated_at = now()
        where id = ${sessionId}::uuid and is_active returning title`,
      z.object({ title: z.string() }),
    );
    return row?.title ?? null;
  }

  async setDiscoverable(sessionId: string, isDiscoverable: boolean): Promise<boolean> {
    const rows = await this.#ask(
      sql`update sessions set is_discoverable = ${isDiscoverable}::boolean, updated_at = now()
        where id = ${sessionId}::uuid and is_active returning id`,
      z.unknown(),
    );
    return rows.length > 0;
  }

  async endLive(sessionId: string): Promise<{ participants: number; invites: number } | null> {
    // A membership by an invite that doesn't exist is never valid.
    const close = sql`set join_method = 'invite', invite_id = null from s where p.session_id = s.id and p.role <> 'host'
      returning p.left_at is null and p.removed_at is null as was_here`;
    const [row] = await this.#ask(
      sql`
      with s as (
        update sessions set is_discoverable = false, updated_at = now()
        where id = ${sessionId}::uuid and is_active
        returning id
      ), invites as (
        update invite_tokens i set revoked_at = now() from s where i.session_id = s.id and i.revoked_at is null
        returning i.id
      ), signed_in as (
        update session_participants p ${close}
      ), anonymous as (
        update anonymous_participants p ${close}
      )
      select (select count(*) from invites)::integer as invites, (
        select count(*) from (select * from signed_in union all select * from anonymous) p where p.was_here
      )::integer as participants
      from s`,
      z.object({ invites: z.number(), participants: z.number() }),
    );
    return row ?? null;
  }

  async end(sessionId: string): Promise<boolean> {
    const [outcome] = await this.#end([sessionId], sql`true`);
    return outcome?.status === 'ended';
  }

  endInactive(sessionIds: readonly string[], inactiveMs: number): Promise<InactiveOutcome[]> {
    return this.#end(sessionIds, sql`s.last_activity < now() - ${interval(inactiveMs)}`);
  }

  inactive(inactiveMs: number, limit: number): Promise<{ id: string; lastActivityMs: number }[]> {
    return this.#ask(
      sql`select s.id, ${ms('s.last_activity')} as "lastActivityMs" from sessions s
        where s.is_active and s.created_at < now() - ${interval(inactiveMs)}
          and s.last_activity < now() - ${interval(inactiveMs)}
        order by s.created_at
        limit ${limit}::integer`,
      z.object({ id: z.string(), lastActivityMs: bigint }),
    );
  }

  async deleteEnded(days: { anonymous: number; others: number }, limit: number): Promise<string[]> {
    const before = (count: number) => sql`now() - make_interval(days => ${count}::integer)`;
    // A row that another transaction holds is left for the next time, rather than waited for.
    const rows = await this.#ask(
      sql`
      with old as (
        select s.id from sessions s
        where not s.is_active and (
          s.ended_at < ${before(days.others)}
          or (
            s.ended_at < ${before(days.anonymous)} and s.host_user_id = ${SYSTEM_USER_ID}::uuid
            and not exists (select from session_participants p where p.session_id = s.id)
          )
        )
        order by s.ended_at
        limit ${limit}::integer
        for update skip locked
      )
      delete from sessions s using old where s.id = old.id returning s.id`,
      z.object({ id: z.string() }),
    );
    return rows.map(({ id }) => id);
  }

  #end(sessionIds: readonly string[], condition: SQL): Promise<InactiveOutcome[]> {
    const ids = sql`${sql.param([...sessionIds])}::uuid[]`;
    return this.#ask(
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
        update anonymous_participants p set
          left_at = coalesce(p.left_at, now()),
          expires_at = case
            when p.join_method <> 'discovery' and p.expires_at > now() then greatest(p.expires_at, ${expiryAfterEnd})
            else p.expires_at
          end
        from ended e where p.session_id = e.id
          and (p.left_at is null or (p.join_method <> 'discovery' and p.expires_at > now()))
      )
      select w.id as "sessionId", case when s.id is null then 'missing' when e.id is null and s.is_active then 'active' else 'ended' end as status,
        ${ms('s.last_activity')} as "lastActivityMs"
      from unnest(${ids}) as w (id)
      left join sessions s on s.id = w.id
      left join ended e on e.id = w.id`,
      endedRow,
    );
  }

  #ask<T extends z.ZodType>(query: SQL, row: T): Promise<z.output<T>[]> {
    return rowsOf(this.#db, query, row);
  }
}
