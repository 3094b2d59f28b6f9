/** Accounts in Postgres. What must be atomic is one statement, as no transaction is ever left open. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type {
  Account,
  AccountChange,
  AccountRepository,
  AccountSession,
  ClaimedSession,
  ExportedMembership,
  ExportedMessage,
  ExportedSession,
  Identity,
  RefreshUse,
} from '../domain/accounts.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import { DEFAULT_DISPLAY_NAME, ROLES } from '../domain/types.ts';
import type { Database } from './client.ts';
import { participantRow, signedInColumns } from './participants.ts';
import { avatarAfter, nameAfter } from './profile.ts';
import { SYSTEM_USER_ID } from './schema.ts';
import {
  bigint,
  encodedBytes,
  MAX_PAGE_BYTES,
  ms,
  nullableBigint,
  pageOf,
  rowsInTurn,
  rowsOf,
} from './sql.ts';

const accountRow = z.object({
  id: z.string(),
  subject: z.string(),
  provider: z.string().nullable(),
  name: z.string().nullable(),
  avatarUrl: z.string().nullable(),
  email: z.string().nullable(),
  isAiEnabled: z.boolean(),
  isTrainingAllowed: z.boolean(),
  epoch: z.string(),
  createdAtMs: bigint,
  updatedAtMs: bigint,
}) satisfies z.ZodType<Account>;

/** What {@link accountRow} reads of a user `u`. */
const accountColumns = sql`u.id, u.subject, u.provider, u.name, u.avatar_url as "avatarUrl", u.email,
  u.ai_features_enabled as "isAiEnabled", u.training_consent as "isTrainingAllowed", u.token_epoch as epoch,
  ${ms('u.created_at')} as "createdAtMs", ${ms('u.updated_at')} as "updatedAtMs"`;

const useRow = z.object({
  outcome: z.enum(['rotated', 'fresh', 'again', 'stolen', 'invalid']),
  account: accountRow,
});

const claimRow = z.object({ isNew: z.boolean(), participant: participantRow.nullable() });

const accountSessionRow = z.object({
  id: z.string(),
  isActive: z.boolean(),
  participantIds: z.array(z.string()),
  displayNames: z.array(z.string()),
}) satisfies z.ZodType<AccountSession>;

const accountSessionsRow = z.object({ total: z.number(), sessions: z.array(accountSessionRow) });

const exportedSessionRow = z.object({
  id: z.string(),
  title: z.string(),
  code: z.string(),
  isActive: z.boolean(),
  isDiscoverable: z.boolean(),
  createdAtMs: bigint,
  endedAtMs: nullableBigint,
  lastActivityMs: bigint,
}) satisfies z.ZodType<ExportedSession>;

const exportedMembershipRow = z.object({
  sessionId: z.string(),
  title: z.string(),
  role: z.enum(ROLES),
  displayName: z.string(),
  joinedAtMs: bigint,
}) satisfies z.ZodType<ExportedMembership>;

const exportedMessageRow = z.object({
  id: z.string(),
  sessionId: z.string(),
  role: z.string(),
  type: z.string(),
  displayName: z.string(),
  isOwn: z.boolean(),
  content: z.string(),
  createdAtMs: bigint,
  position: bigint,
}) satisfies z.ZodType<ExportedMessage>;

const anyRow = z.unknown();
/** An exported message's row without its content. */
const EXPORTED_ROW_BYTES = 1_000;

const instant = (atMs: number): SQL => sql`to_timestamp(${atMs}::bigint / 1000.0)`;

/** Takes a user's name from what they said and changed, as parts of a `with` list. */
const namesTaken = (userId: string, where: SQL): SQL => sql`
  said as (
    update session_messages set display_name = ${DEFAULT_DISPLAY_NAME}::text, avatar_url = null, user_id = null
    where user_id = ${userId}::uuid ${where}
  ),
  changed as (
    update session_versions set display_name = null, user_id = null where user_id = ${userId}::uuid ${where}
  )`;

