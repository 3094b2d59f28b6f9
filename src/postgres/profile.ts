/** What becomes of a user's profile when a token or a provider describes them anew. */
import { type SQL, sql } from 'drizzle-orm';

/**
 * The name and the picture of the users' row `u` after an upsert: the user's own, else those that come with
 * it, else those that were there.
 */
export const nameAfter: SQL = sql`case when u.has_own_name then u.name else coalesce(excluded.name, u.name) end`;
export const avatarAfter: SQL = sql`
  case when u.has_own_avatar then u.avatar_url else coalesce(excluded.avatar_url, u.avatar_url) end`;
