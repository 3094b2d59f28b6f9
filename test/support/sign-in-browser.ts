/** A browser that signs in: it keeps cookies as browsers do, and follows a provider's pages. */
import { z } from 'zod';

interface Cookie {
  name: string;
  value: string;
  path: string;
  attributes: string;
}

/** One host's cookies. */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  take(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...rest] = line.split('; ');
      const [name = '', ...value] = pair.split('=');
      const path = rest.find((text) => text.startsWith('Path='))?.slice(5) ?? '/';
      const isGone = rest.includes('Max-Age=0') || value.join('=') === '';
      const key = `${name} ${path}`;
      if (isGone) this.#cookies.delete(key);
      else this.#cookies.set(key, { name, value: value.join('='), path, attributes: rest.join('; ') });
    }
  }

  /** What goes along with a request. */
  headerFor(path: string): string {
    const fits = (cookie: Cookie) =>
      path === cookie.path || path.startsWith(cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`);
    return [...this.#cookies.values()]
      .filter(fits)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  /** Those whose names contain a text. */
  named(text: string): Cookie[] {
    return [...this.#cookies.values()].filter(({ name }) => name.includes(text));
  }

  set(cookie: Cookie): void {
    this.#cookies.set(`${cookie.name} ${cookie.path}`, cookie);
  }

  clear(): void {
    this.#cookies.clear();
  }
}

export interface Asked {
  method?: string;
  token?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
  /** The page that asks; null: the browser doesn't say. */
  origin?: string | null;
}

const tokenReply = z.object({ token: z.string(), expires_at: z.string() });

export class SignInBrowser {
  readonly cookies = new CookieJar();
  readonly #fetch: (path: string, init: RequestInit) => Promise<Response>;
  readonly #origin: string;

  /** @param fetch asks the Worker, without following. @param origin of the Worker. */
  constructor(fetch: (path: string, init: RequestInit) => Promise<Response>, origin: string) {
    this.#fetch = fetch;
    this.#origin = origin;
  }

  /** A request to the Worker, with the cookies that are for it. */
  async ask(path: string, asked: Asked = {}): Promise<Response> {
    const {
      method = 'GET',
      token,
      body,
      headers = {},
      origin = method === 'GET' ? null : this.#origin,
    } = asked;
    const cookie = this.cookies.headerFor(path.split('?')[0] ?? '');
    const response = await this.#fetch(path, {
      method,
      redirect: 'manual',
      headers: {
        ...(cookie === '' ? {} : { cookie }),
        ...(token == null ? {} : { authorization: `Bearer ${token}` }),
        ...(origin === null ? {} : { origin }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    this.cookies.take(response);
    return response;
  }

  /** Begins to sign in. @returns the provider's address. */
  async begin(provider: string, query: Record<string, string> = {}): Promise<string> {
    const response = await this.ask(`/api/v1/auth/${provider}?${new URLSearchParams(query)}`);
    if (response.status !== 302) throw new Error(`${response.status} ${await response.text()}`);
    return response.headers.get('location') ?? '';
  }

  /** Comes back from a provider. @returns where that leads. */
  async comeBack(callback: string): Promise<string> {
    const { pathname, search } = new URL(callback);
    const response = await this.ask(`${pathname}${search}`);
    if (response.status !== 302) throw new Error(`${response.status} ${await response.text()}`);
    return response.headers.get('location') ?? '';
  }

  /** The whole way, at a provider with the page of `dev/sign-in`. @returns where it leads. */
  async signIn(provider: string, name: string, query: Record<string, string> = {}): Promise<string> {
    return this.comeBack(await passProvider(await this.begin(provider, query), name));
  }

  /** A token for the cookie. */
  async token(): Promise<string> {
    const response = await this.ask('/api/v1/auth/refresh', { method: 'POST' });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return tokenReply.parse(await response.json()).token;
  }
}

/**
 * What a user does at the provider.
 * @param name null: they cancel.
 * @returns the callback's address.
 */
export async function passProvider(address: string, name: string | null): Promise<string> {
  const cookies = new CookieJar();
  const { origin } = new URL(address);
  let at = address;
  for (;;) {
    const { pathname } = new URL(at);
    const isForm = pathname.startsWith('/interaction/');
    const form = name === null ? { cancel: '1' } : { name };
    const response = await fetch(at, {
      method: isForm ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: cookies.headerFor(pathname) },
      ...(isForm ? { body: new URLSearchParams(form) } : {}),
    });
    cookies.take(response);
    const location = response.headers.get('location');
    if (location === null) throw new Error(`${at}: ${response.status} ${await response.text()}`);
    at = new URL(location, at).href;
    if (new URL(at).origin !== origin) return at;
  }
}
