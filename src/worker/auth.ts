/** Who calls: the flush secret, a session token or a user's token, each as a bearer. */
import type { Context } from 'hono';
import { timingSafeEqual } from 'hono/utils/buffer';
import { type Caller, callerOf, epochOf } from '../access/caller.ts';
import { type KnockAccess, verifyKnockToken } from '../access/knock-token.ts';
import type { Config } from '../config.ts';
import { guestName } from '../domain/guest-names.ts';
import type { PeopleRepository } from '../domain/people.ts';
import { type Action, isAllowedAfterEnd, may } from '../domain/permissions.ts';
import type { Role } from '../domain/types.ts';
import { ofOne } from '../protocol/http/shared.ts';
import { addressOf } from './address.ts';
import { refreshCookieOf } from './auth-cookies.ts';
import type { AppEnv } from './env.ts';
import { ApiError, notFound, unauthorized } from './errors.ts';
import { refuseForeignOrigin } from './origins.ts';
import { type Gate, parse } from './serve.ts';

/** Lets callers with the flush secret through; the comparison takes the same time however wrong it is. */
export const withFlushSecret: Gate<'flush', null> = {
  access: 'flush',
  async admit(c) {
    const { FLUSH_SECRET } = c.var.services.config;
    if (!(await timingSafeEqual(FLUSH_SECRET, bearerOf(c) ?? ''))) {
      throw await refusalOfSecret(c, 'the flush secret is needed');
    }
    return null;
  },
};

/** What a caller hears whose secret is wrong, or who has none, which is no guess. */
async function refusalOfSecret(c: Asked, message: string): Promise<ApiError> {
  if (bearerOf(c) === null) return unauthorized(message);
  const retryAfterS = await c.var.services.wrongSecrets.count(addressOf(c));
  if (retryAfterS === null) return unauthorized(message);
  const text = 'too many secrets that are not right came from your network; the right one is still taken';
  return new ApiError(429, 'too_many_requests', text, undefined, retryAfterS);
}

/**
 * Whether a token is one by which machines may watch: the comparison takes the same time however wrong it is.
 */
async function isWatcher(token: string, { METRICS_TOKEN, FLUSH_SECRET }: Config): Promise<boolean> {
  const isFlush = await timingSafeEqual(FLUSH_SECRET, token);
  return METRICS_TOKEN === undefined ? isFlush : (await timingSafeEqual(METRICS_TOKEN, token)) || isFlush;
}

/** Lets callers with the metrics' token through, and those with the flush secret. */
export const withMetricsToken: Gate<'watch', null> = {
  access: 'watch',
  async admit(c) {
    if (!(await isWatcher(bearerOf(c) ?? '', c.var.services.config))) {
      throw await refusalOfSecret(c, 'the token of the metrics is needed');
    }
    return null;
  },
};

/** Lets everyone through, and tells those who may watch from strangers. */
export const maybeWatching: Gate<'public', { mayWatch: boolean }> = {
  access: 'public',
  async admit(c) {
    if (bearerOf(c) === null) return { mayWatch: false };
    await withMetricsToken.admit(c);
    return { mayWatch: true };
  },
};

/** Lets everyone through; who they are isn't asked. */
export const everyone: Gate<'public', null> = { access: 'public', admit: async () => null };

/** Lets callers with the token of a knock through. */
export const withKnockToken: Gate<'knock', KnockAccess> = {
  access: 'knock',
  async admit(c) {
    const access = await verifyKnockToken(bearerOf(c) ?? '', c.var.services.config);
    if (!access) throw unauthorized('the token of the knock is needed');
    return access;
  },
};

/** Lets browsers through that are signed in, by the text of their cookie, which isn't checked yet. */
export const withRefreshCookie: Gate<'refresh', string> = {
  access: 'refresh',
  async admit(c) {
    refuseForeignOrigin(c);
    const cookie = refreshCookieOf(c);
    if (cookie === null) throw unauthorized('you are not signed in');
    return cookie;
  },
};

/** A request, and what there is to judge it by. */
type Asked = Pick<Context<AppEnv>, 'req' | 'var'>;

/**
 * The token the caller sends, unchecked; null for none.
 * @throws {ApiError} 401 for a header that isn't a bearer's.
 */
function bearerOf(c: Asked): string | null {
  const header = c.req.header('Authorization');
  if (header === undefined) return null;
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  if (token === undefined) throw unauthorized('the token is not valid');
  return token;
}

/**
 * Who the caller is, by a session token or a user's own; anonymous for callers who send none.
 * @throws {ApiError} 401 for a token that isn't valid: a caller isn't made anonymous without knowing it.
 */
async function callerIn(c: Asked): Promise<Caller> {
  const caller = await callerOf(bearerOf(c), c.var.services.tokens);
  if (!caller) throw unauthorized('the token is not valid');
  return caller;
}

