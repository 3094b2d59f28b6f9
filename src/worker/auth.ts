/** Who calls: the flush secret, a session token or a user's token, each as a bearer. */
import type { Context } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { createMiddleware } from 'hono/factory';
import { timingSafeEqual } from 'hono/utils/buffer';
import { type Caller, callerOf } from '../sessions/admission.ts';
import { type Action, may } from '../sessions/permissions.ts';
import type { Role } from '../sessions/types.ts';
import type { AppEnv } from './env.ts';
import { ApiError, notFound, unauthorized } from './errors.ts';
import { readSessionId } from './input.ts';

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

/** A request, and what there is to judge it by. */
type Asked = Pick<Context<AppEnv>, 'req' | 'var'>;

/** The token the caller sends, unchecked; null for none. @throws {ApiError} 401 for a header that isn't a bearer's. */
export function bearerOf(c: Asked): string | null {
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
export async function callerIn(c: Asked): Promise<Caller> {
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

/** What a route of one session knows of its caller. */
interface SessionEnv extends AppEnv {
  Variables: AppEnv['Variables'] & { sessionId: string; caller: SessionCaller };
}

/**
 * Lets through who may do `action` in the session of the path, as `c.var.caller` in `c.var.sessionId`.
 * Throws 400 when the id is no UUID, 401 without a token, 403 when nothing lets the caller in or their role doesn't allow
 * it, 404 when there is no such session.
 */
export function allow(action: Action) {
  return createMiddleware<SessionEnv>(async (c, next) => {
    const sessionId = readSessionId(c);
    c.set('sessionId', sessionId);
    c.set('caller', await callerFor(c, sessionId, action));
    await next();
  });
}

async function callerFor(c: Context<SessionEnv>, sessionId: string, action: Action): Promise<SessionCaller> {
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
export async function optionalUserId(c: Asked): Promise<string | null> {
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

/** Lets signed-in callers through, as `c.var.userId`. Throws 401 for everybody else. */
export const signedIn = createMiddleware<AppEnv & { Variables: { userId: string } }>(async (c, next) => {
  c.set('userId', await requireUserId(c));
  await next();
});

/** @throws {ApiError} 401 for everybody who isn't signed in. */
export async function requireUserId(c: Asked): Promise<string> {
  const userId = await optionalUserId(c);
  if (userId === null) throw unauthorized('sign in to do this');
  return userId;
}
