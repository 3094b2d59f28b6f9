/**
 * Signing in, and what comes of it: the app in this process over real stores, a real OAuth server
 * (`oidc-provider`) in Google's place, and a stand-in for GitHub.
 */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type SignInServer, startSignInServer } from '../../dev/sign-in/server.ts';
import { providersOf } from '../../src/access/providers.ts';
import { signSessionToken } from '../../src/access/session-token.ts';
import { REFRESH_GRACE_MS } from '../../src/access/signed-in-browsers.ts';
import { listProviders } from '../../src/protocol/http/accounts.ts';
import { createSession } from '../../src/protocol/http/sessions.ts';
import { createApp } from '../../src/worker/app.ts';
import { RoomUnavailableError } from '../../src/worker/room-client.ts';
import { type Api, startApi } from '../support/api.ts';
import { type Github, startGithub } from '../support/github.ts';
import { passProvider, SignInBrowser } from '../support/sign-in-browser.ts';

const ORIGIN = 'http://localhost';
const CLIENT = { id: 'google-client', secret: 'google-secret-for-tests' };
const FRIEND = 'https://app.example';
const PICTURE = 'https://pictures.example/1.png';

let google: SignInServer;
let github: Github;
let api: Api;

beforeAll(async () => {
  [google, github] = await Promise.all([
    startSignInServer({
      port: 0,
      client: CLIENT,
      claimsOf: (name) => ({
        picture: PICTURE,
        email: `${name.toLowerCase().replace(/\W+/g, '.')}@example.com`,
        email_verified: !name.startsWith('Unverified'),
      }),
    }),
    startGithub(),
  ]);
  api = await startApi({
    GOOGLE_ISSUER: google.issuer,
    GOOGLE_CLIENT_ID: CLIENT.id,
    GOOGLE_CLIENT_SECRET: CLIENT.secret,
    GITHUB_URL: github.url,
    GITHUB_API_URL: `${github.url}/api/v3`,
    GITHUB_CLIENT_ID: github.client.id,
    GITHUB_CLIENT_SECRET: github.client.secret,
    AUTH_REDIRECT_ORIGINS: FRIEND,
  });
});
afterAll(async () => {
  await Promise.all([google?.close(), github?.stop(), api?.stop()]);
});
beforeEach(() => {
  api.clock.skewMs = 0;
  api.failRooms(null);
  github.failWith(null);
});

const browser = (origin = ORIGIN) =>
  new SignInBrowser((path, init) => Promise.resolve(api.app.request(`${origin}${path}`, init)), origin);

/** Somebody who is signed in with Google, in a browser of their own. */
async function signedIn(name = `Ada ${randomUUID()}`) {
  const one = browser();
  await one.signIn('google', name);
  return { browser: one, token: await one.token(), name };
}

const me = (token: string) => api.call('/api/v1/auth/me', { token });
const statusOf = async (token: string) => (await me(token)).status;
const rowsOf = async (query: ReturnType<typeof sql>) => (await api.db.execute(query)).rows;

