/** People in Postgres, over HTTP: no transaction is ever left open, and what must be atomic is one statement. */
import { and, asc, desc, eq, isNull, lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import { anonymousExpiry } from './anonymous.ts';
import { SessionNotFoundError, StorageUnavailableError } from './errors.ts';
import type { Database } from './neon.ts';
import type { EnterOutcome, Entrance, Participant, PeopleRepository, Standing, User } from './people.ts';
import { ask } from './postgres-errors.ts';
import { anonymousParticipants, inviteTokens, sessionParticipants, sessions, users } from './schema.ts';
import { type Invite, type NewInvite, ROLES, type Role, type UserProfile, VIAS } from './types.ts';

/** 192 bits: an invite can't be guessed. */
const INVITE_TOKEN_BYTES = 24;

const enteredSchema = z.tuple([
  z.object({
    found: z.boolean(),
    is_active: z.boolean().nullable(),
    removed: z.boolean().nullable(),
    id: z.string().nullable(),
    role: z.enum(ROLES).nullable(),
    via: z.enum(VIAS).nullable(),
    invite_id: z.string().nullable(),
    display_name: z.string().nullable(),
    joined_ms: z.coerce.number().nullable(),
  }),
]);

const standingSchema = z.array(
  z.object({
    role: z.enum(ROLES).nullable(),
    participant_id: z.string().nullable(),
    is_removed: z.boolean(),
    is_active: z.boolean(),
    is_discoverable: z.boolean(),
  }),
);

const inviteRowsSchema = z.array(z.object({ created_ms: z.coerce.number() }));

/**
 * The rows by which somebody is known in a session, at most one of each table, and whether each still lets them in.
 * Expects a CTE `s` with the session's row.
 */
function knownPlaces({ sessionId, userId, participantId }: StandingKey) {
  return sql`
    known as (
      select p.id, p.role, p.via, p.invite_id, p.display_name, p.removed_at, p.joined_at
      from session_participants p
      where p.session_id = ${sessionId}::uuid and p.user_id = ${userId}::uuid
      union all
      select a.id, a.role, a.via, a.invite_id, a.display_name, a.removed_at, a.joined_at
      from anonymous_participants a
      where a.session_id = ${sessionId}::uuid and a.id = ${participantId}::uuid and a.expires_at > now()
    ),
    place as (
      select k.*, k.removed_at is null and (
        k.via in ('owner', 'grant')
        or (k.via = 'invite' and exists (select from invite_tokens i where i.id = k.invite_id and i.revoked_at is null))
        or (k.via = 'discovery' and s.is_discoverable)
      ) as is_good
      from known k, s
    )`;
}

type StandingKey = Parameters<PeopleRepository['standing']>[0];

export class PostgresPeople implements PeopleRepository {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async upsertUser(profile: UserProfile): Promise<User> {
    const [row] = await ask(() =>
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
        .returning({ id: users.id, name: users.name, avatarUrl: users.avatarUrl }),
    );
    if (row === undefined) throw new StorageUnavailableError('postgres', 'an upsert returned no row');
    return row;
  }

  /**
   * One statement, of which this is the order: the session, what is known of the person, whether they own it, an invite
   * taken if they need one (whose row lock is what makes two joins take turns), what they are then, and their row.
   */
  async enter(entrance: Entrance): Promise<EnterOutcome> {
    const { sessionId, userId, participantId, inviteToken, displayName, fallbackName } = entrance;
    const result = await ask(() =>
      this.#db.execute(sql`
        with s as (select * from sessions where id = ${sessionId}::uuid),
        ${knownPlaces({ sessionId, userId, participantId })},
        taken as (
          update invite_tokens i set uses_count = i.uses_count + 1
          from s
          where i.token = ${inviteToken}::text and i.session_id = s.id and s.is_active
            and i.revoked_at is null
            and (i.expires_at is null or i.expires_at > now())
            and (i.max_uses is null or i.uses_count < i.max_uses)
            and s.host_user_id is distinct from ${userId}::uuid
            and not exists (select from place where removed_at is not null)
            and not exists (
              select from place
              where is_good and via <> 'discovery' and (role <> 'viewer' or i.role = 'viewer')
            )
          returning i.id, i.role
        ),
        chosen as (
          select x.* from (
            select 1 as preference, 'host' as role, 'owner' as via, null::uuid as invite_id
            from s where s.host_user_id = ${userId}::uuid
            union all select 2, t.role, 'invite', t.id from taken t
            union all select 3, p.role, p.via, p.invite_id from place p where p.is_good
            union all select 4, 'viewer', 'discovery', null from s where s.is_discoverable
          ) x, s
          where s.is_active and (x.preference = 1 or not exists (select from place where removed_at is not null))
          order by x.preference limit 1
        ),
        signed_in as (
          insert into session_participants as p (session_id, user_id, display_name, role, via, invite_id)
          select ${sessionId}::uuid, ${userId}::uuid, coalesce(${displayName}::text, ${fallbackName}::text),
            c.role, c.via, c.invite_id
          from chosen c where ${userId}::uuid is not null
          on conflict (session_id, user_id) do update set
            role = excluded.role, via = excluded.via, invite_id = excluded.invite_id, removed_at = null,
            display_name = coalesce(${displayName}::text, p.display_name)
          returning p.id, p.role, p.via, p.invite_id, p.display_name, p.joined_at
        ),
        anonymous as (
          insert into anonymous_participants as p (id, session_id, display_name, role, via, invite_id, expires_at)
          select coalesce((select id from place limit 1), ${crypto.randomUUID()}::uuid), ${sessionId}::uuid,
            coalesce(${displayName}::text, ${fallbackName}::text), c.role, c.via, c.invite_id, ${anonymousExpiry}
          from chosen c where ${userId}::uuid is null
          on conflict (id) do update set
            role = excluded.role, via = excluded.via, invite_id = excluded.invite_id, expires_at = excluded.expires_at,
            display_name = coalesce(${displayName}::text, p.display_name)
          returning p.id, p.role, p.via, p.invite_id, p.display_name, p.joined_at
        ),
        entered as (select * from signed_in union all select * from anonymous)
        select
          s.id is not null as found, s.is_active,
          exists (select from place where removed_at is not null) as removed,
          e.id, e.role, e.via, e.invite_id, e.display_name, (extract(epoch from e.joined_at) * 1000)::bigint as joined_ms
        from (select 1) one left join s on true left join entered e on true`),
    );
    const [row] = enteredSchema.parse(result.rows);
    if (!row.found) return { outcome: 'missing' };
    if (!row.is_active) return { outcome: 'ended' };
    if (row.id === null || row.role === null || row.via === null || row.display_name === null) {
      if (row.removed) return { outcome: 'removed' };
      return { outcome: inviteToken === null ? 'refused' : 'bad_invite' };
    }
    return {
      outcome: 'entered',
      participant: {
        id: row.id,
        sessionId,
        userId,
        displayName: row.display_name,
        avatarUrl: null,
        role: row.role,
        via: row.via,
        inviteId: row.invite_id,
        joinedAtMs: row.joined_ms ?? 0,
        leftAtMs: null,
        removedAtMs: null,
      },
    };
  }

  async standing(who: StandingKey): Promise<Standing | null> {
    const result = await ask(() =>
      this.#db.execute(sql`
        with s as (select * from sessions where id = ${who.sessionId}::uuid),
        ${knownPlaces(who)}
        select
          case
            when s.host_user_id = ${who.userId}::uuid then 'host'
            when p.removed_at is not null then null
            when p.is_good then p.role
            when s.is_discoverable then 'viewer'
          end as role,
          p.id as participant_id, p.removed_at is not null as is_removed, s.is_active, s.is_discoverable
        from s left join place p on true
        limit 1`),
    );
    const [row] = standingSchema.parse(result.rows);
    if (row === undefined) return null;
    return {
      role: row.role,
      participantId: row.participant_id,
      isRemoved: row.is_removed,
      isActive: row.is_active,
      isDiscoverable: row.is_discoverable,
    };
  }

  async participants(sessionId: string): Promise<Participant[]> {
    const [signedIn, anonymous] = await Promise.all([
      ask(() =>
        this.#db
          .select({ row: sessionParticipants, avatarUrl: users.avatarUrl })
          .from(sessionParticipants)
          .innerJoin(users, eq(users.id, sessionParticipants.userId))
          .where(and(eq(sessionParticipants.sessionId, sessionId), isNull(sessionParticipants.removedAt)))
          .orderBy(asc(sessionParticipants.joinedAt)),
      ),
      ask(() =>
        this.#db
          .select()
          .from(anonymousParticipants)
          .where(
            and(
              eq(anonymousParticipants.sessionId, sessionId),
              isNull(anonymousParticipants.removedAt),
              sql`${anonymousParticipants.expiresAt} > now()`,
            ),
          )
          .orderBy(asc(anonymousParticipants.joinedAt)),
      ),
    ]);
    return [
      ...signedIn.map(({ row, avatarUrl }) => toParticipant(row, row.userId, avatarUrl)),
      ...anonymous.map((row) => toParticipant(row, null, null)),
    ].sort((a, b) => a.joinedAtMs - b.joinedAtMs);
  }

  async setRole(sessionId: string, participantId: string, role: Role): Promise<Participant | null> {
    const [signedIn] = await ask(() =>
      this.#db
        .update(sessionParticipants)
        .set({ role, via: 'grant', inviteId: null, removedAt: null })
        .where(
          and(
            eq(sessionParticipants.sessionId, sessionId),
            eq(sessionParticipants.id, participantId),
            // The owner stays host, whatever is said of them.
            sql`not exists (select from ${sessions} s where s.id = ${sessionId}::uuid and s.host_user_id = ${sessionParticipants.userId})`,
          ),
        )
        .returning(),
    );
    if (signedIn) return toParticipant(signedIn, signedIn.userId, null);
    const [anonymous] = await ask(() =>
      this.#db
        .update(anonymousParticipants)
        .set({ role, via: 'grant', inviteId: null, removedAt: null })
        .where(
          and(
            eq(anonymousParticipants.sessionId, sessionId),
            eq(anonymousParticipants.id, participantId),
            sql`${anonymousParticipants.via} <> 'owner'`,
            sql`${anonymousParticipants.expiresAt} > now()`,
          ),
        )
        .returning(),
    );
    return anonymous ? toParticipant(anonymous, null, null) : null;
  }

  async remove(sessionId: string, participantId: string): Promise<Participant | null> {
    const gone = { removedAt: sql`coalesce(removed_at, now())`, leftAt: sql`coalesce(left_at, now())` };
    const [signedIn] = await ask(() =>
      this.#db
        .update(sessionParticipants)
        .set(gone)
        .where(
          and(
            eq(sessionParticipants.sessionId, sessionId),
            eq(sessionParticipants.id, participantId),
            sql`not exists (select from ${sessions} s where s.id = ${sessionId}::uuid and s.host_user_id = ${sessionParticipants.userId})`,
          ),
        )
        .returning(),
    );
    if (signedIn) return toParticipant(signedIn, signedIn.userId, null);
    const [anonymous] = await ask(() =>
      this.#db
        .update(anonymousParticipants)
        .set(gone)
        .where(
          and(
            eq(anonymousParticipants.sessionId, sessionId),
            eq(anonymousParticipants.id, participantId),
            sql`${anonymousParticipants.via} <> 'owner'`,
          ),
        )
        .returning(),
    );
    return anonymous ? toParticipant(anonymous, null, null) : null;
  }

  async leave(sessionId: string, participantId: string): Promise<boolean> {
    const result = await ask(() =>
      this.#db.execute(sql`
        with a as (
          update session_participants set left_at = coalesce(left_at, now())
          where session_id = ${sessionId}::uuid and id = ${participantId}::uuid returning id
        ), b as (
          update anonymous_participants set left_at = coalesce(left_at, now())
          where session_id = ${sessionId}::uuid and id = ${participantId}::uuid returning id
        )
        select id from a union all select id from b`),
    );
    return result.rows.length > 0;
  }

  async recordPresence(sessionId: string, presentIds: readonly string[]): Promise<void> {
    const present = sql`${sql.param([...presentIds])}::uuid[]`;
    const changed = sql`(left_at is null) <> (id = any(${present}))`;
    const leftAt = sql`case when id = any(${present}) then null else now() end`;
    await ask(() =>
      this.#db.execute(sql`
        with a as (
          update session_participants set left_at = ${leftAt} where session_id = ${sessionId}::uuid and ${changed}
        )
        update anonymous_participants set left_at = ${leftAt} where session_id = ${sessionId}::uuid and ${changed}`),
    );
  }

  async deleteExpired(): Promise<number> {
    const rows = await ask(() =>
      this.#db
        .delete(anonymousParticipants)
        .where(lt(anonymousParticipants.expiresAt, sql`now()`))
        .returning({ id: anonymousParticipants.id }),
    );
    return rows.length;
  }

  async createInvite(input: NewInvite): Promise<Invite> {
    const id = crypto.randomUUID();
    const token = randomToken();
    const result = await ask(() =>
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

  async sessionOfInvite(inviteToken: string): Promise<string | null> {
    const [row] = await ask(() =>
      this.#db
        .select({ sessionId: inviteTokens.sessionId })
        .from(inviteTokens)
        .where(and(eq(inviteTokens.token, inviteToken), isNull(inviteTokens.revokedAt))),
    );
    return row?.sessionId ?? null;
  }

  async invites(sessionId: string): Promise<Invite[]> {
    const rows = await ask(() =>
      this.#db
        .select()
        .from(inviteTokens)
        .where(and(eq(inviteTokens.sessionId, sessionId), isNull(inviteTokens.revokedAt)))
        .orderBy(desc(inviteTokens.createdAt), desc(inviteTokens.id)),
    );
    return rows.map((row) => ({
      id: row.id,
      sessionId: row.sessionId,
      token: row.token,
      role: row.role,
      maxUses: row.maxUses,
      usesCount: row.usesCount,
      expiresAtMs: row.expiresAt?.getTime() ?? null,
      createdAtMs: row.createdAt.getTime(),
    }));
  }

  async revokeInvite(sessionId: string, inviteId: string): Promise<boolean> {
    const rows = await ask(() =>
      this.#db
        .update(inviteTokens)
        .set({ revokedAt: sql`now()` })
        .where(
          and(
            eq(inviteTokens.sessionId, sessionId),
            eq(inviteTokens.id, inviteId),
            isNull(inviteTokens.revokedAt),
          ),
        )
        .returning({ id: inviteTokens.id }),
    );
    return rows.length > 0;
  }
}

function toParticipant(
  row: Omit<typeof sessionParticipants.$inferSelect, 'userId'>,
  userId: string | null,
  avatarUrl: string | null,
): Participant {
  return {
    id: row.id,
    sessionId: row.sessionId,
    userId,
    displayName: row.displayName,
    avatarUrl,
    role: row.role,
    via: row.via,
    inviteId: row.inviteId,
    joinedAtMs: row.joinedAt.getTime(),
    leftAtMs: row.leftAt?.getTime() ?? null,
    removedAtMs: row.removedAt?.getTime() ?? null,
  };
}

/** Base64url: it goes into links as it is. */
function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(INVITE_TOKEN_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
