/** Users' tokens by a provider's published keys, and by the shared secret. */
import { createServer, type Server } from 'node:http';
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listenOnLoopback } from '../../dev/loopback.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import { SESSION_AUDIENCE, signSessionToken } from './session-token.ts';
import { tokenVerifier } from './token-verifier.ts';
import { userTokenVerifier } from './user-token.ts';

const JWT_SECRET = 'a secret of more than sixteen characters';
const ISSUER = 'https://id.example/';
const AUDIENCE = 'jam';

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;
interface Key extends Keys {
  kid: string;
  alg: string;
}

let server: Server;
let jwksUrl: string;
let published: JWK[] = [];
let asked = 0;
let isDown = false;

async function newKey(alg: string, kid: string): Promise<Key> {
  return { ...(await generateKeyPair(alg, { extractable: true })), kid, alg };
}
async function publish(...keys: Key[]) {
  published = await Promise.all(
    keys.map(async ({ publicKey, kid, alg }) => ({ ...(await exportJWK(publicKey)), kid, alg, use: 'sig' })),
  );
}

let rsa: Key;
let ec: Key;
beforeAll(async () => {
  [rsa, ec] = await Promise.all([newKey('RS256', 'rsa'), newKey('ES256', 'ec')]);
  server = createServer((_request, response) => {
    asked += 1;
    if (isDown) return response.writeHead(500).end();
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
  });
  const port = await listenOnLoopback(server);
  jwksUrl = `http://127.0.0.1:${port}/keys`;
  await publish(rsa, ec);
});
afterAll(() => server.close());

const options = () => ({ JWT_SECRET, JWKS_URL: jwksUrl, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE });
const claims: JWTPayload = { sub: 'ada', name: 'Ada', iss: ISSUER, aud: AUDIENCE };
const now = () => Math.floor(Date.now() / 1000);

/** `undefined` leaves a claim out. */
type Over = { [Name in keyof JWTPayload]: JWTPayload[Name] | undefined };

function sign(key: Key, over: Over = {}) {
  return new SignJWT({ exp: now() + 60, ...claims, ...over } as JWTPayload)
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .sign(key.privateKey);
}
function signHmac(secret: string, over: JWTPayload = {}, header: { kid?: string } = {}) {
  return new SignJWT({ exp: now() + 60, ...claims, ...over })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(new TextEncoder().encode(secret));
}

describe("by a provider's keys", () => {
  it('takes each of its algorithms, and asks for the keys once', async () => {
    const verify = userTokenVerifier(options());
    const before = asked;
    const ada = { subject: 'ada', name: 'Ada', avatarUrl: null };
    expect(await verify(await sign(rsa))).toEqual(ada);
    expect(await verify(await sign(ec))).toEqual(ada);
    expect(asked - before).toBe(1);
  });

  it.each<[string, () => Promise<string> | string]>([
    ['expired', () => sign(rsa, { exp: now() - 60 })],
    ['without expiry', () => sign(rsa, { exp: undefined })],
    ['not yet valid', () => sign(rsa, { nbf: now() + 600 })],
    ['without a subject', () => sign(rsa, { sub: undefined })],
    ['with an empty one', () => sign(rsa, { sub: '', user_id: 'ada' })],
    ['with a user id that is none', () => sign(rsa, { sub: undefined, user_id: 7 })],
    ['of another issuer', () => sign(rsa, { iss: 'https://other.example/' })],
    ['without an issuer', () => sign(rsa, { iss: undefined })],
    ['for another audience', () => sign(rsa, { aud: 'other' })],
    ['that is truncated', async () => (await sign(rsa)).slice(0, -10)],
    ['without a signature', () => new UnsecuredJWT({ exp: now() + 60, ...claims }).encode()],
    ['signed with the shared secret', () => signHmac(JWT_SECRET)],
    [
      'signed with the public key as if it were a secret',
      async () => signHmac(await exportSPKI(rsa.publicKey), {}, { kid: 'rsa' }),
    ],
    ['by a key of the same name that is not published', async () => sign(await newKey('RS256', 'rsa'))],
    ['that is nothing of the kind', () => 'x.y.z'],
  ])('refuses one %s', async (_, make) => {
    expect(await userTokenVerifier(options())(await make())).toBeNull();
  });

  it('does not check an issuer that is not configured, and an audience only where each is welcome', async () => {
    const verify = userTokenVerifier({ JWT_SECRET, JWKS_URL: jwksUrl, JWT_AUDIENCE: '*' });
    expect(await verify(await sign(rsa, { iss: undefined, aud: undefined }))).not.toBeNull();
    expect(await verify(await sign(rsa, { aud: 'another application' }))).not.toBeNull();
    expect(() => userTokenVerifier({ JWT_SECRET, JWKS_URL: jwksUrl })).toThrow('audience');
  });

  it('says so when the keys are out of reach, and takes the token once they are not', async () => {
    const verify = userTokenVerifier(options());
    isDown = true;
    await expect(verify(await sign(rsa))).rejects.toThrow(StorageUnavailableError);
    isDown = false;
    expect(await verify(await sign(rsa))).not.toBeNull();
    const nowhere = userTokenVerifier({ ...options(), JWKS_URL: 'http://127.0.0.1:1/keys' });
    await expect(nowhere(await sign(rsa))).rejects.toThrow(StorageUnavailableError);
    // What is no token at all needs no key to be refused.
    expect(await nowhere('x.y.z')).toBeNull();
  });
});

