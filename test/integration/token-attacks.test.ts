/**
 * Tokens that aren't what they say, on rooms and Worker in their runtime, where users' tokens are an
 * identity provider's.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import {
  decodeJwt,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listenOnLoopback } from '../../dev/loopback.ts';
import { ACCOUNT_AUDIENCE } from '../../src/access/account-token.ts';
import { SESSION_AUDIENCE, verifySessionToken } from '../../src/access/session-token.ts';
import { People, type Place } from '../support/people.ts';
import { addressOf, RawClient, RefusedError } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';

const ISSUER = 'https://id.example/';
const AUDIENCE = 'jam';
const KID = 'key-1';

let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let server: Server;
let stack: Stack;
let scene: Scene;
let people: People;
/** An account of our own, which has a place in the session. */
const accountSubject = `github:${randomUUID()}`;
/** A session of the user `subject`'s, and a place in it. */
let sessionId: string;
let subject: string;
let place: Place;

beforeAll(async () => {
  keys = await generateKeyPair('RS256', { extractable: true });
  const published = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: KID, alg: 'RS256', use: 'sig' }] };
  server = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(published)),
  );
  const port = await listenOnLoopback(server);
  stack = await startStack({
    JWKS_URL: `http://127.0.0.1:${port}/keys`,
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
  });
  scene = new Scene(stack);
  people = new People(stack, scene);
  const host = await people.user('Ada');
  subject = `subject-${host.id}`;
  sessionId = await people.session({ host, code: 'private' });
  place = await people.place(sessionId, 'co-author');
  const member = await people.user('Grace');
  await scene.sql('update users set subject = $1 where id = $2', [accountSubject, member.id]);
  await people.place(sessionId, 'co-author', { user: member });
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
  server?.close();
});

const nowS = () => Math.floor(Date.now() / 1000);
const secret = () => new TextEncoder().encode(stack.jwtSecret);

/** `undefined` leaves a claim out. */
type Over = { [Name in keyof JWTPayload]: JWTPayload[Name] | undefined };

function userClaims(over: Over = {}): JWTPayload {
  const claims = { sub: subject, name: 'Ada', iss: ISSUER, aud: AUDIENCE, exp: nowS() + 600, ...over };
  return claims as JWTPayload;
}
const byProvider = (over: Over = {}, key: CryptoKey = keys.privateKey) =>
  new SignJWT(userClaims(over)).setProtectedHeader({ alg: 'RS256', kid: KID }).sign(key);

function sessionClaims(over: Over = {}): JWTPayload {
  const claims = {
    sid: sessionId,
    pid: place.participantId,
    name: 'co-author',
    role: 'host',
    aud: SESSION_AUDIENCE,
    exp: nowS() + 600,
    ...over,
  };
  return claims as JWTPayload;
}
const bySecret = (claims: JWTPayload, key: Uint8Array = secret(), header = {}) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...header }).sign(key);

/** A token's claims without a signature. */
const unsigned = (token: string) => new UnsecuredJWT(decodeJwt(token)).encode();

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const publicKey = async () => new TextEncoder().encode(await exportSPKI(keys.publicKey));

/** A good token with other claims under the same signature. */
async function tampered(token: Promise<string> | string): Promise<string> {
  const [header, payload = '', signature] = (await token).split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return [header, base64url({ ...claims, role: 'host', sub: randomUUID() }), signature].join('.');
}

/** Statuses that a token gets: of each way to use it. */
async function uses(token: string): Promise<Record<string, number>> {
  const api = new URL(`/api/v1/sessions/${sessionId}`, stack.url);
  const options = { roomUrl: stack.roomUrl, sessionId, token };
  const upgrade = async (address: 'room' | 'ws') => {
    const came = await RawClient.connect({ ...options, address }).catch((error: unknown) => error);
    if (came instanceof RawClient) {
      came.terminate();
      return 101;
    }
    return came instanceof RefusedError ? came.status : 0;
  };
  return {
    api: (await fetch(api, { headers: { authorization: `Bearer ${token}` } })).status,
    room: await upgrade('room'),
    ws: await upgrade('ws'),
    explained: (await fetch(addressOf(options))).status,
  };
}
const all = (http: number, socket: number, explained: number) => ({
  api: http,
  room: socket,
  ws: socket,
  explained,
});

