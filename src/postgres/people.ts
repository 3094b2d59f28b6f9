/**
 * People in Postgres, over HTTP: no transaction is ever left open, and what must be atomic is one statement.
 */
import { and, eq, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { RevokedTokenError, SessionNotFoundError, StorageUnavailableError } from '../domain/errors.ts';
import { GUEST_NAME, NAMELESS } from '../domain/guest-names.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import type {
  AccessCheck,
  EnterOutcome,
  EntryRequest,
  InvitePreview,
  LetInRequest,
  MembershipOutcome,
  Participant,
  PeopleRepository,
  User,
} from '../domain/people.ts';
import {
  type Invite,
  JOIN_METHODS,
  type NewInvite,
  ROLES,
  type Role,
  type UserProfile,
} from '../domain/types.ts';
import { anonymousExpiryOf } from './anonymous-expiry.ts';
import type { Database } from './client.ts';
import { runQuery } from './errors.ts';
import { inviteIsUsable, membershipIsValid } from './membership.ts';
import {
  accountNameOfHost,
  anonymousColumns,
  participantRow,
  participantsOf,
  presentCount,
  signedInColumns,
} from './participants.ts';
import { avatarAfter, nameAfter } from './profile.ts';
import { anonymousParticipants, inviteTokens } from './schema.ts';
import { bigint, ms, nullableBigint, pageOf, rowsInTurn, rowsOf } from './sql.ts';

/** 192 bits: an invite can't be guessed. */
const INVITE_TOKEN_BYTES = 24;

const accessRow = z.object({
  role: z.enum(ROLES).nullable(),
  joinMethod: z.enum(JOIN_METHODS).nullable(),
  inviteId: z.string().nullable(),
  invite: z.object({ id: z.string(), role: z.enum(['co-author', 'viewer']) }).nullable(),
  participantId: z.string().nullable(),
  displayName: z.string().nullable(),
  isRemoved: z.boolean(),
  isActive: z.boolean(),
  isDiscoverable: z.boolean(),
  isRevoked: z.boolean(),
}) satisfies z.ZodType<AccessCheck & { isRevoked: boolean }>;

const userRow = z.object({
  id: z.string(),
  name: z.string().nullable(),
  avatarUrl: z.string().nullable(),
}) satisfies z.ZodType<User>;

const inviteRow = z.object({
  id: z.string(),
  sessionId: z.string(),
  token: z.string(),
  role: z.enum(['co-author', 'viewer']),
  maxUses: z.number().nullable(),
  usesCount: z.number(),
  expiresAtMs: nullableBigint,
  createdAtMs: bigint,
}) satisfies z.ZodType<Invite>;

const inviteColumns = sql`i.id, i.session_id as "sessionId", i.token, i.role, i.max_uses as "maxUses",
  i.uses_count as "usesCount", ${ms('i.expires_at')} as "expiresAtMs", ${ms('i.created_at')} as "createdAtMs"`;

/** For statements of which only the number of rows counts. */
const anyRow = z.unknown();

const enteredRow = z.object({
  found: z.boolean(),
  isActive: z.boolean().nullable(),
  removed: z.boolean().nullable(),
  isRevoked: z.boolean().default(false),
  entered: participantRow.nullable(),
});

const letInRow = enteredRow.extend({ isOwner: z.boolean().nullable() });

const previewRow = z.object({
  sessionId: z.string(),
  title: z.string(),
  hostName: z.string().nullable(),
  role: z.enum(['co-author', 'viewer']),
  participantCount: bigint,
  isUsable: z.boolean(),
  wasEnded: z.boolean(),
});

const changedRow = z.object({ changed: participantRow.nullable(), isOwner: z.boolean() });

/**
 * The caller's memberships in a session, at most one of each table, and whether each is valid. Expects a CTE
 * `s` with the session's row.
 */
