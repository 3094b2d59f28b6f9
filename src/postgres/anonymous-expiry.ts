import { sql } from 'drizzle-orm';

/** How long an anonymous participant may come back to their membership, from their last entry on. */
const ANONYMOUS_LIFETIME_HOURS = 24;

/** When a membership that is made or used now expires. */
export const anonymousExpiry = sql`now() + make_interval(hours => ${sql.raw(String(ANONYMOUS_LIFETIME_HOURS))})`;
