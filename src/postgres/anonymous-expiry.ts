import { type SQL, sql } from 'drizzle-orm';

/** How long an anonymous participant may come back to their membership, from their last entry on. */
const ANONYMOUS_LIFETIME_HOURS = 24;
/**
 * As long as a session token is good, and as long as a session is kept in which no participant had an
 * account. For its host, and from its end on for all who were let in: they may read what they made.
 */
const READER_LIFETIME_HOURS = 7 * 24;

const hoursFromNow = (hours: number): SQL => sql`now() + make_interval(hours => ${sql.raw(String(hours))})`;

/** When a membership that is made or used now expires. @param joinMethod of the membership. */
export const anonymousExpiryOf = (joinMethod: SQL): SQL =>
  sql`case when ${joinMethod} = 'owner' then ${hoursFromNow(READER_LIFETIME_HOURS)}
    else ${hoursFromNow(ANONYMOUS_LIFETIME_HOURS)} end`;

/** When a membership expires whose session ends now. */
export const expiryAfterEnd: SQL = hoursFromNow(READER_LIFETIME_HOURS);
