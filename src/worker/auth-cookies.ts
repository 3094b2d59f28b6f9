/**
 * The two cookies of signing in. No script reads them, and no other site's page sends them with a request
 * that changes anything.
 */
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { ATTEMPT_LIFETIME_S } from '../access/sign-in-attempt.ts';

const AUTH_PATH = '/api/v1/auth';
const ATTEMPT = 'backbeat_sign_in_';
const REFRESH = 'backbeat_refresh';
/** Part of a cookie's name: which attempt it is of. */
const STATE_CHARS = 16;
/** Attempts of one browser: with more, all those before are given up, as each request carries them. */
const MAX_ATTEMPTS = 3;
const DAY_S = 24 * 3_600;

const isSecure = (c: Context) => new URL(c.req.url).protocol === 'https:';

/**
 * A cookie with a prefix can't be set from plain HTTP, by someone on the way; `__Host-` also says that no
 * other host of the domain has set it. Without it the port is in the name: cookies know no ports, and local
 * stacks would sign each other's browsers out.
 */
function nameOf(c: Context, prefix: '__Host-' | '__Secure-', name: string): string {
  const { port } = new URL(c.req.url);
  return isSecure(c) ? `${prefix}${name}` : port === '' ? name : `${name}_${port}`;
}

const optionsOf = (c: Context, path: string) => ({
  path,
  httpOnly: true,
  secure: isSecure(c),
  sameSite: 'Lax' as const,
});

/** Each attempt has a cookie of its own, so that two tabs don't get in each other's way. */
const attemptName = (c: Context, state: string) =>
  nameOf(c, '__Host-', `${ATTEMPT}${state.replace(/[^\w-]/g, '').slice(0, STATE_CHARS)}`);
const isAttempt = (name: string) => name.replace('__Host-', '').startsWith(ATTEMPT);

/** Keeps an attempt to sign in, sealed. */
export function keepAttempt(c: Context, state: string, sealed: string): void {
  const options = optionsOf(c, '/');
  const earlier = Object.keys(getCookie(c)).filter(isAttempt);
  if (earlier.length >= MAX_ATTEMPTS) for (const name of earlier) deleteCookie(c, name, options);
  setCookie(c, attemptName(c, state), sealed, { ...options, maxAge: ATTEMPT_LIFETIME_S });
}

/** The attempt that a state is of, sealed; it is forgotten with that. */
export function takeAttempt(c: Context, state: string): string | null {
  const name = attemptName(c, state);
  const sealed = getCookie(c, name) ?? null;
  if (sealed !== null) deleteCookie(c, name, optionsOf(c, '/'));
  return sealed;
}

export function setRefreshCookie(c: Context, value: string, days: number): void {
  setCookie(c, nameOf(c, '__Secure-', REFRESH), value, { ...optionsOf(c, AUTH_PATH), maxAge: days * DAY_S });
}

export function refreshCookieOf(c: Context): string | null {
  return getCookie(c, nameOf(c, '__Secure-', REFRESH)) ?? null;
}

export function clearRefreshCookie(c: Context): void {
  deleteCookie(c, nameOf(c, '__Secure-', REFRESH), optionsOf(c, AUTH_PATH));
}