function knownMemberships({ sessionId, userId, participantId }: Omit<AccessKey, 'inviteToken' | 'epoch'>) {
  return sql`
    known as (
      select p.id, p.role, p.join_method, p.invite_id, p.display_name, p.removed_at, p.joined_at
      from session_participants p
      where p.session_id = ${sessionId}::uuid and p.user_id = ${userId}::uuid
      union all
      select p.id, p.role, p.join_method, p.invite_id, p.display_name, p.removed_at, p.joined_at
      from anonymous_participants p
      where p.session_id = ${sessionId}::uuid and p.id = ${participantId}::uuid and p.expires_at > now()
    ),
    membership as (select p.*, ${membershipIsValid} as is_valid from known p, s)`;
}

/** Whether the user has revoked the caller's token since it was signed. */
const isRevoked = ({ userId, epoch }: Pick<AccessKey, 'userId' | 'epoch'>) => sql`(
  ${epoch}::uuid is not null
  and not exists (select from users where id = ${userId}::uuid and token_epoch = ${epoch}::uuid)
)`;

/**
 * For the row that an entry would write anew: a removal that was committed since the statement began is seen
 * here alone. An owner can't be removed from their own session.
 */
const isNotRemovedMeanwhile = sql`(p.removed_at is null or excluded.join_method = 'owner')`;

/**
 * For the row that an entry would write anew: what the entry brings, or else what the row says by now. The
 * host may have changed it since the statement began.
 */
function broughtOrCurrent(column: string): SQL {
  const name = sql.identifier(column);
  return sql`${name} = case when (select is_known from chosen) then p.${name} else excluded.${name} end`;
}

type AccessKey = Parameters<PeopleRepository['checkAccess']>[0];

