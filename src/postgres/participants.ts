/** Participants' rows, of either table. */
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Participant } from '../domain/people.ts';
import { JOIN_METHODS, ROLES } from '../domain/types.ts';
import { ms, msColumn, nullableMsColumn } from './sql.ts';

export const participantRow = z
  .object({
    id: z.string(),
    session_id: z.string(),
    user_id: z.string().nullable(),
    display_name: z.string(),
    avatar_url: z.string().nullable(),
    role: z.enum(ROLES),
    join_method: z.enum(JOIN_METHODS),
    invite_id: z.string().nullable(),
    joined_ms: msColumn,
    left_ms: nullableMsColumn,
    removed_ms: nullableMsColumn,
  })
  .transform(
    (row): Participant => ({
      id: row.id,
      sessionId: row.session_id,
      userId: row.user_id,
      displayName: row.display_name,
      avatarUrl: row.avatar_url,
      role: row.role,
      joinMethod: row.join_method,
      inviteId: row.invite_id,
      joinedAtMs: row.joined_ms,
      leftAtMs: row.left_ms,
      removedAtMs: row.removed_ms,
    }),
  );

/** What {@link participantRow} reads of a row `p` of either table. */
const participantColumns = (userId: SQL) => sql`
  p.id, p.session_id, ${userId} as user_id, p.display_name,
  (select u.avatar_url from users u where u.id = ${userId}) as avatar_url, p.role, p.join_method, p.invite_id,
  ${ms('p.joined_at')} as joined_ms, ${ms('p.left_at')} as left_ms, ${ms('p.removed_at')} as removed_ms`;

export const signedInColumns = participantColumns(sql`p.user_id`);
export const anonymousColumns = participantColumns(sql`null::uuid`);

/** A session's participants, in both tables, under the names that {@link participantRow} reads. */
export const participantsOf = (sessionId: SQL): SQL => sql`(
  select ${signedInColumns} from session_participants p where p.session_id = ${sessionId}
  union all
  select ${anonymousColumns} from anonymous_participants p where p.session_id = ${sessionId} and p.expires_at > now()
)`;
