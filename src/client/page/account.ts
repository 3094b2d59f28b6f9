/**
 * The signed-in user, whose token this browser keeps. What a token says is only shown here; the server
 * verifies it. What signing in and renewing take is in `account/`, and is loaded when it is needed.
 */
import * as z from 'zod';
import { ApiError } from '../sdk/call.ts';
import { claimsOf } from '../sdk/people.ts';
import { isRenewalDue } from './account/renewal-time.ts';
import {
  forgetSessions,
  isClaimPending,
  isOfUserToken,
  keptAccount,
  storedUserToken,
  storeUserToken,
} from './storage.ts';
import { Store } from './ui/store.ts';

export interface Account {
  /** The identity provider's name for the person. */
  subject: string;
  /** Empty where the account has none. */
  name: string;
  /** What to call it in a sentence. */
  label: string;
  /** Of this server, whose tokens are short-lived and can be renewed; else of another service. */
  isOwn: boolean;
}

const SESSION_AUDIENCE = 'backbeat:session';
const ACCOUNT_AUDIENCE = 'backbeat:account';
/**
 * How often it is looked whether the token is to be renewed: by the clock, as a timer that a sleeping
 * computer has stopped says nothing.
 */
const LOOK_INTERVAL_MS = 15_000;

const claimsSchema = z.object({
  sub: z.string().min(1),
  name: z.string().trim().min(1).optional().catch(undefined),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
});

const lifetimeSchema = z.object({ iat: z.number(), exp: z.number() });

/**
 * Null when no user is signed in. Whether the token has expired only the server says: this device's clock may
 * be wrong, and who was signed in has to be told.
 */
export function currentAccount(): Account | null {
  const token = storedUserToken();
  return token === null ? null : readToken(token);
}

/** The subject of the account that is signed in, also when that changes in another tab. */
export const signedInAs = new Store<string | null>(currentAccount()?.subject ?? null);

/** The server has said that the account's token isn't good any more. */
export const isSignInOver = new Store(false);

/** Grows when sessions of this browser have become the account's. */
export const claims = new Store(0);

/** The kept token has changed. */
export function noteToken(): void {
  isSignInOver.set(false);
  signedInAs.set(currentAccount()?.subject ?? null);
}

/** What of `account/` is called from here. */
interface SignInPart {
  renew(stale: string): Promise<string>;
  endSignIn(): Promise<void>;
  claim(): Promise<number>;
}

let load = (): Promise<SignInPart> => Promise.reject(new Error('not set'));

/** Says how that part is loaded: it builds on this file, which can't import it. */
export function setSignInPart(loadPart: () => Promise<SignInPart>): void {
  load = loadPart;
}

async function later(): Promise<SignInPart> {
  try {
    return await load();
  } catch (cause) {
    throw new ApiError(0, 'unreachable', 'A part of this page couldn’t be loaded. Reload it to go on.', {
      cause,
    });
  }
}

const isUnauthorized = (error: unknown) => error instanceof ApiError && error.status === 401;

/**
 * Runs what the account's token is for. A token that the server takes no more is renewed, and then it is run
 * once more.
 * @param run is given the token; null without an account.
 * @throws in words for people when the sign-in has expired; else what `run` throws.
 */
export async function asAccount<T>(
  account: Account | null,
  run: (token: string | null) => Promise<T>,
): Promise<T> {
  if (account === null) return run(null);
  try {
    const token = await accountToken(account);
    try {
      return await run(token);
    } catch (error) {
      if (!account.isOwn || !isUnauthorized(error)) throw error;
      return await run(await renewedToken(token));
    }
  } catch (error) {
    if (!isUnauthorized(error)) throw error;
    isSignInOver.set(true);
    throw new Error('Your sign-in has expired. Sign in again, or sign out to go on without it.', {
      cause: error,
    });
  }
}

/**
 * The account's token, renewed where that is due.
 * @throws {ApiError} 401 when the sign-in has expired.
 */
export async function accountToken({ subject }: Pick<Account, 'subject'>): Promise<string> {
  const token = storedUserToken();
  const account = token === null ? null : readToken(token);
  if (token === null || account?.subject !== subject) {
    throw new Error('You signed out in another tab.');
  }
  if (!account.isOwn || !isDue(token, subject)) return token;
  try {
    return await renewedToken(token);
  } catch (error) {
    if (isUnauthorized(error)) throw error;
    // It may be good for a while yet: the server says so when it is asked.
    return token;
  }
}

/** @throws {ApiError} 401 when the sign-in has expired. */
export async function renewedToken(stale: string): Promise<string> {
  return (await later()).renew(stale);
}

function isDue(token: string, subject: string): boolean {
  const claims = lifetimeSchema.safeParse(claimsOf(token));
  if (!claims.success) return false;
  const lifetimeMs = (claims.data.exp - claims.data.iat) * 1_000;
  return isRenewalDue({ lifetimeMs, tokenAtMs: keptAccount(subject)?.tokenAtMs ?? null }, Date.now());
}

/** Keeps the token fresh as long as the page is seen, and follows what other tabs do. */
export function watchAccount(): void {
  // Here already when it is needed: a page that stays open over a release can't load it any more. Whether it
  // came shows then.
  if (currentAccount()?.isOwn) load().catch(() => {});
  const look = () => {
    const account = currentAccount();
    if (document.hidden || !account?.isOwn || isSignInOver.snapshot) return;
    accountToken(account).catch((error: unknown) => isUnauthorized(error) && isSignInOver.set(true));
  };
  setInterval(look, LOOK_INTERVAL_MS);
  document.addEventListener('visibilitychange', look);
  for (const event of ['online', 'pageshow', 'focus']) window.addEventListener(event, look);
  window.addEventListener('storage', (event) => {
    if (isOfUserToken(event)) noteToken();
  });
  // What came to nothing when they signed in.
  if (currentAccount() !== null && isClaimPending()) {
    later()
      .then(({ claim }) => claim())
      .catch(() => {});
  }
}

/** What a user's token says; null when it is none. */
export function readToken(token: string): Account | null {
  const claims = claimsSchema.safeParse(claimsOf(token));
  if (!claims.success) return null;
  const { sub: subject, name, aud } = claims.data;
  const audiences = [aud].flat();
  // A session token says who may enter one session, and is no account.
  if (audiences.includes(SESSION_AUDIENCE)) return null;
  if (!audiences.includes(ACCOUNT_AUDIENCE)) {
    return { subject, name: name ?? subject, label: name ?? subject, isOwn: false };
  }
  const kept = keptAccount(subject);
  return { subject, name: kept?.name ?? '', label: kept?.name || kept?.email || 'no name', isOwn: true };
}

/**
 * Signs out: at the server, too, where the account is its own.
 * @throws {ApiError} and nothing has changed, as the browser's cookie would sign it in again.
 */
export async function signOut(): Promise<void> {
  if (currentAccount()?.isOwn) await (await later()).endSignIn();
  forgetAccount();
}

/** Forgets the token, and the keys to sessions that came by it. */
export function forgetAccount(): void {
  storeUserToken(null);
  forgetSessions((session) => session.subject !== null);
  noteToken();
}
