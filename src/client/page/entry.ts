/** With what this browser enters a session: a key of its own, else the account, else a name alone. */
import { type Account, currentAccount } from './account.ts';
import { type KnownSession, knownSessions, rememberedName } from './storage.ts';

export interface Entry {
  sessionId: string;
  /** A session token; null without one. */
  token: string | null;
  /** The name that the user chose; null with a session token, which has their name. */
  displayName: string | null;
  /** null until it is known. */
  title: string | null;
  /** Who enters, as far as it is an account. */
  account: Account | null;
}

/** How the user would enter a session now. */
export function entryOf(sessionId: string): Entry {
  const account = currentAccount();
  const known = usableSessions(account).find((session) => session.id === sessionId);
  return {
    sessionId,
    token: known?.token ?? null,
    displayName: known ? null : rememberedName() || account?.name || null,
    title: known?.title ?? null,
    // A key that was got without the account enters without it.
    account: known && known.subject === null ? null : account,
  };
}

/**
 * The sessions for which this user (or, signed out, this browser) has a token; newest first. Whether it is
 * still good the server says.
 */
export function usableSessions(account: Account | null): KnownSession[] {
  return knownSessions().filter(({ subject }) => subject === null || subject === account?.subject);
}

/** The token that the user got by this invite before: coming back with it uses no invite. */
export function keyOfInvite(invite: string, account: Account | null): string | null {
  return usableSessions(account).find((session) => session.invite === invite)?.token ?? null;
}