export class PostgresPeople implements PeopleRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A row that says the same already isn't written again: tokens come with every request. */
  async upsertUser(profile: UserProfile): Promise<User> {
    const { subject, name, avatarUrl, epoch } = profile;
    if (epoch !== undefined) return this.#signedInUser(subject, epoch);
    const find = () =>
      rowsOf(
        this.#db,
        sql`
          with changed as (
            insert into users as u (id, subject, name, avatar_url)
            values (${crypto.randomUUID()}::uuid, ${subject}::text, ${name}::text, ${avatarUrl}::text)
            on conflict (subject) do update set
              name = ${nameAfter},
              avatar_url = ${avatarAfter},
              updated_at = now()
            where (u.name, u.avatar_url) is distinct from (${nameAfter}, ${avatarAfter})
            returning u.id, u.name, u.avatar_url
          )
          select id, name, avatar_url as "avatarUrl" from changed
          union all
          select id, name, avatar_url from users
          where subject = ${subject}::text and not exists (select from changed)`,
        userRow,
      );
    // Made by another request since this statement began, it is seen by neither half; the next statement sees
    // it.
    const user = (await find())[0] ?? (await find())[0];
    if (user === undefined) throw new StorageUnavailableError('postgres', 'an upsert returned no row');
    return user;
  }

  async #signedInUser(subject: string, epoch: string): Promise<User> {
    const [user] = await rowsOf(
      this.#db,
      sql`select id, name, avatar_url as "avatarUrl" from users
        where subject = ${subject}::text and token_epoch = ${epoch}::uuid`,
      userRow,
    );
    if (user === undefined) throw new RevokedTokenError();
    return user;
  }

  /**
   * One statement, in this order: the session, the caller's memberships, whether they own it, an invite's use
   * if they need one (its row lock makes two people take turns), the access they get, and their row.
   */
  async enter(request: EntryRequest): Promise<EnterOutcome> {
    const { sessionId, userId, participantId, inviteToken, displayName, fallbackName, newParticipantId } =
      request;
    const place = sql.join(['role', 'join_method', 'invite_id'].map(broughtOrCurrent), sql`, `);
    // A participant who enters twice at once spends one use: the second entry sees the membership.
    const turn = `enter ${sessionId} ${userId ?? participantId ?? newParticipantId}`;
    const rows = (statement: SQL) =>
      inviteToken === null
        ? rowsOf(this.#db, statement, enteredRow)
        : rowsInTurn(this.#db, turn, statement, enteredRow);
    const [row] = await rows(
      sql`
        with s as (select * from sessions where id = ${sessionId}::uuid),
        ${knownMemberships({ sessionId, userId, participantId })},
        -- A session token may be of a user who has deleted their account, or is doing so.
        account as (select id from users where id = ${userId}::uuid for key share),
        taken as (
          update invite_tokens i set uses_count = i.uses_count + 1
          from s
          where i.token = ${inviteToken}::text and i.session_id = s.id and s.is_active
            and (${userId}::uuid is null or exists (select from account))
            and ${inviteIsUsable} and not ${isRevoked(request)}
            and s.host_user_id is distinct from ${userId}::uuid
            and not exists (select from membership where removed_at is not null)
            and not exists (
              select from membership
              where is_valid and join_method <> 'discovery' and (role <> 'viewer' or i.role = 'viewer')
            )
          returning i.id, i.role
        ),
        chosen as (
          select x.*, x.preference = 3 as is_known from (
            select 1 as preference, 'host' as role, 'owner' as join_method, null::uuid as invite_id
            from s where s.host_user_id = ${userId}::uuid
            union all select 2, t.role, 'invite', t.id from taken t
            union all select 3, p.role, p.join_method, p.invite_id from membership p where p.is_valid
            union all select 4, 'viewer', 'discovery', null from s where s.is_discoverable
          ) x, s
          where s.is_active and (x.preference = 1 or not exists (select from membership where removed_at is not null))
            and (${userId}::uuid is null or exists (select from account))
            and not ${isRevoked(request)}
          order by x.preference limit 1
        ),
        signed_in as (
          insert into session_participants as p (id, session_id, user_id, display_name, role, join_method, invite_id, left_at)
          select ${newParticipantId}::uuid, ${sessionId}::uuid, ${userId}::uuid, coalesce(${displayName}::text, ${fallbackName}::text, ${NAMELESS}::text || ' ' || c.role),
            c.role, c.join_method, c.invite_id, now()
          from chosen c where ${userId}::uuid is not null
          on conflict (session_id, user_id) do update set
            ${place}, removed_at = null,
            display_name = coalesce(${displayName}::text, p.display_name)
          where ${isNotRemovedMeanwhile}
          returning ${signedInColumns}
        ),
        anonymous as (
          insert into anonymous_participants as p (id, session_id, display_name, role, join_method, invite_id, left_at, expires_at)
          select coalesce((select id from membership limit 1), ${newParticipantId}::uuid), ${sessionId}::uuid,
            coalesce(${displayName}::text, ${fallbackName}::text, ${NAMELESS}::text || ' ' || c.role), c.role, c.join_method, c.invite_id, now(), ${anonymousExpiryOf(sql`c.join_method`)}
          from chosen c where ${userId}::uuid is null
          on conflict (id) do update set
            ${place}, expires_at = excluded.expires_at,
            display_name = coalesce(${displayName}::text, p.display_name)
          where ${isNotRemovedMeanwhile}
          returning ${anonymousColumns}
        ),
        entered as (select * from signed_in union all select * from anonymous)
        select
          s.id is not null as found, s.is_active as "isActive",
          exists (select from membership where removed_at is not null) as removed,
          ${isRevoked(request)} as "isRevoked",
          (select to_jsonb(e) from entered e) as entered
        from (select 1) one left join s on true`,
    );
    if (row?.isRevoked) throw new RevokedTokenError();
    if (!row?.found) return { outcome: 'missing' };
    if (!row.isActive) return { outcome: 'ended' };
    if (row.entered !== null) return { outcome: 'entered', participant: row.entered };
    if (row.removed) return { outcome: 'removed' };
    return { outcome: inviteToken === null ? 'refused' : 'bad_invite' };
  }

  async letIn(request: LetInRequest): Promise<EnterOutcome> {
    const { sessionId, userId, participantId, displayName, role, readmit } = request;
    const columns = sql`id, session_id, display_name, role, join_method, invite_id, left_at`;
    const values = sql`${sessionId}::uuid, ${displayName}::text, a.role, 'grant', null::uuid, now()`;
    const [row] = await rowsOf(
      this.#db,
      sql`
        with s as (select * from sessions where id = ${sessionId}::uuid),
        ${knownMemberships({ sessionId, userId, participantId })},
        allowed as (
          select ${role}::text as role from s
          where s.is_active and s.host_user_id is distinct from ${userId}::uuid
            and (${readmit}::boolean or not exists (select from membership where removed_at is not null))
        ),
        signed_in as (
          insert into session_participants as p (${columns}, user_id)
          select ${participantId}::uuid, ${values}, ${userId}::uuid from allowed a where ${userId}::uuid is not null
          on conflict (session_id, user_id) do update set
            role = excluded.role, join_method = excluded.join_method, invite_id = null, removed_at = null,
            display_name = excluded.display_name
          where p.removed_at is null or ${readmit}::boolean
          returning ${signedInColumns}
        ),
        anonymous as (
          insert into anonymous_participants as p (${columns}, expires_at)
          select ${participantId}::uuid, ${values}, ${anonymousExpiryOf(sql`'grant'`)} from allowed a
          where ${userId}::uuid is null
          on conflict (id) do update set
            role = excluded.role, join_method = excluded.join_method, invite_id = null, removed_at = null,
            expires_at = excluded.expires_at, display_name = excluded.display_name
          where p.session_id = excluded.session_id and p.join_method <> 'owner'
            and (p.removed_at is null or ${readmit}::boolean)
          returning ${anonymousColumns}
        )
        select
          s.id is not null as found, s.is_active as "isActive", s.host_user_id = ${userId}::uuid as "isOwner",
          exists (select from membership where removed_at is not null) as removed,
          coalesce((select to_jsonb(x) from signed_in x), (select to_jsonb(x) from anonymous x)) as entered
        from (select 1) one left join s on true`,
      letInRow,
    );
    if (!row?.found) return { outcome: 'missing' };
    if (!row.isActive) return { outcome: 'ended' };
    if (row.entered !== null) return { outcome: 'entered', participant: row.entered };
    return { outcome: row.removed && !row.isOwner ? 'removed' : 'refused' };
  }

  async checkAccess(who: AccessKey): Promise<AccessCheck | null> {
    const [access] = await rowsOf(
      this.#db,
      sql`
        with s as (select * from sessions where id = ${who.sessionId}::uuid),
        ${knownMemberships(who)}
        select
          case
            when s.host_user_id = ${who.userId}::uuid then 'host'
            when p.removed_at is not null then null
            when p.is_valid then p.role
            when s.is_discoverable then 'viewer'
          end as role,
          case
            when s.host_user_id = ${who.userId}::uuid then 'owner'
            when p.removed_at is not null then null
            when p.is_valid then p.join_method
            when s.is_discoverable then 'discovery'
          end as "joinMethod",
          case when p.is_valid and s.host_user_id is distinct from ${who.userId}::uuid then p.invite_id end as "inviteId",
          (
            select jsonb_build_object('id', i.id, 'role', i.role) from invite_tokens i
            where i.token = ${who.inviteToken}::text and i.session_id = s.id and ${inviteIsUsable}
          ) as invite,
          p.id as "participantId", p.display_name as "displayName", p.removed_at is not null as "isRemoved",
          s.is_active as "isActive", s.is_discoverable as "isDiscoverable", ${isRevoked(who)} as "isRevoked"
        from s left join membership p on true
        limit 1`,
      accessRow,
    );
    if (!access) return null;
    const { isRevoked: wasRevoked, ...check } = access;
    if (wasRevoked) throw new RevokedTokenError();
    return check;
  }

  participants(
    sessionId: string,
    { withRemoved, ...page }: PageRequest & { withRemoved: boolean },
  ): Promise<Page<Participant>> {
    const list = {
      columns: sql`p.*`,
      from: sql`${participantsOf(sql`${sessionId}::uuid`)} p`,
      where: withRemoved ? sql`true` : sql`p."removedAtMs" is null`,
      order: sql`p."joinedAtMs", p.id`,
    };
    return pageOf(this.#db, list, page, participantRow);
  }

  setRole(sessionId: string, participantId: string, role: Role): Promise<MembershipOutcome> {
    return this.#changeMembership(
      sessionId,
      participantId,
      sql`role = ${role}::text, join_method = 'grant', invite_id = null, removed_at = null`,
    );
  }

  async rename(sessionId: string, participantId: string, displayName: string): Promise<Participant | null> {
    const change = sql`
      set display_name = ${displayName}::text
      where p.session_id = ${sessionId}::uuid and p.id = ${participantId}::uuid and p.removed_at is null`;
    const [renamed] = await rowsOf(
      this.#db,
      sql`
        with signed_in as (update session_participants p ${change} returning ${signedInColumns}),
        anonymous as (
          update anonymous_participants p ${change} and p.expires_at > now() returning ${anonymousColumns}
        )
        select * from signed_in union all select * from anonymous`,
      participantRow,
    );
    return renamed ?? null;
  }

  remove(sessionId: string, participantId: string): Promise<MembershipOutcome> {
    return this.#changeMembership(
      sessionId,
      participantId,
      sql`removed_at = coalesce(p.removed_at, now()), left_at = coalesce(p.left_at, now())`,
    );
  }

  /** Changes a membership in whichever table it is, unless it is the owner's. */
  async #changeMembership(sessionId: string, participantId: string, set: SQL): Promise<MembershipOutcome> {
    const [row] = await rowsOf(
      this.#db,
      sql`
        with s as (select * from sessions where id = ${sessionId}::uuid),
        signed_in as (
          update session_participants p set ${set} from s
          where p.session_id = s.id and p.id = ${participantId}::uuid and p.user_id <> s.host_user_id
          returning ${signedInColumns}
        ),
        anonymous as (
          update anonymous_participants p set ${set} from s
          where p.session_id = s.id and p.id = ${participantId}::uuid and p.join_method <> 'owner' and p.expires_at > now()
          returning ${anonymousColumns}
        )
        select
          coalesce((select to_jsonb(x) from signed_in x), (select to_jsonb(x) from anonymous x)) as changed,
          exists (
            select from session_participants p, s
            where p.session_id = s.id and p.id = ${participantId}::uuid and p.user_id = s.host_user_id
            union all
            select from anonymous_participants p, s
            where p.session_id = s.id and p.id = ${participantId}::uuid and p.join_method = 'owner'
          ) as "isOwner"`,
      changedRow,
    );
    if (row?.changed) return { outcome: 'changed', participant: row.changed };
    return { outcome: row?.isOwner ? 'owner' : 'missing' };
  }

  async leave(sessionId: string, participantId: string): Promise<boolean> {
    const left = await rowsOf(
      this.#db,
      sql`
        with a as (
          update session_participants set left_at = coalesce(left_at, now())
          where session_id = ${sessionId}::uuid and id = ${participantId}::uuid returning id
        ), b as (
          update anonymous_participants set left_at = coalesce(left_at, now())
          where session_id = ${sessionId}::uuid and id = ${participantId}::uuid returning id
        )
        select id from a union all select id from b`,
      anyRow,
    );
    return left.length > 0;
  }

  async recordPresence(
    sessionId: string,
    presentIds: readonly string[],
    guestNames: ReadonlyMap<string, string> = new Map(),
  ): Promise<void> {
    const present = sql`${sql.param([...presentIds])}::uuid[]`;
    const named = sql`(
      select n.name from unnest(
        ${sql.param([...guestNames.keys()])}::uuid[], ${sql.param([...guestNames.values()])}::text[]
      ) as n (id, name)
      -- One who has given a name meanwhile keeps it.
      where n.id = p.id and p.display_name ~ ${GUEST_NAME.source}::text
    )`;
    const changes = sql`
      left_at = case when p.id = any(${present}) then null when p.left_at is null then now() else p.left_at end,
      display_name = coalesce(${named}, p.display_name)
      where p.session_id = ${sessionId}::uuid
        and ((p.left_at is null) <> (p.id = any(${present})) or ${named} <> p.display_name)`;
    await runQuery(() =>
      this.#db.execute(sql`
        with a as (update session_participants p set ${changes})
        update anonymous_participants p set ${changes}`),
    );
  }

  async deleteExpired(): Promise<number> {
    const rows = await runQuery(() =>
      this.#db
        .delete(anonymousParticipants)
        .where(lt(anonymousParticipants.expiresAt, sql`now()`))
        .returning({ id: anonymousParticipants.id }),
    );
    return rows.length;
  }

  async createInvite(input: NewInvite): Promise<Invite> {
    const [invite] = await rowsOf(
      this.#db,
      sql`
        insert into invite_tokens as i (id, session_id, token, role, max_uses, expires_at)
        select
          ${crypto.randomUUID()}::uuid, s.id, ${randomToken()}::text, ${input.role}::text, ${input.maxUses}::integer,
          to_timestamp(${input.expiresAtMs}::bigint / 1000.0)
        from sessions s
        where s.id = ${input.sessionId}::uuid and s.is_active
        returning ${inviteColumns}`,
      inviteRow,
    );
    if (invite === undefined) throw new SessionNotFoundError(input.sessionId);
    return invite;
  }

  async sessionOfInvite(inviteToken: string): Promise<string | null> {
    const [row] = await runQuery(() =>
      this.#db
        .select({ sessionId: inviteTokens.sessionId })
        .from(inviteTokens)
        .where(and(eq(inviteTokens.token, inviteToken), isNull(inviteTokens.revokedAt))),
    );
    return row?.sessionId ?? null;
  }

  async previewInvite(inviteToken: string): Promise<InvitePreview | 'unusable' | 'ended'> {
    const [row] = await rowsOf(
      this.#db,
      sql`
        select s.id as "sessionId", s.title, i.role, ${presentCount} as "participantCount",
          coalesce(
            (select p.display_name from session_participants p where p.session_id = s.id and p.user_id = s.host_user_id),
            ${accountNameOfHost},
            (
              select p.display_name from anonymous_participants p
              where p.session_id = s.id and p.join_method = 'owner' order by p.joined_at limit 1
            )
          ) as "hostName",
          s.is_active and ${inviteIsUsable} as "isUsable",
          not s.is_active and coalesce(i.revoked_at >= s.ended_at, true) as "wasEnded"
        from invite_tokens i join sessions s on s.id = i.session_id
        where i.token = ${inviteToken}::text`,
      previewRow,
    );
    if (row === undefined) return 'unusable';
    const { isUsable, wasEnded, ...preview } = row;
    if (isUsable) return preview;
    return wasEnded ? 'ended' : 'unusable';
  }

  async isUsable(inviteId: string): Promise<boolean> {
    const rows = await rowsOf(
      this.#db,
      sql`select i.id from invite_tokens i where i.id = ${inviteId}::uuid and ${inviteIsUsable}`,
      z.object({ id: z.string() }),
    );
    return rows.length > 0;
  }

  invites(sessionId: string, page: PageRequest): Promise<Page<Invite>> {
    const list = {
      columns: inviteColumns,
      from: sql`invite_tokens i`,
      where: sql`i.session_id = ${sessionId}::uuid and i.revoked_at is null`,
      order: sql`i.created_at desc, i.id desc`,
    };
    return pageOf(this.#db, list, page, inviteRow);
  }

  async revokeInvite(sessionId: string, inviteId: string): Promise<boolean> {
    const revoked = await rowsOf(
      this.#db,
      sql`
        update invite_tokens set revoked_at = coalesce(revoked_at, now())
        where session_id = ${sessionId}::uuid and id = ${inviteId}::uuid
        returning id`,
      anyRow,
    );
    return revoked.length > 0;
  }
}

/** Base64url: it goes into links as it is. */
function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(INVITE_TOKEN_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
