/**
 * The user who is signed in: this browser keeps their token. The page only shows what the token says; the
 * server verifies it.
 */
import * as z from 'zod';
import { listSessions } from '../../protocol/http/sessions.ts';
import { call } from '../sdk/call.ts';
import { claimsOf } from '../sdk/people.ts';
import { forgetSessions, storedUserToken, storeUserToken } from './storage.ts';

export interface Account {
  token: string;
  /** The identity provider's name for the person. */
  subject: string;
  name: string;
}

const SESSION_AUDIENCE = 'backbeat:session';

const claimsSchema = z.object({
  sub: z.string().min(1),
  name: z.string().trim().min(1).optional().catch(undefined),
  /** Seconds since the epoch. */
  exp: z.number().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
});

/** Null when nobody is signed in, or no longer. */
export function currentAccount(): Account | null {
  const token = storedUserToken();
  return token === null ? null : readToken(token, Date.now());
}

/**
 * What a user's token says; null when it is none, or has expired.
 * @param nowMs milliseconds since the epoch.
 */
export function readToken(token: string, nowMs: number): Account | null {
  const claims = claimsSchema.safeParse(claimsOf(token));
  if (!claims.success) return null;
  const { sub: subject, name, exp, aud } = claims.data;
  // A session token says who may enter one session, and is nobody's account.
  if ([aud].flat().includes(SESSION_AUDIENCE)) return null;
  return exp !== undefined && exp * 1000 <= nowMs ? null : { token, subject, name: name ?? subject };
}

/**
 * Signs in with a pasted token, once the server has taken it.
 * @throws {Error} in words for people.
 */
export async function signIn(pasted: string): Promise<Account> {
  const token = pasted.trim().replace(/^Bearer +/i, '');
  const account = readToken(token, Date.now());
  if (account === null) throw new Error('That isn’t a user’s token, or it has expired.');
  await call(listSessions, { token, query: { limit: 1 } });
  storeUserToken(token);
  return account;
}

/** Forgets the token, and the keys to sessions that came by it. */
export function signOut(): void {
  storeUserToken(null);
  forgetSessions((session) => session.subject !== null);
}
