/** What this participant shows the room and the API: a key to the session, or the account's own. */
import { ApiError } from '../../sdk/call.ts';
import { type Account, accountToken, currentAccount, isSignInOver, renewedToken } from '../account.ts';
import type { Entry } from '../entry.ts';
import { forgetSessions, knownSessions, rememberSession, storedUserToken } from '../storage.ts';
import { Store } from '../ui/store.ts';

export class SessionKey {
  /**
   * The key that the server takes no more: the account's, or one to this session; null: it took it.
   * `renewing`: the account's, which may be renewed.
   */
  readonly lost = new Store<'account' | 'session' | 'renewing' | null>(null);
  readonly #sessionId: string;
  /** Of the account that it was entered with. */
  readonly #subject: string | null;
  readonly #retry: () => void;
  /** A session token; the room gives one to who came without. */
  #token: string | null;
  /** Who enters by the account's own token, as long as there is no other. */
  #byAccount: Account | null;
  /** The account's token was renewed since the room last took it. */
  #isRenewed = false;

  /** @param retry connects again, with another key. */
  constructor({ sessionId, token, account }: Entry, retry: () => void) {
    this.#sessionId = sessionId;
    this.#subject = account?.subject ?? null;
    this.#retry = retry;
    this.#token = token;
    this.#byAccount = token === null ? account : null;
  }

  get isThere(): boolean {
    return this.#token !== null || this.#byAccount !== null;
  }

  /** What the API is asked with; empty without a key, which it refuses. */
  get token(): string {
    return this.#token ?? (this.#byAccount && storedUserToken()) ?? '';
  }

  /** What the room is asked with, renewed if it is an account's that needs it; null without a key. */
  async bearer(): Promise<string | null> {
    if (this.#byAccount === null) return this.#token;
    // What can't be renewed the room refuses, which is told then.
    return accountToken(this.#byAccount).catch(() => storedUserToken());
  }

  /** This participant has a session token now, and may come back with it. */
  take(token: string, title: string | null): void {
    this.#token = token;
    this.#byAccount = null;
    rememberSession({
      id: this.#sessionId,
      token,
      title,
      subject: this.#subject,
      // It may be a new one in the place of an old one, by which an invite leads back here.
      invite: knownSessions().find(({ id }) => id === this.#sessionId)?.invite ?? null,
    });
  }

  /** The room took it. */
  accepted(): void {
    this.#isRenewed = false;
  }

  /** The server doesn't take it any more: one to this session is of no use, and an account may do. */
  refused(): void {
    if (this.#byAccount !== null) {
      void this.#renew(this.#byAccount);
      return;
    }
    if (this.#token === null) return;
    forgetSessions(({ id }) => id === this.#sessionId);
    this.#token = null;
    this.#byAccount = currentAccount();
    this.lost.set(this.#byAccount === null ? 'session' : null);
    // Not while the client tells of its refusal.
    if (this.#byAccount !== null) queueMicrotask(this.#retry);
  }

  /** The account's token isn't good any more: once another one is tried. */
  async #renew({ isOwn }: Account): Promise<void> {
    const stale = storedUserToken();
    if (!isOwn || stale === null || this.#isRenewed) {
      this.lost.set('account');
      isSignInOver.set(true);
      return;
    }
    this.#isRenewed = true;
    this.lost.set('renewing');
    try {
      await renewedToken(stale);
      this.lost.set(null);
      this.#retry();
    } catch (error) {
      this.lost.set('account');
      // Out of reach isn't over: the next attempt may do.
      if (error instanceof ApiError && error.status === 401) isSignInOver.set(true);
    }
  }
}
