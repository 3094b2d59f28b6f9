/** The SQL rules of which memberships and invites let a caller in. */
import { type SQL, sql } from 'drizzle-orm';

/**
 * Whether a participant's row `p` gives access to the session `s` (aliases of the query it goes into). Owning
 * the session gives access without it. After the end, an invite that the end revoked still lets callers read.
 */
export const membershipIsValid: SQL = sql`(
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
