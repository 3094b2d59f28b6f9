import { sql } from 'drizzle-orm';

/** How long somebody anonymous may come back to their place, from their last entrance on. */
const ANONYMOUS_LIFETIME_HOURS = 24;

/** When a place made or entered now expires. */
export const anonymousExpiry = sql`now() + make_interval(hours => ${sql.raw(String(ANONYMOUS_LIFETIME_HOURS))})`;
