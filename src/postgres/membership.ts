/** The SQL rule of who may come back to the place they had in a session. */
import { type SQL, sql } from 'drizzle-orm';

/**
 * Whether a participant's row `p` lets its person into the session `s` (aliases of the query it goes into),
 * besides their owning it. An invite that was revoked by the session's end lets people read on.
 */
export const placeIsGood: SQL = sql`(
  p.removed_at is null and (
    p.join_method in ('owner', 'grant')
    or (p.join_method = 'discovery' and s.is_discoverable)
    or (p.join_method = 'invite' and exists (
      select from invite_tokens i
      where i.id = p.invite_id and (i.revoked_at is null or i.revoked_at >= s.ended_at)
    ))
  )
)`;

/** Whether an invite `i` can still be used. */
export const inviteIsUsable: SQL = sql`(
  i.revoked_at is null
  and (i.expires_at is null or i.expires_at > now())
  and (i.max_uses is null or i.uses_count < i.max_uses)
)`;
