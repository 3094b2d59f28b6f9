/** Versions of sessions' code in Postgres: reading them, and the part of the batch write that is theirs. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Page, PageRequest } from '../domain/page.ts';
import { unpackCode, VERSION_CAUSES, type Version, type VersionWithCode } from '../domain/versions.ts';
import { MAX_VERSIONS_BYTES } from '../protocol/limits.ts';
import type { Database } from './client.ts';
import { SYSTEM_USER_ID } from './schema.ts';
import { bigint, ms, pageOf, rowsOf } from './sql.ts';

/** Counted for a version besides its code: about what its row and its entry in the index take. */
const ROW_BYTES = 200;
/** So many of the newest go only when all the others have. */
const NEWEST_VERSIONS = 20;
/** A version that wasn't only typed counts as so many times as far from its neighbours. */
const MARKED_WEIGHT = 4;

const columns = sql`v.number, v.rev, v.cause, v.user_id as "userId", v.display_name as "displayName",
  ${ms('v.created_at')} as "createdAtMs"`;

const versionRow = z.object({
  number: bigint,
  rev: bigint,
  cause: z.enum(VERSION_CAUSES),
  userId: z.string().nullable(),
  displayName: z.string().nullable(),
  createdAtMs: bigint,
}) satisfies z.ZodType<Version>;

export function listVersions(
  db: Database,
  sessionId: string,
  page: PageRequest,
  except: readonly number[],
): Promise<Page<Version>> {
  const list = {
    columns,
    from: sql`session_versions v`,
    where: sql`v.session_id = ${sessionId}::uuid and v.number <> all(${sql.param([...except])}::bigint[])`,
    order: sql`v.number desc`,
  };
  return pageOf(db, list, page, versionRow);
}

export async function getVersion(
  db: Database,
  sessionId: string,
  number: number,
): Promise<VersionWithCode | null> {
  const [row] = await rowsOf(
    db,
    sql`select ${columns}, encode(v.code, 'base64') as packed from session_versions v
      where v.session_id = ${sessionId}::uuid and v.number = ${number}::bigint`,
    versionRow.extend({ packed: z.string() }),
  );
  if (!row) return null;
  const { packed, ...version } = row;
  return { ...version, code: await unpackCode(packed) };
}

/** A version that is to be written. */
export interface VersionWrite extends Version {
  sessionId: string;
  /** Compressed, in base64. */
  packed: string;
}

/**
 * What the batch write does with versions, as more of its `with` list; it uses `judged` and `known_users` of
 * it. Each version lands once, by its number, which its room gave it.
 *
 * The same statement thins. Where a session's versions take more than {@link MAX_VERSIONS_BYTES}, those go
 * first whose neighbours are the closest in time. Of two neighbours only one goes before all others have been
 * looked at, so what stays is spread over the session's time. The newest versions go last, and so does the
 * session's first one. The statement doesn't see what it writes itself, so that stays.
 */
export function writeVersions(versions: readonly VersionWrite[]): SQL {
  const field = <T>(pick: (version: VersionWrite) => T) => sql.param(versions.map(pick));
  return sql`,
    vs as (
      select distinct on (v.session_id, v.number) v.*, decode(v.packed, 'base64') as code
      from unnest(
        ${field((version) => version.sessionId)}::uuid[],
        ${field((version) => version.number)}::bigint[],
        ${field((version) => version.rev)}::bigint[],
        ${field((version) => version.cause)}::text[],
        ${field((version) => version.userId)}::uuid[],
        ${field((version) => version.displayName)}::text[],
        ${field((version) => version.createdAtMs)}::bigint[],
        ${field((version) => version.packed)}::text[]
      ) as v (session_id, number, rev, cause, user_id, display_name, created_ms, packed)
      join judged j on j.id = v.session_id
    ),
    ins_versions as (
      insert into session_versions (session_id, number, rev, cause, user_id, display_name, created_at, code)
      -- The name of a user who has deleted their account goes with it.
      select v.session_id, v.number, v.rev, v.cause, u.id, case when v.user_id is null or u.id is not null then v.display_name end,
        to_timestamp(v.created_ms / 1000.0), v.code
      from vs v
      left join known_users u on u.id = v.user_id
      on conflict (session_id, number) do nothing
    ),
    all_versions as (
      select s.session_id, s.number, s.cause, s.created_at, octet_length(s.code) as bytes, true as is_stored
      from session_versions s
      where s.session_id in (select vs.session_id from vs)
      union all
      select v.session_id, v.number, v.cause, to_timestamp(v.created_ms / 1000.0), octet_length(v.code), false
      from vs v
      where not exists (
        select from session_versions s where s.session_id = v.session_id and s.number = v.number
      )
    ),
    placed as (
      select a.session_id, a.number, a.is_stored, a.bytes + ${sql.raw(String(ROW_BYTES))} as bytes,
        row_number() over newest_first as age,
        extract(epoch from lag(a.created_at) over newest_first - lead(a.created_at) over newest_first)
          * case when a.cause = 'typed' then 1 else ${sql.raw(String(MARKED_WEIGHT))} end as gap,
        sum(a.bytes + ${sql.raw(String(ROW_BYTES))}) over (partition by a.session_id) - case
          when s.host_user_id = ${SYSTEM_USER_ID}::uuid then ${sql.raw(String(MAX_VERSIONS_BYTES.anonymous))}
          else ${sql.raw(String(MAX_VERSIONS_BYTES.user))}
        end as excess
      from all_versions a
      join sessions s on s.id = a.session_id
      window newest_first as (partition by a.session_id order by a.number desc)
    ),
    condemned as (
      select p.session_id, p.number, p.excess, sum(p.bytes) over (
        partition by p.session_id
        order by p.age <= ${sql.raw(String(NEWEST_VERSIONS))}, p.age % 2, p.gap asc nulls last, p.number
        rows between unbounded preceding and current row
      ) - p.bytes as freed_before
      from placed p
      where p.excess > 0 and p.age > 1 and p.is_stored
    ),
    thinned as (
      delete from session_versions s
      using condemned c
      where s.session_id = c.session_id and s.number = c.number and c.freed_before < c.excess
    )`;
}
