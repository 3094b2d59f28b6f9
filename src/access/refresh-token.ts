/**
 * Refresh tokens: 256 random bits that a browser keeps in a cookie no script can read. Which browser it is of
 * stands in it, and a mark of ours: tokens that are made up cost no query, and sign no browser out.
 *
 * A token's successor is made of it. An answer that was lost on the way is given again, then, with the same
 * token in it: two tabs, or two attempts, never end with two good tokens.
 */
import { timingSafeEqual } from 'hono/utils/buffer';
import { base64url } from 'jose';
import { derivedKey, macOf } from './derived-key.ts';

const RANDOM_BYTES = 32;
const FORM = /^([\da-f-]{36})\.([\w-]{43})\.([\w-]{43})$/;

export interface RefreshToken {
  browserId: string;
  /** As the cookie has it. */
  text: string;
  /** What is stored of it: the secret can't be guessed, so a plain hash is enough. */
  hash: string;
}

export class RefreshTokens {
  readonly #secret: string;
  #keys: Promise<{ mark: Uint8Array<ArrayBuffer>; successor: Uint8Array<ArrayBuffer> }> | null = null;

  /** @param secret JWT_SECRET. */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** A browser's first. */
  first(browserId: string): Promise<RefreshToken> {
    return this.#made(browserId, base64url.encode(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))));
  }

  /** The one that takes a token's place: always the same. */
  async successorOf({ browserId, text }: RefreshToken): Promise<RefreshToken> {
    const { successor } = await this.#derived();
    return this.#made(browserId, await macOf(successor, text));
  }

  /** Reads a cookie. Null for what isn't made here. */
  async parse(text: string): Promise<RefreshToken | null> {
    const [, browserId, random] = FORM.exec(text) ?? [];
    if (browserId === undefined || random === undefined) return null;
    const made = await this.#made(browserId, random);
    // The same time however much of the mark is right.
    return (await timingSafeEqual(made.text, text)) ? made : null;
  }

  async #made(browserId: string, random: string): Promise<RefreshToken> {
    const { mark } = await this.#derived();
    const text = `${browserId}.${random}.${await macOf(mark, `${browserId}.${random}`)}`;
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return { browserId, text, hash: base64url.encode(new Uint8Array(digest)) };
  }

  #derived() {
    this.#keys ??= Promise.all([
      derivedKey(this.#secret, 'refresh token mark'),
      derivedKey(this.#secret, 'refresh token successor'),
    ]).then(([mark, successor]) => ({ mark, successor }));
    return this.#keys;
  }
}