describe('signing in', () => {
  it('offers the providers that are configured', async () => {
    expect((await api.call('/api/v1/auth/providers')).json).toEqual({
      providers: [
        { id: 'github', name: 'GitHub', is_local: false },
        { id: 'google', name: 'Google', is_local: false },
      ],
    });
    expect((await api.call('/api/v1/auth/local')).status).toBe(404);
  });

  it('with the stand-in is there only where the browser is on this machine', async () => {
    const [provider] = providersOf({ ...api.services.config, LOCAL_SIGN_IN_ISSUER: google.issuer }).slice(-1);
    const app = createApp({ services: () => ({ ...api.services, providers: provider ? [provider] : [] }) });
    const offered = async (origin: string) => {
      const reply = await app.request(`${origin}/api/v1/auth/providers`);
      const { status } = await app.request(`${origin}/api/v1/auth/local`);
      return [
        listProviders.reply.parse(await reply.json()).providers.map(({ is_local }) => is_local),
        status,
      ];
    };
    for (const origin of ['http://localhost:8787', 'http://127.0.0.1:8787']) {
      expect(await offered(origin)).toEqual([[true], 302]);
    }
    for (const origin of [
      'https://backbeat.example',
      'http://192.168.1.2:8787',
      'http://localhost.evil.example',
    ]) {
      expect(await offered(origin)).toEqual([[], 404]);
    }
  });

  it('with Google gives an account, and a token only to who asks with the cookie', async () => {
    const ada = browser();
    const name = `Ada ${randomUUID()}`;
    expect(await ada.signIn('google', name, { return_to: '/me?tab=1#top' })).toBe(
      '/me?tab=1&signed_in=1#top',
    );
    const [cookie] = ada.cookies.named('refresh');
    expect(cookie?.attributes).toMatch(/Path=\/api\/v1\/auth; HttpOnly; SameSite=Lax$/);
    expect(ada.cookies.named('sign_in')).toEqual([]);
    const { json } = await me(await ada.token());
    expect(json).toEqual({
      user: {
        id: expect.any(String),
        email: `${name.toLowerCase().replace(/\W+/g, '.')}@example.com`,
        name,
        avatar_url: PICTURE,
        provider: 'google',
        ai_features_enabled: true,
        training_consent: false,
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    });
  });

  it('with GitHub, too', async () => {
    const octocat = browser();
    const answer = await fetch(await octocat.begin('github'), { redirect: 'manual' });
    expect(await octocat.comeBack(answer.headers.get('location') ?? '')).toBe('/?signed_in=1');
    expect((await me(await octocat.token())).json.user).toMatchObject({
      name: 'The Octocat',
      email: 'octocat@example.com',
      avatar_url: github.user.avatar_url,
      provider: 'github',
    });
    expect(github.agents).toEqual(['Backbeat', 'Backbeat']);
  });

  it('on HTTPS keeps cookies that no other host can set, and nobody on the way can read', async () => {
    const origin = 'https://backbeat.example';
    const ada = browser(origin);
    await ada.begin('google');
    expect(ada.cookies.named('sign_in')[0]).toMatchObject({
      name: expect.stringMatching(/^__Host-/),
      path: '/',
      attributes: expect.stringMatching(/Secure/),
    });
  });

  it('leads other clients back with a token, which works where any user’s does', async () => {
    const there = new URL(await browser().signIn('google', 'Ada', { redirect_url: `${FRIEND}/cb?x=1#y` }));
    expect(there.origin + there.pathname + there.hash).toBe(`${FRIEND}/cb#y`);
    expect(there.searchParams.get('x')).toBe('1');
    const token = there.searchParams.get('token') ?? '';
    expect((await me(token)).json.user.name).toBe('Ada');
    const made = await api.call('/api/v1/sessions', { token, body: { title: 'Mine' } });
    expect(made.status).toBe(201);
    expect((await api.call('/api/v1/sessions', { token })).json.sessions).toHaveLength(1);
  });

  it('is the same account each time, and keeps the name that the user has set', async () => {
    const { token, name } = await signedIn();
    const { id } = (await me(token)).json.user;
    const change = { name: 'DJ Ada', avatar_url: null, training_consent: true };
    const changed = await api.call('/api/v1/auth/me', { method: 'PUT', token, body: change });
    expect(changed.json.user).toMatchObject({ id, name: 'DJ Ada', training_consent: true });
    expect(changed.json.user).not.toHaveProperty('avatar_url');
    const again = (await me((await signedIn(name)).token)).json.user;
    expect(again).toMatchObject({ id, name: 'DJ Ada' });
    expect(again).not.toHaveProperty('avatar_url');
    const made = await api.call('/api/v1/sessions', { token, body: {} });
    expect(made.json.display_name).toBe('DJ Ada');
  });

  it('takes no email address that the provider hasn’t verified', async () => {
    const { token } = await signedIn(`Unverified ${randomUUID()}`);
    expect((await me(token)).json.user.email).toBe('');
  });

  it('that the user cancels leads back, and says so', async () => {
    const ada = browser();
    const callback = await passProvider(await ada.begin('google', { return_to: '/jam' }), null);
    expect(await ada.comeBack(callback)).toBe('/jam?sign_in_error=cancelled');
    const ben = browser();
    const other = await passProvider(await ben.begin('google', { redirect_url: `${FRIEND}/cb` }), null);
    expect(await ben.comeBack(other)).toBe(`${FRIEND}/cb?error=cancelled`);
    expect(ben.cookies.named('refresh')).toEqual([]);
  });

  it('says that a provider is out of reach', async () => {
    const ada = browser();
    const answer = await fetch(await ada.begin('github'), { redirect: 'manual' });
    github.failWith(502);
    expect(await ada.comeBack(answer.headers.get('location') ?? '')).toBe('/?sign_in_error=unavailable');
  });
});

describe('refused is', () => {
  const redirects: [name: string, address: string][] = [
    ['another host', 'https://evil.example/'],
    ['a host that begins alike', 'https://app.example.evil.example/'],
    ['a host in the place of a password', 'https://app.example@evil.example/'],
    ['a user at a host that is allowed', 'https://evil.example@app.example/'],
    ['another scheme of the same host', 'http://app.example/'],
    ['another port of the same host', 'https://app.example:8443/'],
    ['a subdomain', 'https://x.app.example/'],
    ['no web address', 'javascript:alert(1)//https://app.example'],
    ['data', 'data:text/html,x'],
    ['a path', '/account'],
    ['a host without a scheme', '//app.example/'],
    ['nothing', ''],
    ['one that takes more than a cookie holds', `${FRIEND}/${'ä'.repeat(1_500)}`],
  ];
  it.each(redirects)('a `redirect_url` that is %s', async (_, redirect_url) => {
    const response = await browser().ask(`/api/v1/auth/google?${new URLSearchParams({ redirect_url })}`);
    expect(response.status).toBe(400);
    expect(response.headers.get('location')).toBeNull();
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  const paths = [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    'https://evil.example/',
    'evil.example',
    '',
    '/ä',
    ' /',
    '/a\\b',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
  ];
  it.each(paths)('a `return_to` of %j', async (return_to) => {
    const response = await browser().ask(`/api/v1/auth/google?${new URLSearchParams({ return_to })}`);
    expect(response.status).toBe(400);
  });

  it('both at once', async () => {
    const query = new URLSearchParams({ return_to: '/', redirect_url: FRIEND });
    expect((await browser().ask(`/api/v1/auth/google?${query}`)).status).toBe(400);
  });

  it('an answer with another state', async () => {
    const ada = browser();
    const callback = new URL(await passProvider(await ada.begin('google'), 'Ada'));
    callback.searchParams.set('state', 'x'.repeat(43));
    expect(await ada.comeBack(callback.href)).toBe('/?sign_in_error=expired');
    expect(ada.cookies.named('refresh')).toEqual([]);
  });

  it('an answer with a state that only begins alike', async () => {
    const ada = browser();
    const callback = new URL(await passProvider(await ada.begin('google'), 'Ada'));
    callback.searchParams.set('state', `${callback.searchParams.get('state')?.slice(0, 20)}xxxx`);
    expect(await ada.comeBack(callback.href)).toBe('/?sign_in_error=expired');
  });

  it('an answer that another browser comes with', async () => {
    const callback = await passProvider(await browser().begin('google'), 'Mallory');
    const victim = browser();
    expect(await victim.comeBack(callback)).toBe('/?sign_in_error=expired');
    expect(victim.cookies.named('refresh')).toEqual([]);
  });

  it('the answer to one attempt in the place of another', async () => {
    const mallory = browser();
    const stolen = new URL(await passProvider(await mallory.begin('google'), 'Mallory'));
    const victim = browser();
    const own = new URL(await passProvider(await victim.begin('google'), 'Ada'));
    own.searchParams.set('code', stolen.searchParams.get('code') ?? '');
    expect(await victim.comeBack(own.href)).toBe('/?sign_in_error=refused');
    expect(victim.cookies.named('refresh')).toEqual([]);
  });

  it('the answer of one provider to another’s attempt', async () => {
    const ada = browser();
    const callback = await passProvider(await ada.begin('google'), 'Ada');
    expect(await ada.comeBack(callback.replace('/google/', '/github/'))).toBe('/?sign_in_error=expired');
  });

  it('an answer that names another issuer', async () => {
    const ada = browser();
    const callback = new URL(await passProvider(await ada.begin('google'), 'Ada'));
    callback.searchParams.set('iss', 'https://evil.example');
    expect(await ada.comeBack(callback.href)).toBe('/?sign_in_error=refused');
  });

  it('an answer that was given already, also to a copy of the cookie: the code is used', async () => {
    const ada = browser();
    const address = await ada.begin('google');
    const [attempt] = ada.cookies.named('sign_in');
    const callback = await passProvider(address, 'Ada');
    expect(await ada.comeBack(callback)).toBe('/?signed_in=1');
    expect(await ada.comeBack(callback)).toBe('/?sign_in_error=expired');
    const copy = browser();
    if (attempt) copy.cookies.set(attempt);
    expect(await copy.comeBack(callback)).toBe('/?sign_in_error=refused');
    expect(copy.cookies.named('refresh')).toEqual([]);
  });

  it('GitHub’s, likewise', async () => {
    const ada = browser();
    const address = await ada.begin('github');
    const [attempt] = ada.cookies.named('sign_in');
    const callback = (await fetch(address, { redirect: 'manual' })).headers.get('location') ?? '';
    expect(await ada.comeBack(callback)).toBe('/?signed_in=1');
    const copy = browser();
    if (attempt) copy.cookies.set(attempt);
    expect(await copy.comeBack(callback)).toBe('/?sign_in_error=refused');
  });

  it('a cookie of an attempt that was changed, or made up', async () => {
    for (const value of ['x', 'a.b.c.d.e', '']) {
      const ada = browser();
      const address = await ada.begin('google');
      const [attempt] = ada.cookies.named('sign_in');
      const sealed = attempt?.value ?? '';
      if (attempt) ada.cookies.set({ ...attempt, value: value || `${sealed.slice(0, -3)}AAA` });
      expect(await ada.comeBack(await passProvider(address, 'Ada'))).toBe('/?sign_in_error=expired');
    }
  });
});

describe('a refresh token', () => {
  it('changes with each use, and the one before gives the same for a moment', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    const [first] = ada.cookies.named('refresh');
    await ada.token();
    const [second] = ada.cookies.named('refresh');
    expect(second?.value).not.toBe(first?.value);
    // The answer was lost on the way, or another tab began at the same time.
    const tab = browser();
    if (first) tab.cookies.set(first);
    expect(await statusOf(await tab.token())).toBe(200);
    expect(tab.cookies.named('refresh')[0]?.value).toBe(second?.value);
    // It isn't changed again at once: five tabs that open together end with one.
    await tab.token();
    expect(tab.cookies.named('refresh')[0]?.value).toBe(second?.value);
    expect(
      await rowsOf(sql`select 1 from refresh_tokens where id = ${second?.value.split('.')[0]}::uuid`),
    ).toHaveLength(1);
  });

  it('of two tabs at once is one in the end', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    const [first] = ada.cookies.named('refresh');
    const tabs = [1, 2, 3, 4].map(() => {
      const tab = browser();
      if (first) tab.cookies.set(first);
      return tab;
    });
    const tokens = await Promise.all(tabs.map((tab) => tab.token()));
    for (const token of tokens) expect(await statusOf(token)).toBe(200);
    expect(new Set(tabs.map((tab) => tab.cookies.named('refresh')[0]?.value)).size).toBe(1);
  });

  it('that is used again later was stolen: nobody has a good one any more', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    const thief = browser();
    for (const cookie of ada.cookies.named('refresh')) thief.cookies.set(cookie);
    await ada.token();
    api.clock.skewMs += REFRESH_GRACE_MS + 1;
    await expect(thief.token()).rejects.toThrow(/^401/);
    expect(thief.cookies.named('refresh')).toEqual([]);
    await expect(ada.token()).rejects.toThrow(/^401/);
  });

  it('that the thief uses first is stolen, too, as soon as its owner uses theirs', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    const thief = browser();
    for (const cookie of ada.cookies.named('refresh')) thief.cookies.set(cookie);
    await thief.token();
    api.clock.skewMs += REFRESH_GRACE_MS + 1;
    await thief.token();
    await expect(ada.token()).rejects.toThrow(/^401/);
    await expect(thief.token()).rejects.toThrow(/^401/);
  });

  it('isn’t taken for another browser’s, made up or changed', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    const [cookie] = ada.cookies.named('refresh');
    const [id, random, mark] = cookie?.value.split('.') ?? [];
    for (const value of [
      'x',
      '',
      `${randomUUID()}.${random}.${mark}`,
      `${id}.${'A'.repeat(43)}.${mark}`,
      `${id}.${random}.${'A'.repeat(43)}`,
      cookie?.value.toUpperCase() ?? '',
    ]) {
      const other = browser();
      if (cookie) other.cookies.set({ ...cookie, value: value || 'y' });
      await expect(other.token()).rejects.toThrow(/^401/);
    }
    // None of that signed her out.
    await ada.token();
  });

  it('ends when it isn’t used for long', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    const dayMs = 24 * 3_600_000;
    api.clock.skewMs = 29 * dayMs;
    await ada.token();
    api.clock.skewMs = 58 * dayMs;
    await ada.token();
    api.clock.skewMs = 89 * dayMs;
    await expect(ada.token()).rejects.toThrow(/^401/);
  });

  it('is swept when it has ended', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    const count = async () => (await rowsOf(sql`select 1 from refresh_tokens`)).length;
    const before = await count();
    expect(before).toBeGreaterThan(0);
    expect(await api.services.accounts.deleteExpiredBrowsers(Date.now())).toBe(0);
    expect(await count()).toBe(before);
    expect(await api.services.accounts.deleteExpiredBrowsers(Date.now() + 100 * 24 * 3_600_000)).toBe(before);
    expect(await count()).toBe(0);
  });

  it('counts only for pages of our own, and of clients that are allowed', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    for (const origin of ['https://evil.example', 'null', 'http://localhost:1', null]) {
      for (const path of ['refresh', 'logout']) {
        const response = await ada.ask(`/api/v1/auth/${path}`, { method: 'POST', origin });
        expect([path, origin, response.status]).toEqual([path, origin, 403]);
      }
    }
    const friendly = await ada.ask('/api/v1/auth/refresh', { method: 'POST', origin: FRIEND });
    expect(friendly.status).toBe(200);
    expect(friendly.headers.get('access-control-allow-origin')).toBe(FRIEND);
    expect(friendly.headers.get('access-control-allow-credentials')).toBe('true');
    const own = await ada.ask('/api/v1/auth/refresh', { method: 'POST' });
    expect(own.headers.get('access-control-allow-credentials')).toBeNull();
    expect((await browser().ask('/api/v1/auth/refresh', { method: 'POST' })).status).toBe(401);
  });

  it('is stored only as a hash', async () => {
    const ada = browser();
    await ada.signIn('google', 'Ada');
    await ada.token();
    const [, random = ''] = ada.cookies.named('refresh')[0]?.value.split('.') ?? [];
    const stored = JSON.stringify(await rowsOf(sql`select * from refresh_tokens`));
    expect(stored).not.toContain(random);
  });
});

