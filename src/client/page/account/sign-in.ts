/** Signing in and out, and what follows from it. */
import {
  type Account as AccountReply,
  claimSessions,
  getAccount,
  logout,
  refreshToken,
} from '../../../protocol/http/accounts.ts';
import { listSessions } from '../../../protocol/http/sessions.ts';
import { MAX_CLAIMED_SESSIONS } from '../../../protocol/limits.ts';
import { ApiError, call, messageOf } from '../../sdk/call.ts';
import { claimsOf } from '../../sdk/people.ts';
import { asAccount, claims, currentAccount, noteToken, readToken } from '../account.ts';
import { tabKeeper } from '../keeping.ts';
import {
  forgetSessions,
  type KnownSession,
  keepAccount,
  keptAccount,
  knownSessions,
  setClaimPending,
  storedUserToken,
  storeUserToken,
  updateSession,
} from '../storage.ts';
import type { ToastKind } from '../ui/toasts.tsx';
import { exclusive, Renewal } from './renewal.ts';
import { addressAfter, outcomeOf, takeReturn } from './return-address.ts';
import { restoreTyped } from './typed.ts';

const WHY_NOT = {
  cancelled: 'You are not signed in: signing in was cancelled.',
  expired: 'You are not signed in: it took too long, or it was begun in another browser. Please try again.',
  refused: 'You are not signed in: the provider’s answer can’t be trusted. Please try again.',
  unavailable: 'You are not signed in: the provider or the server’s storage is out of reach. Try again soon.',
} as const;

/** Keeps a token that this browser has just got. */
function keepToken(token: string): void {
  const account = readToken(token);
  if (account) {
    const { name = '', email = '' } = keptAccount(account.subject) ?? {};
    keepAccount({ subject: account.subject, name, email, tokenAtMs: Date.now() });
  }
  storeUserToken(token);
  noteToken();
}

const askForToken = async () => (await call(refreshToken, {})).token;

const renewal = new Renewal({ exclusive, kept: storedUserToken, ask: askForToken, keep: keepToken });

/** See `Renewal.renew`. */
export const renew = (stale: string): Promise<string> => renewal.renew(stale);

/** Keeps what is shown of the account that is signed in. */
export function noteProfile({ name, email }: Pick<AccountReply, 'name' | 'email'>): void {
  const account = currentAccount();
  if (!account?.isOwn) return;
  const tokenAtMs = keptAccount(account.subject)?.tokenAtMs ?? 0;
  keepAccount({ subject: account.subject, name, email, tokenAtMs });
}

/**
 * What the page does that a provider, or the server, has led back to: it signs in, and shows the place where
 * the user was. Nothing happens on any other address.
 * @returns what the user is to be told.
 */
export async function arrive(): Promise<{ text: string; kind: ToastKind } | null> {
  const outcome = outcomeOf(location.search);
  if (outcome === null) return null;
  const kept = takeReturn(tabKeeper, Date.now());
  history.replaceState(null, '', addressAfter(location, kept?.hash ?? null));
  if (kept) restoreTyped(kept.typed);
  if (outcome !== 'signed-in') return { text: WHY_NOT[outcome], kind: 'error' };
  try {
    return { text: await finish(), kind: 'info' };
  } catch (error) {
    const text =
      error instanceof ApiError && error.status === 401
        ? 'You are not signed in: this browser didn’t keep the sign-in. It has to allow this site’s cookies.'
        : `You are not signed in: ${messageOf(error)} Please try again.`;
    return { text, kind: 'error' };
  }
}

/** @returns what the user is to be told. */
async function finish(): Promise<string> {
  const before = currentAccount();
  keepToken(await exclusive(askForToken));
  const account = currentAccount();
  // The keys of the account that was signed in here before are not this one's.
  if (before && before.subject !== account?.subject) {
    forgetSessions(({ subject }) => subject === before.subject);
  }
  try {
    noteProfile((await asAccount(account, (token) => call(getAccount, { token }))).user);
  } catch {
    // Only the name isn't known yet: it is asked for again with the account's own dialog.
  }
  const claimed = await claimNow();
  return `Signed in as ${currentAccount()?.label}.${claimed}`;
}

/** Sessions that this browser's user hosts without an account. */
export function claimable(sessions: readonly KnownSession[]): KnownSession[] {
  return sessions
    .filter(({ subject, token }) => subject === null && claimsOf(token)?.role === 'host')
    .slice(0, MAX_CLAIMED_SESSIONS);
}

/**
 * Makes sessions of this browser that have no account the account's own. What can't be done now is done when
 * the page is loaded again.
 * @returns how many.
 * @throws in words for people.
 */
export async function claim(): Promise<number> {
  const account = currentAccount();
  const sessions = claimable(knownSessions());
  if (account === null || sessions.length === 0) {
    setClaimPending(false);
    return 0;
  }
  setClaimPending(true);
  const session_tokens = sessions.map(({ token }) => token);
  const { claimed } = await asAccount(account, (token) =>
    call(claimSessions, { token, body: { session_tokens } }),
  );
  for (const { session_id, token } of claimed) updateSession(session_id, { token, subject: account.subject });
  setClaimPending(false);
  claims.set(claims.snapshot + claimed.length);
  return claimed.length;
}

/** @returns what to say of it. */
async function claimNow(): Promise<string> {
  try {
    const count = await claim();
    if (count === 0) return '';
    return count === 1
      ? ' The session that you host here is your account’s now.'
      : ` The ${count} sessions that you host here are your account’s now.`;
  } catch {
    return ' The sessions that you host here come to your account when the page is loaded again.';
  }
}

/**
 * Signs in with a pasted token, once the server has taken it.
 * @throws {Error} in words for people.
 */
export async function signInWithToken(pasted: string): Promise<void> {
  const token = pasted.trim().replace(/^Bearer +/i, '');
  if (readToken(token) === null) throw new Error('That isn’t a user’s token.');
  await call(listSessions, { token, query: { limit: 1 } });
  keepToken(token);
  await claimNow();
}

/** Signs this browser out at the server. */
export async function endSignIn(): Promise<void> {
  await call(logout, { token: storedUserToken() });
}
