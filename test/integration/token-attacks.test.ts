/**
 * Tokens that aren't what they say, on rooms and Worker in their runtime, where users' tokens are an
 * identity provider's.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listenOnLoopback } from '../../dev/loopback.ts';
import { SESSION_AUDIENCE } from '../../src/access/session-token.ts';
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

describe('a token', () => {
  it('that is good opens what it is for', async () => {
    expect(await uses(await byProvider())).toEqual(all(200, 101, 426));
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