describe('signing out', () => {
  it('ends this browser’s sign-in only', async () => {
    const name = `Ada ${randomUUID()}`;
    const [here, there] = [await signedIn(name), await signedIn(name)];
    const [cookie] = here.browser.cookies.named('refresh');
    const reply = await here.browser.ask('/api/v1/auth/logout', { method: 'POST' });
    expect(reply.status).toBe(200);
    expect(await reply.json()).toEqual({ message: expect.any(String) });
    expect(here.browser.cookies.named('refresh')).toEqual([]);
    if (cookie) here.browser.cookies.set(cookie);
    await expect(here.browser.token()).rejects.toThrow(/^401/);
    await there.browser.token();
  });

  it('works by a token alone, and without any', async () => {
    const { browser: ada, token } = await signedIn();
    expect((await api.call('/api/v1/auth/logout', { method: 'POST', token })).status).toBe(200);
    await expect(ada.token()).rejects.toThrow(/^401/);
    expect((await api.call('/api/v1/auth/logout', { method: 'POST' })).status).toBe(200);
    expect((await api.call('/api/v1/auth/logout', { method: 'POST', token: 'x' })).status).toBe(200);
  });

  it('everywhere revokes every token at once, also of a room’s door', async () => {
    const name = `Ada ${randomUUID()}`;
    const [here, there] = [await signedIn(name), await signedIn(name)];
    const { json } = await api.call('/api/v1/sessions', { token: there.token, body: {} });
    const elsewhere = (await api.call('/api/v1/sessions', { token: await api.userToken(), body: {} })).json;
    const guest = await api.call(`/api/v1/sessions/${elsewhere.id}/invite`, {
      token: elsewhere.token,
      body: { role: 'viewer', max_uses: 5 },
    });
    const invite_token = guest.json.token;
    const joined = await api.call('/api/v1/sessions/join', { token: there.token, body: { invite_token } });
    expect(joined.status).toBe(200);
    expect(
      (await api.call('/api/v1/auth/logout-everywhere', { method: 'POST', token: here.token })).status,
    ).toBe(200);
    for (const { token, browser } of [here, there]) {
      expect(await statusOf(token)).toBe(401);
      expect((await api.call(`/api/v1/sessions/${json.id}`, { token })).status).toBe(401);
      expect((await api.call('/api/v1/sessions', { token, body: {} })).status).toBe(401);
      expect((await api.call(`/api/v1/sessions/${json.id}/knocks`, { token, body: {} })).status).toBe(401);
      const check = await api.services.admission.check({
        sessionId: json.id,
        token,
        invite: null,
        displayName: null,
        previousSessionId: null,
      });
      expect(check).toMatchObject({ status: 401 });
      await expect(browser.token()).rejects.toThrow(/^401/);
    }
    // Session tokens, too, whatever they are for; and none of them uses an invite up.
    const uses = async () =>
      (await api.call(`/api/v1/sessions/${elsewhere.id}/invite`, { token: elsewhere.token })).json.tokens;
    const [before] = await uses();
    const doors: [string, string, object?][] = [
      [json.token, `/api/v1/sessions/${json.id}`],
      [json.token, `/api/v1/sessions/${json.id}/invite`, { role: 'viewer' }],
      [joined.json.token, `/api/v1/sessions/${elsewhere.id}`],
      [joined.json.token, `/api/v1/sessions/${elsewhere.id}/messages`],
      [joined.json.token, `/api/v1/sessions/${elsewhere.id}/knocks`, {}],
      [joined.json.token, '/api/v1/sessions/join', { invite_token }],
      [joined.json.token, '/api/v1/agent/generate', { user_query: 'a beat', editor_state: '' }],
    ];
    for (const [token, path, body] of doors) {
      expect([path, (await api.call(path, { token, ...(body && { body }) })).status]).toEqual([path, 401]);
    }
    expect(await uses()).toEqual([before]);
    // The rooms close the connections.
    const request = { kind: 'user_signed_out', user_id: json.host_user_id };
    for (const { id } of [json, elsewhere]) expect(api.told).toContainEqual({ sessionId: id, request });
    // The others' stay what they are.
    expect((await api.call(`/api/v1/sessions/${elsewhere.id}`, { token: elsewhere.token })).status).toBe(200);
    // In the same second, even: tokens are told apart by no clock.
    expect(await statusOf((await signedIn(name)).token)).toBe(200);
  });

  it('everywhere works, though a room is out of reach', async () => {
    const { token } = await signedIn();
    await api.call('/api/v1/sessions', { token, body: {} });
    api.failRooms(new RoomUnavailableError('no answer'));
    expect((await api.call('/api/v1/auth/logout-everywhere', { method: 'POST', token })).status).toBe(200);
    api.failRooms(null);
    expect(await statusOf(token)).toBe(401);
  });

  it('everywhere isn’t ours to do where the tokens are another service’s', async () => {
    const token = await api.userToken();
    expect((await me(token)).json.user.provider).toBe('external');
    const reply = await api.call('/api/v1/auth/logout-everywhere', { method: 'POST', token });
    expect(reply.status).toBe(409);
  });
});

