/** The browsers that are signed in, and the tokens that they are given. */
import type { Account, AccountRepository } from '../domain/accounts.ts';
import { signAccountToken, verifyAccountToken } from './account-token.ts';
import { type RefreshToken, RefreshTokens } from './refresh-token.ts';

/**
 * For how long a refresh token that was replaced is taken for an honest repetition: of two tabs that began at
 * once, or after an answer that was lost on the way.
 */
export const REFRESH_GRACE_MS = 10_000;
const DAY_MS = 24 * 3_600_000;

export interface SignedInOptions {
  JWT_SECRET: string;
  JWT_SECRET_PREVIOUS?: string | undefined;
  ACCESS_TOKEN_MINUTES: number;
  REFRESH_TOKEN_DAYS: number;
}

type Accounts = Pick<AccountRepository, 'addBrowser' | 'useRefreshToken' | 'removeBrowser'>;

/** What a browser that is signed in gets. */
export interface BrowserTokens {
  token: string;
  expiresAtMs: number;
  /** The cookie's new value; null: it stays as it is. */
  refresh: string | null;
}

export class SignedInBrowsers {
  readonly #accounts: Accounts;
  readonly #options: SignedInOptions;
  readonly #refreshTokens: RefreshTokens;
  /** Those made with the secret before, while it is being changed. */
  readonly #earlier: RefreshTokens | null;
  readonly #now: () => number;

  /** @param now milliseconds since the epoch. */
  constructor(accounts: Accounts, options: SignedInOptions, now: () => number) {
    this.#accounts = accounts;
    this.#options = options;
    this.#refreshTokens = new RefreshTokens(options.JWT_SECRET);
    const { JWT_SECRET_PREVIOUS: previous } = options;
    this.#earlier = previous === undefined ? null : new RefreshTokens(previous);
    this.#now = now;
  }

  /** Signs a browser in. */
  async add(account: Account): Promise<BrowserTokens> {
    const browserId = crypto.randomUUID();
    const { hash, text } = await this.#refreshTokens.first(browserId);
    const nowMs = this.#now();
    const expiresAtMs = this.#expiry(nowMs);
    await this.#accounts.addBrowser({ id: browserId, userId: account.id, hash, nowMs, expiresAtMs });
    return { ...(await this.#accessToken(account, browserId, nowMs)), refresh: text };
  }

  /**
   * Gives a browser a new token for its refresh token. One that was replaced a while ago is in two hands: the
   * browser is signed out, whichever of them it is.
   * @returns null for a token that is no good.
   */
  async refresh(cookie: string): Promise<BrowserTokens | null> {
    const shown = await this.#parse(cookie);
    if (shown === null) return null;
    const next: RefreshToken = await this.#refreshTokens.successorOf(shown);
    const nowMs = this.#now();
    const { browserId, hash } = shown;
    const use = await this.#accounts.useRefreshToken({
      browserId,
      hash,
      nextHash: next.hash,
      nowMs,
      graceMs: REFRESH_GRACE_MS,
      expiresAtMs: this.#expiry(nowMs),
    });
    if (use.outcome === 'invalid' || use.outcome === 'stolen') return null;
    const access = await this.#accessToken(use.account, browserId, nowMs);
    return { ...access, refresh: use.outcome === 'fresh' ? null : next.text };
  }

  /** Signs the browser out that has this cookie. What isn't a cookie of ours changes nothing. */
  async removeByCookie(cookie: string): Promise<void> {
    const shown = await this.#parse(cookie);
    if (shown !== null) await this.#accounts.removeBrowser(shown.browserId);
  }

  /** Signs the browser out that has this account's token. Any other token changes nothing. */
  async removeByToken(token: string): Promise<void> {
    const access = await verifyAccountToken(token, this.#options);
    if (access !== null) await this.#accounts.removeBrowser(access.browserId);
  }

  async #accessToken({ subject, epoch }: Account, browserId: string, nowMs: number) {
    const { JWT_SECRET, ACCESS_TOKEN_MINUTES: minutes } = this.#options;
    return signAccountToken({ subject, epoch, browserId }, JWT_SECRET, { nowMs, minutes });
  }

  #expiry(nowMs: number): number {
    return nowMs + this.#options.REFRESH_TOKEN_DAYS * DAY_MS;
  }

  async #parse(cookie: string): Promise<RefreshToken | null> {
    return (await this.#refreshTokens.parse(cookie)) ?? (await this.#earlier?.parse(cookie)) ?? null;
  }
}
