/** Who calls: the flush secret, a session token or a user's token, each as a bearer. */
import type { Context } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { timingSafeEqual } from 'hono/utils/buffer';
import { type SessionAccess, verifySessionToken } from '../sessions/token.ts';
import type { Role, UserProfile } from '../sessions/types.ts';
import { verifyUserToken } from '../sessions/user-token.ts';
import type { AppEnv } from './env.ts';
import { ApiError, unauthorized } from './errors.ts';

const refuse = () => {
  throw unauthorized('the flush secret is needed');
};

/** Lets through who has the flush secret; the comparison takes the same time however wrong it is. Throws a 401. */
export const flushAuth = bearerAuth<AppEnv>({
  verifyToken: (token, c: Context<AppEnv>) => timingSafeEqual(c.var.services.config.FLUSH_SECRET, token),
  noAuthenticationHeader: { message: refuse },
  invalidAuthenticationHeader: { message: refuse },
  invalidToken: { message: refuse },
});

/**
 * The caller's access to one session.
 * @param role asked for, when any will not do.
 * @throws {ApiError} 401 without a valid session token, 403 when it is for another session or role.
 */
export async function requireSession(
  c: Context<AppEnv>,
  sessionId: string,
  role?: Role,
): Promise<SessionAccess> {
  const token = bearerOf(c);
  const access = token && (await verifySessionToken(token, c.var.services.config.JWT_SECRET));
  if (!access) throw unauthorized('a valid session token is needed');
  if (access.sessionId !== sessionId)
    throw new ApiError(403, 'forbidden', 'the token is for another session');
  if (role !== undefined && access.role !== role)
    throw new ApiError(403, 'forbidden', `only a ${role} may do this`);
  return access;
}

/**
 * Who the caller is by their user token; null for callers who send none.
 * @throws {ApiError} 401 for a token that isn't valid: nobody is made anonymous without knowing it.
 */
export async function optionalUser(c: Context<AppEnv>): Promise<UserProfile | null> {
  if (c.req.header('Authorization') === undefined) return null;
  const token = bearerOf(c);
  const profile = token && (await verifyUserToken(token, c.var.services.config.JWT_SECRET));
  if (!profile) throw unauthorized('the token is not valid');
  return profile;
}

function bearerOf(c: Context): string | null {
  return /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1] ?? null;
}
