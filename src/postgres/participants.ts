/** Participants' rows, of either table. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Participant } from '../domain/people.ts';
import { JOIN_METHODS, ROLES } from '../domain/types.ts';
import { SYSTEM_USER_ID } from './schema.ts';
import { bigint, ms, nullableBigint } from './sql.ts';

export const participantRow = z.object({
  id: z.string(),
  sessionId: z.string(),
  userId: z.string().nullable(),
  displayName: z.string(),
  avatarUrl: z.string().nullable(),
  role: z.enum(ROLES),
  joinMethod: z.enum(JOIN_METHODS),
  inviteId: z.string().nullable(),
  joinedAtMs: bigint,
  leftAtMs: nullableBigint,
  removedAtMs: nullableBigint,
}) satisfies z.ZodType<Participant>;

/** What {@link participantRow} reads of a row `p` of either table. */
const participantColumns = (userId: SQL) => sql`
  p.id, p.session_id as "sessionId", ${userId} as "userId", p.display_name as "displayName",
  (select u.avatar_url from users u where u.id = ${userId}) as "avatarUrl", p.role,
  p.join_method as "joinMethod", p.invite_id as "inviteId", ${ms('p.joined_at')} as "joinedAtMs",
  ${ms('p.left_at')} as "leftAtMs", ${ms('p.removed_at')} as "removedAtMs"`;

export const signedInColumns = participantColumns(sql`p.user_id`);
export const anonymousColumns = participantColumns(sql`null::uuid`);

/** A session's participants, in both tables, under the names that {@link participantRow} reads. */
export const participantsOf = (sessionId: SQL): SQL => sql`(
  select ${signedInColumns} from session_participants p where p.session_id = ${sessionId}
  union all
  select ${anonymousColumns} from anonymous_participants p where p.session_id = ${sessionId} and p.expires_at > now()
)`;

/** How many participants are connected to session `s` now. */
export const presentCount: SQL = sql`(
  (select count(*) from session_participants p where p.session_id = s.id and p.left_at is null and p.removed_at is null)
  + (select count(*) from anonymous_participants p where p.session_id = s.id and p.left_at is null and p.removed_at is null)
)`;

/** The name in the account of session `s`'s host; null where an anonymous caller made it. */
export const accountNameOfHost: SQL = sql`(
  select u.name from users u where u.id = s.host_user_id and u.id <> ${SYSTEM_USER_ID}::uuid
)`;