describe('tokens of an older service', () => {
  const verify = userTokenVerifier({ JWT_SECRET });
  const signed = (payload: JWTPayload) =>
    new SignJWT({ exp: now() + 60, ...payload })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(JWT_SECRET));

  it('name their user as `user_id`; a `sub` beside it goes before', async () => {
    expect(await verify(await signed({ user_id: 'ada' }))).toEqual({
      subject: 'ada',
      name: null,
      avatarUrl: null,
    });
    expect(await verify(await signed({ sub: 'ada', user_id: 'ada' }))).toMatchObject({ subject: 'ada' });
    expect(await verify(await signed({ sub: 'ada', user_id: 'eve' }))).toMatchObject({ subject: 'ada' });
    expect(await verify(await signed({ sub: 'ada', user_id: 7 }))).toMatchObject({ subject: 'ada' });
    expect(await verify(await signed({ user_id: '' }))).toBeNull();
  });
});

describe('whether a token has expired', () => {
  const hasExpired = tokenVerifier({ JWT_SECRET }).hasExpired;
  const past = { exp: now() - 60 };

  it('is said of one that was good', async () => {
    expect(await hasExpired(await signHmac(JWT_SECRET, past))).toBe(true);
    expect(await hasExpired(await signHmac(JWT_SECRET, { ...past, aud: SESSION_AUDIENCE }))).toBe(true);
    expect(await tokenVerifier(options()).hasExpired(await sign(rsa, past))).toBe(true);
  });

  it('is said of no other', async () => {
    for (const token of [
      await signHmac(JWT_SECRET),
      await signHmac(`${JWT_SECRET}x`, past),
      `${await signHmac(JWT_SECRET, past)}x`,
      new UnsecuredJWT({ ...claims, ...past }).encode(),
      'x.y.z',
    ]) {
      expect(await hasExpired(token)).toBe(false);
    }
    const provider = tokenVerifier(options()).hasExpired;
    expect(await provider(await signHmac(JWT_SECRET, past))).toBe(false);
    expect(await provider(await sign(rsa, { ...past, aud: 'other' }))).toBe(false);
    expect(await provider(await sign(rsa, { ...past, iss: 'https://other.example/' }))).toBe(false);
  });
});

describe('by the shared secret', () => {
  const verify = userTokenVerifier({ JWT_SECRET });

  it('takes HS256, and only that', async () => {
    expect(await verify(await signHmac(JWT_SECRET))).toMatchObject({ subject: 'ada' });
    expect(await verify(await signHmac(`${JWT_SECRET}x`))).toBeNull();
    expect(await verify(await sign(rsa))).toBeNull();
    expect(await verify(new UnsecuredJWT({ exp: now() + 60, ...claims }).encode())).toBeNull();
  });

  it('takes no session token for its user', async () => {
    const id = crypto.randomUUID();
    const access = {
      sessionId: id,
      participantId: id,
      userId: id,
      displayName: 'Ada',
      avatarUrl: null,
    } as const;
    expect(await verify(await signSessionToken({ ...access, role: 'host' }, JWT_SECRET))).toBeNull();
  });
});
