/** Who calls: the flush secret, a session token or a user's token, each as a bearer. */
import type { Context } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { timingSafeEqual } from 'hono/utils/buffer';
import { type Caller, callerOf } from '../sessions/admission.ts';
import { type Action, may } from '../sessions/permissions.ts';
import type { Role } from '../sessions/types.ts';
import type { AppEnv } from './env.ts';
import { ApiError, notFound, unauthorized } from './errors.ts';

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

/** The token the caller sends, unchecked; null for none. @throws {ApiError} 401 for a header that isn't a bearer's. */
export function bearerOf(c: Context): string | null {
  const header = c.req.header('Authorization');
  if (header === undefined) return null;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw unauthorized('the token is not valid');
  return token;
}

/**
 * Who the caller is, by a session token or a user's own; nobody for callers who send none.
 * @throws {ApiError} 401 for a token that isn't valid: nobody is made anonymous without knowing it.
 */
export async function callerIn(c: Context<AppEnv>): Promise<Caller> {
  const caller = await callerOf(bearerOf(c), c.var.services.tokens);
  if (!caller) throw unauthorized('the token is not valid');
  return caller;
}

/** The caller's place in one session. */
export interface SessionCaller {
  role: Role;
  userId: string | null;
  participantId: string | null;
}

/**
 * Lets a caller through who may do `action` in a session.
 * @throws {ApiError} 401 without a token, 403 when nothing lets the caller in or their role doesn't allow it, 404 when
 *   there is no such session.
 */
export async function requireAction(
  c: Context<AppEnv>,
  sessionId: string,
  action: Action,
): Promise<SessionCaller> {
  const caller = await callerIn(c);
  if (caller.kind === 'nobody') throw unauthorized('a token is needed');
  if (caller.kind === 'participant' && caller.access.sessionId !== sessionId) {
    throw new ApiError(403, 'forbidden', 'the token is for another session');
  }
  const { people } = c.var.services;
  const userId = caller.kind === 'user' ? (await people.upsertUser(caller.profile)).id : caller.access.userId;
  const participantId = caller.kind === 'participant' ? caller.access.participantId : null;
  const standing = await people.standing({ sessionId, userId, participantId });
  if (!standing) throw notFound();
  if (standing.role === null) throw new ApiError(403, 'forbidden', 'you have no access to this session');
  if (!may(standing.role, action)) throw new ApiError(403, 'forbidden', `a ${standing.role} may not do this`);
  return { role: standing.role, userId, participantId: standing.participantId };
}

/** The caller's user id; null for anonymous callers. @throws {ApiError} 401 for a token that isn't valid. */
export async function optionalUserId(c: Context<AppEnv>): Promise<string | null> {
  const caller = await callerIn(c);
  switch (caller.kind) {
    case 'nobody':
      return null;
    case 'participant':
      return caller.access.userId;
    case 'user':
      return (await c.var.services.people.upsertUser(caller.profile)).id;
  }
}

/** The caller's user id. @throws {ApiError} 401 for anonymous callers. */
export async function requireUserId(c: Context<AppEnv>): Promise<string> {
  const userId = await optionalUserId(c);
  if (userId === null) throw unauthorized('sign in to do this');
  return userId;
}