/** A session that somebody anonymous has made. */
async function anonymousSession(title = 'Mine') {
  const { json } = await api.call('/api/v1/sessions', { body: { title, display_name: 'Guest' } });
  return createSession.reply.parse(json);
}
const claim = (token: string, session_tokens: string[]) =>
  api.call('/api/v1/auth/claim', { token, body: { session_tokens } });

describe('what was made without an account', () => {
  it('is the user’s once they have signed in, with the same place in it', async () => {
    const made = await anonymousSession();
    const { token } = await signedIn();
    const { id: userId, avatar_url } = (await me(token)).json.user;
    const { json } = await claim(token, [made.token]);
    expect(json.claimed).toEqual([{ session_id: made.id, token: expect.any(String) }]);
    const { pid } = decodeJwt<{ pid: string }>(made.token);
    expect(decodeJwt(json.claimed[0].token)).toMatchObject({ sub: userId, pid, sid: made.id, role: 'host' });
    expect(api.told.at(-1)).toEqual({
      sessionId: made.id,
      request: { kind: 'host_signed_in', participant_id: pid, user_id: userId, avatar_url },
    });
    expect((await api.call('/api/v1/sessions', { token })).json.sessions).toMatchObject([
      { id: made.id, host_user_id: userId, participants: [{ id: pid, user_id: userId, role: 'host' }] },
    ]);
    expect(
      await rowsOf(sql`select made_from from sessions where id = ${made.id}::uuid and made_from is null`),
    ).toHaveLength(1);
    expect(
      await rowsOf(sql`select 1 from anonymous_participants where session_id = ${made.id}::uuid`),
    ).toEqual([]);
    // Again, as after an answer that was lost.
    expect((await claim(token, [made.token, made.token])).json.claimed).toHaveLength(1);
    // The new token is good.
    const asked = await api.call(`/api/v1/sessions/${made.id}/invite`, { token: json.claimed[0].token });
    expect(asked.status).toBe(200);
  });

  it('stays theirs: no one else can claim it', async () => {
    const made = await anonymousSession();
    const [ada, ben] = [await signedIn(), await signedIn()];
    await claim(ada.token, [made.token]);
    expect((await claim(ben.token, [made.token])).json).toEqual({ claimed: [] });
    expect((await api.call('/api/v1/sessions', { token: ben.token })).json.sessions).toEqual([]);
  });

  it('is claimed by its host’s token only', async () => {
    const made = await anonymousSession();
    const { token } = await signedIn();
    const coauthor = await api.place(made.id, 'co-author');
    const granted = await api.place(made.id, 'host');
    const owned = await api.call('/api/v1/sessions', { token: await api.userToken(), body: {} });
    const forged = await signSessionToken(
      {
        sessionId: made.id,
        participantId: decodeJwt<{ pid: string }>(made.token).pid,
        userId: null,
        displayName: 'x',
        avatarUrl: null,
        role: 'host',
      },
      'another-secret-of-16',
    );
    const tokens = [coauthor.token, granted.token, owned.json.token, forged, 'x', token];
    expect((await claim(token, tokens)).json).toEqual({ claimed: [] });
    expect(
      await rowsOf(sql`select 1 from sessions where id = ${made.id}::uuid and made_from is null
        and host_user_id <> '00000000-0000-0000-0000-000000000000'`),
    ).toEqual([]);
  });

  it('is never taken from another user, whatever stands in the table of places', async () => {
    const owned = (await api.call('/api/v1/sessions', { token: await api.userToken(), body: {} })).json;
    const { id, token: odd } = await api.place(owned.id, 'host');
    await api.db.execute(sql`update anonymous_participants set join_method = 'owner' where id = ${id}::uuid`);
    const { token } = await signedIn();
    expect((await claim(token, [odd])).json).toEqual({ claimed: [] });
    const [row] = await rowsOf(sql`select host_user_id from sessions where id = ${owned.id}::uuid`);
    expect(row).toEqual({ host_user_id: owned.host_user_id });
  });

  it('takes in the place that the user had in it already', async () => {
    const made = await anonymousSession();
    const { token } = await signedIn();
    const invite = await api.call(`/api/v1/sessions/${made.id}/invite`, {
      token: made.token,
      body: { role: 'viewer' },
    });
    await api.call('/api/v1/sessions/join', { token, body: { invite_token: invite.json.token } });
    expect((await claim(token, [made.token])).json.claimed).toHaveLength(1);
    const { participants } = (await api.call(`/api/v1/sessions/${made.id}`, { token })).json;
    expect(participants).toMatchObject([{ role: 'host', id: decodeJwt<{ pid: string }>(made.token).pid }]);
  });

  it('is told to the room again where that failed', async () => {
    const made = await anonymousSession();
    const { token } = await signedIn();
    api.failRooms(new RoomUnavailableError('no answer'));
    expect((await claim(token, [made.token])).status).toBe(503);
    api.failRooms(null);
    expect((await claim(token, [made.token])).json.claimed).toHaveLength(1);
    expect(api.told.at(-1)?.request).toMatchObject({ kind: 'host_signed_in' });
  });
});