/** A token of an account of our own, whose epoch is as the database has it. */
async function accountToken(over: Over = {}): Promise<string> {
  const [row] = await scene.rows<{ token_epoch: string }>(
    'select token_epoch from users where subject = $1',
    [accountSubject],
  );
  const claims = {
    sub: accountSubject,
    iss: 'backbeat',
    aud: ACCOUNT_AUDIENCE,
    exp: nowS() + 600,
    epoch: row?.token_epoch,
    bid: randomUUID(),
    ...over,
  };
  return bySecret(claims as JWTPayload);
}

describe('a token', () => {
  it('that is good opens what it is for', async () => {
    expect(await uses(await byProvider())).toEqual(all(200, 101, 426));
    // Also of an account of our own, beside those of the other service.
    expect(await uses(await accountToken())).toEqual(all(200, 101, 426));
    expect(await uses(place.token)).toEqual(all(200, 101, 426));
    expect(await uses(await bySecret(sessionClaims()))).toEqual(all(200, 101, 426));
  });

  const bad: [name: string, make: () => Promise<string> | string][] = [
    ['of a user without a signature', () => new UnsecuredJWT(userClaims()).encode()],
    ['of a session without a signature', () => new UnsecuredJWT(sessionClaims()).encode()],
    ['with `None` for an algorithm', () => `${base64url({ alg: 'None' })}.${base64url(sessionClaims())}.`],
    ['signed with the published key', async () => bySecret(userClaims(), await publicKey(), { kid: KID })],
    ['of a session, signed with the published key', async () => bySecret(sessionClaims(), await publicKey())],
    ['of a user, signed with the session tokens’ secret', () => bySecret(userClaims())],
    ['of a session, signed by the provider', () => byProvider(sessionClaims())],
    ['by another key', async () => byProvider({}, (await generateKeyPair('RS256')).privateKey)],
    [
      'that brings its own key',
      async () => {
        const own = await generateKeyPair('RS256', { extractable: true });
        const jwk = await exportJWK(own.publicKey);
        return new SignJWT(userClaims()).setProtectedHeader({ alg: 'RS256', jwk }).sign(own.privateKey);
      },
    ],
    ['signed with an empty secret', () => bySecret(sessionClaims(), new Uint8Array(32))],
    ['of a user that has expired', () => byProvider({ exp: nowS() - 60 })],
    ['of a session that has expired', () => bySecret(sessionClaims({ exp: nowS() - 60 }))],
    ['of a user that never expires', () => byProvider({ exp: undefined })],
    ['of a session that never expires', () => bySecret(sessionClaims({ exp: undefined }))],
    ['of a user that is not valid yet', () => byProvider({ nbf: nowS() + 600 })],
    ['of a session that is not valid yet', () => bySecret(sessionClaims({ nbf: nowS() + 600 }))],
    ['of another issuer', () => byProvider({ iss: 'https://evil.example/' })],
    ['without an issuer', () => byProvider({ iss: undefined })],
    ['for another audience', () => byProvider({ aud: 'other' })],
    ['of a session, for another audience', () => bySecret(sessionClaims({ aud: AUDIENCE }))],
    ['of a session without an audience', () => bySecret(sessionClaims({ aud: undefined }))],
    ['of a user that says it is a session’s', () => byProvider({ aud: [AUDIENCE, SESSION_AUDIENCE] })],
    ['of an account without a signature', async () => unsigned(await accountToken())],
    ['of an account, signed by the provider', async () => byProvider(decodeJwt(await accountToken()))],
    [
      'of an account, signed by the provider for both',
      async () =>
        byProvider({ ...decodeJwt(await accountToken()), iss: ISSUER, aud: [AUDIENCE, ACCOUNT_AUDIENCE] }),
    ],
    ['of a user, by the provider, for an account of ours', () => byProvider({ sub: accountSubject })],
    ['of an account that has expired', () => accountToken({ exp: nowS() - 60 })],
    ['of an account that never expires', () => accountToken({ exp: undefined })],
    ['of an account, of another issuer', () => accountToken({ iss: ISSUER })],
    ['of an account without an issuer', () => accountToken({ iss: undefined })],
    ['of an account in another epoch', () => accountToken({ epoch: randomUUID() })],
    ['of an account without an epoch', () => accountToken({ epoch: undefined })],
    ['of an account that there is not', () => accountToken({ sub: 'github:404' })],
    ['of an account, for another audience', () => accountToken({ aud: AUDIENCE })],
    [
      'of an account that says it is a knock’s',
      () => accountToken({ aud: 'backbeat:knock', kid: randomUUID() }),
    ],
    ['of an account with other claims', () => tampered(accountToken())],
    ['of a user that is truncated', async () => (await byProvider()).slice(0, -4)],
    ['of a session that is truncated', () => place.token.slice(0, -4)],
    ['of a session without its signature', () => place.token.replace(/\.[^.]*$/, '.')],
    ['of a user with other claims', () => tampered(byProvider())],
    ['of a session with other claims', () => tampered(place.token)],
  ];
  it.each(bad)('%s opens nothing', async (_name, make) => {
    expect(await uses(await make())).toEqual(all(401, 401, 401));
  });

  it('of another session opens nothing here, and its role is not taken at its word', async () => {
    const other = await people.session();
    const theirs = await people.place(other, 'host');
    expect(await uses(theirs.token)).toEqual(all(403, 403, 403));
    const crossed = await bySecret(sessionClaims({ pid: theirs.participantId }));
    expect(await uses(crossed)).toEqual(all(403, 403, 403));
    const promoted = await bySecret(sessionClaims({ role: 'host' }));
    const client = await scene.enter({ sessionId, token: promoted });
    expect(client.state.payload.your_role).toBe('co-author');
  });
});