export class PostgresAccounts implements AccountRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async signIn(identity: Identity): Promise<Account> {
    const { subject, provider, name, avatarUrl, email } = identity;
    const account = await this.#account(sql`
      insert into users as u (id, subject, provider, name, avatar_url, email)
      values (
        ${crypto.randomUUID()}::uuid, ${subject}::text, ${provider}::text, ${name}::text, ${avatarUrl}::text,
        ${email}::text
      )
      on conflict (subject) do update set
        provider = excluded.provider, name = ${nameAfter}, avatar_url = ${avatarAfter}, email = excluded.email,
        updated_at = now()
      returning ${accountColumns}`);
    if (account === null) throw new StorageUnavailableError('postgres', 'an upsert returned no row');
    return account;
  }

  get(userId: string): Promise<Account | null> {
    return this.#account(sql`
      select ${accountColumns} from users u where u.id = ${userId}::uuid and u.subject is not null`);
  }

  change(userId: string, { name, avatarUrl, ...change }: AccountChange): Promise<Account | null> {
    const { isAiEnabled, isTrainingAllowed } = change;
    const sets = [
      name === undefined ? [] : sql`name = ${name}::text, has_own_name = true`,
      avatarUrl === undefined ? [] : sql`avatar_url = ${avatarUrl}::text, has_own_avatar = true`,
      isAiEnabled === undefined ? [] : sql`ai_features_enabled = ${isAiEnabled}::boolean`,
      isTrainingAllowed === undefined ? [] : sql`training_consent = ${isTrainingAllowed}::boolean`,
      sql`updated_at = now()`,
    ].flat();
    return this.#account(sql`
      update users u set ${sql.join(sets, sql`, `)} where u.id = ${userId}::uuid and u.subject is not null
      returning ${accountColumns}`);
  }

  async addBrowser(browser: Parameters<AccountRepository['addBrowser']>[0]): Promise<void> {
    const { id, userId, hash, nowMs, expiresAtMs } = browser;
    await rowsOf(
      this.#db,
      sql`insert into refresh_tokens (id, user_id, hash, created_at, expires_at)
        values (${id}::uuid, ${userId}::uuid, ${hash}::text, ${instant(nowMs)}, ${instant(expiresAtMs)})`,
      anyRow,
    );
  }

  /** The row's lock makes two tabs take turns: the second finds what the first has made of it. */
  async useRefreshToken(use: Parameters<AccountRepository['useRefreshToken']>[0]): Promise<RefreshUse> {
    const { browserId, hash, nextHash, nowMs, graceMs, expiresAtMs } = use;
    const [row] = await rowsOf(
      this.#db,
      sql`
        with t as materialized (select * from refresh_tokens where id = ${browserId}::uuid for update),
        judged as materialized (
          select t.id, t.user_id, case
            when t.revoked_at is not null or t.expires_at <= ${instant(nowMs)} then 'invalid'
            when t.hash = ${hash}::text and t.rotated_at > ${instant(nowMs - graceMs)} then 'fresh'
            when t.hash = ${hash}::text then 'rotated'
            when t.previous_hash = ${hash}::text and t.hash = ${nextHash}::text
              and t.rotated_at > ${instant(nowMs - graceMs)} then 'again'
            else 'stolen'
          end as outcome
          from t
        ),
        changed as (
          update refresh_tokens r set
            hash = case when j.outcome = 'rotated' then ${nextHash}::text else r.hash end,
            previous_hash = case when j.outcome = 'rotated' then r.hash else r.previous_hash end,
            rotated_at = case when j.outcome = 'rotated' then ${instant(nowMs)} else r.rotated_at end,
            expires_at = case when j.outcome = 'rotated' then ${instant(expiresAtMs)} else r.expires_at end,
            revoked_at = case when j.outcome = 'stolen' then ${instant(nowMs)} else r.revoked_at end
          from judged j
          where r.id = j.id and j.outcome in ('rotated', 'stolen')
        )
        select j.outcome, (select to_jsonb(a) from (select ${accountColumns}) a) as account
        from judged j join users u on u.id = j.user_id`,
      useRow,
    );
    if (row === undefined || row.outcome === 'invalid') return { outcome: 'invalid' };
    return row.outcome === 'stolen' ? { outcome: 'stolen' } : { outcome: row.outcome, account: row.account };
  }

  async removeBrowser(browserId: string): Promise<void> {
    await rowsOf(this.#db, sql`delete from refresh_tokens where id = ${browserId}::uuid`, anyRow);
  }

  async signOutEverywhere(userId: string, limit: number): Promise<string[]> {
    const rows = await rowsOf(
      this.#db,
      sql`
        with browsers as (delete from refresh_tokens where user_id = ${userId}::uuid),
        revoked as (update users set token_epoch = gen_random_uuid() where id = ${userId}::uuid)
        select s.id from session_participants p join sessions s on s.id = p.session_id
        where p.user_id = ${userId}::uuid and p.removed_at is null and s.is_active
        -- Who has just come isn't reported as present yet.
        order by (p.left_at is null) desc, greatest(p.left_at, p.joined_at) desc limit ${limit}::integer`,
      z.object({ id: z.string() }),
    );
    return rows.map(({ id }) => id);
  }

  async deleteExpiredBrowsers(nowMs: number): Promise<number> {
    const rows = await rowsOf(
      this.#db,
      sql`delete from refresh_tokens where expires_at <= ${instant(nowMs)} returning id`,
      anyRow,
    );
    return rows.length;
  }

  /**
   * The participant keeps their id: what the room knows of them stays true. Where the user has a membership
   * in the session already, it becomes this participant's. Two tabs of one user take turns: both are told.
   */
  async claim({
    sessionId,
    participantId,
    userId,
  }: Parameters<AccountRepository['claim']>[0]): Promise<ClaimedSession | null> {
    const [row] = await rowsInTurn(
      this.#db,
      `claim ${sessionId}`,
      sql`
        with s as materialized (select * from sessions where id = ${sessionId}::uuid for update),
        old as (
          delete from anonymous_participants p using s
          where s.host_user_id = ${SYSTEM_USER_ID}::uuid and p.session_id = s.id
            and p.id = ${participantId}::uuid and p.join_method = 'owner' and p.removed_at is null
          returning p.id, p.session_id, p.display_name, p.joined_at, p.left_at
        ),
        given as (
          update sessions x set host_user_id = ${userId}::uuid, made_from = null, updated_at = now()
          from old where x.id = old.session_id
        ),
        made as (
          insert into session_participants as p
            (id, session_id, user_id, display_name, role, join_method, joined_at, left_at)
          select old.id, old.session_id, ${userId}::uuid, old.display_name, 'host', 'owner', old.joined_at, old.left_at
          from old
          on conflict (session_id, user_id) do update set
            id = excluded.id, display_name = excluded.display_name, role = 'host', join_method = 'owner',
            invite_id = null, left_at = excluded.left_at, removed_at = null
          returning ${signedInColumns}
        ),
        known as (
          select ${signedInColumns} from session_participants p join s on s.id = p.session_id
          where s.host_user_id = ${userId}::uuid and p.id = ${participantId}::uuid
            and p.user_id = ${userId}::uuid
        )
        select exists (select from made) as "isNew",
          coalesce((select to_jsonb(m) from made m), (select to_jsonb(k) from known k)) as participant`,
      claimRow,
    );
    return row?.participant ? { sessionId, participant: row.participant, isNew: row.isNew } : null;
  }

  ownSessions(userId: string, limit: number) {
    return this.#sessions(sql`select id from sessions where host_user_id = ${userId}::uuid`, userId, limit);
  }

  othersSessions(userId: string, limit: number) {
    const id = sql`${userId}::uuid`;
    const named = sql`
      select x.id from (
        select session_id as id from session_participants where user_id = ${id}
        union select session_id from session_messages where user_id = ${id}
        union select session_id from session_versions where user_id = ${id}
      ) x join sessions s on s.id = x.id where s.host_user_id <> ${id}`;
    return this.#sessions(named, userId, limit);
  }

  async #sessions(ids: SQL, userId: string, limit: number) {
    const [row] = await rowsOf(
      this.#db,
      sql`
        with ids as (${ids})
        select (select count(*) from ids)::integer as total, coalesce((
          select json_agg(x) from (
            select s.id, s.is_active as "isActive",
              array(
                select p.id from session_participants p
                where p.session_id = s.id and p.user_id = ${userId}::uuid
              ) as "participantIds",
              array(
                select p.display_name from session_participants p
                where p.session_id = s.id and p.user_id = ${userId}::uuid
              ) as "displayNames"
            from sessions s join ids on ids.id = s.id
            order by s.created_at, s.id limit ${limit}::integer
          ) x
        ), '[]'::json) as sessions`,
      accountSessionsRow,
    );
    return row ?? { total: 0, sessions: [] };
  }

  async forgetIn(userId: string, sessionIds: readonly string[]): Promise<void> {
    const ids = sql`${sql.param([...sessionIds])}::uuid[]`;
    await rowsOf(
      this.#db,
      sql`
        with members as (
          delete from session_participants p where p.user_id = ${userId}::uuid and p.session_id = any(${ids})
          returning p.session_id, p.display_name
        ),
        played as (
          update sessions s set transport = jsonb_set(s.transport::jsonb, '{by}', to_jsonb(${DEFAULT_DISPLAY_NAME}::text))::text
          from members m
          where s.id = m.session_id and s.transport <> '' and s.transport::jsonb ->> 'by' = m.display_name
        ),
        ${namesTaken(userId, sql`and session_id = any(${ids})`)}
        select 1 where false`,
      anyRow,
    );
  }

  async delete(userId: string): Promise<boolean> {
    const deleted = await rowsOf(
      this.#db,
      sql`
        with ${namesTaken(userId, sql``)},
        gone as (
          delete from users u where u.id = ${userId}::uuid and u.id <> ${SYSTEM_USER_ID}::uuid
            and not exists (select from sessions where host_user_id = ${userId}::uuid)
          returning u.id
        )
        select id from gone`,
      anyRow,
    );
    return deleted.length > 0;
  }

  exportSessions(userId: string, page: PageRequest): Promise<Page<ExportedSession>> {
    const list = {
      columns: sql`s.id, s.title, s.code, s.is_active as "isActive", s.is_discoverable as "isDiscoverable",
        ${ms('s.created_at')} as "createdAtMs", ${ms('s.ended_at')} as "endedAtMs",
        ${ms('s.last_activity')} as "lastActivityMs"`,
      from: sql`sessions s`,
      where: sql`s.host_user_id = ${userId}::uuid`,
      order: sql`s.created_at, s.id`,
    };
    return pageOf(this.#db, list, page, exportedSessionRow);
  }

  exportMemberships(userId: string, page: PageRequest): Promise<Page<ExportedMembership>> {
    const list = {
      columns: sql`s.id as "sessionId", s.title, p.role, p.display_name as "displayName",
        ${ms('p.joined_at')} as "joinedAtMs"`,
      from: sql`session_participants p join sessions s on s.id = p.session_id`,
      where: sql`p.user_id = ${userId}::uuid and s.host_user_id <> ${userId}::uuid`,
      order: sql`p.joined_at, p.id`,
    };
    return pageOf(this.#db, list, page, exportedMembershipRow);
  }

  async exportMessages(
    userId: string,
    sessionIds: readonly string[],
    { after, limit, isOwnOnly }: Parameters<AccountRepository['exportMessages']>[2],
  ): Promise<{ messages: ExportedMessage[]; hasMore: boolean }> {
    // The sessions before the last message's are done.
    const left = after === null ? sessionIds : sessionIds.slice(sessionIds.indexOf(after.sessionId));
    const isAfter =
      after === null
        ? sql`true`
        : sql`(m.session_id <> ${after.sessionId}::uuid
            or (m.position, m.id) > (${after.position}::bigint, ${after.id}::uuid))`;
    const rows = await rowsOf(
      this.#db,
      sql`
        select * from (
          select a.*, count(*) over () as asked, row_number() over (order by a.ordinal, a.position, a.id) as nth,
            sum(${encodedBytes(sql`a.content`)} + ${sql.raw(String(EXPORTED_ROW_BYTES))})
              over (order by a.ordinal, a.position, a.id) as bytes
          from (
            select w.ordinal, m.id, m.session_id as "sessionId", m.role, m.message_type as type,
              m.display_name as "displayName", m.user_id is not distinct from ${userId}::uuid as "isOwn", m.content,
              ${ms('m.created_at')} as "createdAtMs", m.position
            from unnest(${sql.param([...left])}::uuid[]) with ordinality as w (id, ordinal)
            join session_messages m on m.session_id = w.id
            where ${isAfter} and ${isOwnOnly ? sql`m.user_id = ${userId}::uuid` : sql`true`}
            order by w.ordinal, m.position, m.id
            limit ${limit}::integer
          ) a
        ) x
        where x.nth = 1 or x.bytes <= ${sql.raw(String(MAX_PAGE_BYTES))}
        order by x.nth`,
      exportedMessageRow.extend({ asked: bigint }),
    );
    const isFull = rows.length === limit || rows.length < (rows[0]?.asked ?? 0);
    return { messages: rows.map(({ asked: _, ...message }) => message), hasMore: isFull };
  }

  async #account(statement: SQL): Promise<Account | null> {
    return (await rowsOf(this.#db, statement, accountRow))[0] ?? null;
  }
}