/** A caller with access to one session. */
interface SessionCaller {
  role: Role;
  userId: string | null;
  /** null: they own the session, or it is discoverable, and they have never been in it. */
  participantId: string | null;
  displayName: string;
  /** The `token_epoch` that their token names; null where it names none. */
  epoch: string | null;
  /** When their session token expires, in seconds since the epoch; null for a user's own token. */
  tokenExpiresAtS: number | null;
}

/**
 * Lets callers through who may do `action` in the session of the path.
 * Refuses with 400 when its id is no UUID, 401 without a token, 403 when nothing lets the caller in or their
 * role doesn't allow it, 404 when there is no such session, 410 when it has ended and the action isn't
 * possible any more.
 */
export function allow(action: Action): Gate<'session', SessionCaller> {
  return {
    access: 'session',
    admit: (c) => callerFor(c, parse(ofOne, { id: c.req.param('id') }, 'path').id, action),
  };
}

async function callerFor(c: Asked, sessionId: string, action: Action): Promise<SessionCaller> {
  const caller = await callerIn(c);
  if (caller.kind === 'anonymous') throw unauthorized('a token is needed');
  if (caller.kind === 'participant' && caller.access.sessionId !== sessionId) {
    throw new ApiError(403, 'forbidden', 'the token is for another session');
  }
  const { people } = c.var.services;
  const { userId, name } = await identify(caller, people);
  const participantId = caller.kind === 'participant' ? caller.access.participantId : null;
  const access = await people.checkAccess({
    sessionId,
    userId,
    epoch: epochOf(caller),
    participantId,
    inviteToken: null,
  });
  if (!access) throw notFound();
  if (access.role === null) throw new ApiError(403, 'forbidden', 'you have no access to this session');
  refuseUnless(access.role, action);
  if (!access.isActive && !isAllowedAfterEnd(action)) {
    throw new ApiError(410, 'not_found', 'the session has ended');
  }
  return {
    role: access.role,
    userId,
    participantId: access.participantId,
    displayName: access.displayName ?? name ?? guestName(access.role),
    epoch: epochOf(caller),
    tokenExpiresAtS: caller.kind === 'participant' ? caller.access.expiresAtS : null,
  };
}

async function identify(
  caller: Exclude<Caller, { kind: 'anonymous' }>,
  people: PeopleRepository,
): Promise<{ userId: string | null; name: string | null }> {
  if (caller.kind === 'participant') return { userId: caller.access.userId, name: caller.access.displayName };
  const { id, name } = await people.upsertUser(caller.profile);
  return { userId: id, name };
}

/** @throws {ApiError} 403 when a role doesn't allow an action. */
export function refuseUnless(role: Role, action: Action): void {
  if (!may(role, action)) throw new ApiError(403, 'forbidden', `a ${role} may not do this`);
}

/**
 * The caller's user id; null for callers without a user's token. A session token lets its bearer into one
 * session and says nothing elsewhere: it travels in links and addresses, and must not open all that its user
 * has.
 * @throws {ApiError} 401 for a token that isn't valid.
 */
async function optionalUserId(c: Asked): Promise<string | null> {
  const caller = await callerIn(c);
  return caller.kind === 'user' ? (await c.var.services.people.upsertUser(caller.profile)).id : null;
}

/** Lets signed-in callers through, by their user id. Refuses all others, with 401 or 403. */
export const signedIn: Gate<'user', string> = { access: 'user', admit: requireUserId };

/** Lets callers through by their user id, and those without a user's token by none. */
export const maybeSignedIn: Gate<'optional', string | null> = { access: 'optional', admit: optionalUserId };

/**
 * Lets callers through by their user id, which a session token says, too; and strangers by none, where this
 * server is open to them.
 */
export const maybeKnown: Gate<'optional', string | null> = {
  access: 'optional',
  async admit(c) {
    const caller = await callerIn(c);
    if (caller.kind !== 'anonymous') {
      const { people } = c.var.services;
      const { userId } = await identify(caller, people);
      // What a session token says of a user counts as long as they haven't revoked it.
      if (caller.kind === 'participant' && userId !== null) {
        const { sessionId, participantId } = caller.access;
        const epoch = epochOf(caller);
        await people.checkAccess({ sessionId, userId, epoch, participantId, inviteToken: null });
      }
      return userId;
    }
    if (c.var.services.config.ANONYMOUS === 'off') throw unauthorized('sign in to use this server');
    return null;
  },
};

/** Lets callers through by their token, which isn't looked at yet; null for none. */
export const withAnyToken: Gate<'optional', string | null> = {
  access: 'optional',
  admit: async (c) => bearerOf(c),
};

/** @throws {ApiError} for callers who aren't signed in: 401 without a token, 403 with a session token. */
export async function requireUserId(c: Asked): Promise<string> {
  const userId = await optionalUserId(c);
  if (userId !== null) return userId;
  // There is nothing wrong with the token: a client must not forget it for this.
  if (bearerOf(c) !== null) throw new ApiError(403, 'forbidden', 'sign in to do this');
  throw unauthorized('sign in to do this');
}