describe('a token of one kind', () => {
  it('is none of another, whatever it says besides', async () => {
    // An account's token that names a session and a place in it is still an account's, and not the place's.
    const both = await accountToken({ sid: sessionId, pid: place.participantId, name: 'x', role: 'host' });
    expect(await verifySessionToken(both, stack.jwtSecret)).toBeNull();
    // A session's token opens no account.
    const me = new URL('/api/v1/auth/me', stack.url);
    const asSession = await bySecret(sessionClaims({ sub: accountSubject, epoch: randomUUID() }));
    const asRefresh = await bySecret({ sub: accountSubject, exp: nowS() + 600 });
    // One that is good for a session is a good one, for what it may not do.
    for (const [token, status] of [
      [place.token, 403],
      [asSession, 401],
      [asRefresh, 401],
    ] as const) {
      expect((await fetch(me, { headers: { authorization: `Bearer ${token}` } })).status).toBe(status);
    }
    expect((await fetch(me, { headers: { authorization: `Bearer ${await accountToken()}` } })).status).toBe(
      200,
    );
    // Nor is any of them a refresh token.
    for (const token of [place.token, await accountToken(), await byProvider()]) {
      const refreshed = await fetch(new URL('/api/v1/auth/refresh', stack.url), {
        method: 'POST',
        headers: { origin: stack.url, cookie: `backbeat_refresh_${new URL(stack.url).port}=${token}` },
      });
      expect(refreshed.status).toBe(401);
    }
  });
});

describe('the flush secret', () => {
  const routes: [method: string, path: string][] = [
    ['POST', '/flush'],
    ['POST', '/flush/turn'],
    ['POST', `/flush/${randomUUID()}`],
    ['GET', '/flush/dead'],
    ['POST', '/flush/redirty'],
    ['POST', '/flush/dead/x/replay'],
  ];
  const wrong: [name: string, make: () => { query?: string; headers?: Record<string, string> }][] = [
    ['absent', () => ({})],
    ['wrong', () => ({ headers: { authorization: 'Bearer wrong-but-long-enough' } })],
    ['truncated', () => ({ headers: { authorization: `Bearer ${stack.flushSecret.slice(0, -1)}` } })],
    ['followed by something', () => ({ headers: { authorization: `Bearer ${stack.flushSecret}x` } })],
    ['without its scheme', () => ({ headers: { authorization: stack.flushSecret } })],
    [
      'of another scheme',
      () => ({
        headers: { authorization: `Basic ${Buffer.from(`:${stack.flushSecret}`).toString('base64')}` },
      }),
    ],
    ['the tokens’ secret', () => ({ headers: { authorization: `Bearer ${stack.jwtSecret}` } })],
    ['a cookie', () => ({ headers: { cookie: `flush_secret=${stack.flushSecret}` } })],
    ['in another header', () => ({ headers: { 'x-flush-secret': stack.flushSecret } })],
    [
      'a query parameter',
      () => ({
        query: ['token', 'secret', 'flush_secret', 'access_token', 'authorization']
          .map((name) => `${name}=${stack.flushSecret}`)
          .join('&'),
      }),
    ],
  ];
  it.each(wrong)('opens nothing when it is %s', async (_name, make) => {
    const { query = '', headers = {} } = make();
    for (const [method, path] of routes) {
      const response = await fetch(`${stack.url}${path}?${query}`, { method, headers });
      expect([path, response.status]).toEqual([path, 401]);
    }
  });
});
