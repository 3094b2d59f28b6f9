/** With what this browser enters a session: a key of its own, else the account, else a name alone. */
import { claimsOf } from '../sdk/people.ts';
import { type Account, currentAccount } from './account.ts';
import { type KnownSession, knownSessions, rememberedName } from './storage.ts';

export interface Entry {
  sessionId: string;
  /** A session token or the account's token; null for somebody who has neither. */
  token: string | null;
  /** What one wants to be called; null with a session token, whose bearer has a name. */
  displayName: string | null;
  /** null until it is known. */
  title: string | null;
  /** Who enters, as far as it is an account. */
  account: Account | null;
}

/** How somebody would enter a session now. */
export function entryOf(sessionId: string): Entry {
  const account = currentAccount();
  const known = usableSessions(account).find((session) => session.id === sessionId);
  return {
    sessionId,
    token: known?.token ?? account?.token ?? null,
    displayName: known ? null : rememberedName() || account?.name || null,
    title: known?.title ?? null,
    // A key that was got without the account enters without it.
    account: known && known.subject === null ? null : account,
  };
}

/** The sessions that whoever is signed in, or nobody, has a key to that is still good; newest first. */
export function usableSessions(account: Account | null): KnownSession[] {
  return knownSessions().filter(
    ({ subject, token }) =>
      (subject === null || subject === account?.subject) && !hasExpired(token, Date.now()),
  );
}

/** The key that somebody got by this invite before: with it a second time doesn't count. */
export function keyOfInvite(invite: string, account: Account | null): string | null {
  return usableSessions(account).find((session) => session.invite === invite)?.token ?? null;
}

function hasExpired(token: string, nowMs: number): boolean {
  const exp = claimsOf(token)?.exp;
  return typeof exp === 'number' && exp * 1000 <= nowMs;
}
