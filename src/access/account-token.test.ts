import { randomUUID } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  ACCOUNT_AUDIENCE,
  claimsToBeAccounts,
  signAccountToken,
  verifyAccountToken,
} from './account-token.ts';
import { signKnockToken, verifyKnockToken } from './knock-token.ts';
import { SESSION_AUDIENCE, signSessionToken, verifySessionToken } from './session-token.ts';
import { openAttempt, type SignInAttempt, sealAttempt } from './sign-in-attempt.ts';
import { tokenVerifier } from './token-verifier.ts';

const SECRET = 'a-secret-for-tests';
const ACCESS = { subject: 'github:1', epoch: randomUUID(), browserId: randomUUID() };
const sign = (over = {}) =>
  signAccountToken({ ...ACCESS, ...over }, SECRET, { nowMs: Date.now(), minutes: 5 });
const anyToken = (claims: Record<string, unknown>) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(SECRET));

it('says whose it is, until it expires', async () => {
  const { token, expiresAtMs } = await sign();
  expect(await verifyAccountToken(token, SECRET)).toEqual(ACCESS);
  expect(decodeJwt(token).exp).toBe(expiresAtMs / 1_000);
  const old = await signAccountToken(ACCESS, SECRET, { nowMs: Date.now() - 301_000, minutes: 5 });
  expect(await verifyAccountToken(old.token, SECRET)).toBeNull();
  expect(await verifyAccountToken(token, 'another-secret-of-it')).toBeNull();
});

describe('kinds of tokens', () => {
  const sessionId = randomUUID();
  const participantId = randomUUID();
  const kinds = {
    account: async () => (await sign()).token,
    session: () =>
      signSessionToken(
        { sessionId, participantId, userId: null, displayName: 'Ada', avatarUrl: null, role: 'host' },
        SECRET,
      ),
    knock: () => signKnockToken({ sessionId, knockId: randomUUID(), epoch: null }, SECRET),
    user: () => anyToken({ sub: 'a-user' }),
  };
  const verifier = tokenVerifier({ JWT_SECRET: SECRET });

  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s is one kind', async (kind) => {
    const token = await kinds[kind]();
    expect({
      account: (await verifyAccountToken(token, SECRET)) !== null,
      session: (await verifySessionToken(token, SECRET)) !== null,
      knock: (await verifyKnockToken(token, SECRET)) !== null,
      isUser: (await verifier.user(token)) !== null,
    }).toEqual({
      account: kind === 'account',
      session: kind === 'session',
      knock: kind === 'knock',
      // An account's is a user's token, too.
      isUser: kind === 'account' || kind === 'user',
    });
  });

  it('no other token names an account of ours, or becomes one', async () => {
    for (const subject of ['github:1', 'google:1', 'local:Ada']) {
      expect(await verifier.user(await anyToken({ sub: subject }))).toBeNull();
    }
    expect(await verifier.user(await anyToken({ sub: 'githubber:1' }))).not.toBeNull();
    // It says that it is an account's: then it has to be one in all.
    expect(await verifier.user(await anyToken({ sub: 'a-user', aud: ACCOUNT_AUDIENCE }))).toBeNull();
    const both = await anyToken({ sub: 'a-user', aud: ['x', ACCOUNT_AUDIENCE, SESSION_AUDIENCE] });
    expect(await verifier.user(both)).toBeNull();
    expect(claimsToBeAccounts(both)).toBe(true);
    expect(claimsToBeAccounts('x')).toBe(false);
  });

  it('what has all that an account’s has, for another audience, is none', async () => {
    const claims = { iss: 'backbeat', sub: 'github:1', epoch: ACCESS.epoch, bid: ACCESS.browserId };
    expect(await verifyAccountToken(await anyToken({ ...claims, aud: ACCOUNT_AUDIENCE }), SECRET)).toEqual(
      ACCESS,
    );
    for (const aud of ['x', SESSION_AUDIENCE, undefined]) {
      expect(await verifyAccountToken(await anyToken({ ...claims, aud }), SECRET)).toBeNull();
    }
  });

  it('an account’s token brings along which epoch it is of, and no name that could replace one', async () => {
    expect(await verifier.user((await sign()).token)).toEqual({
      subject: 'github:1',
      name: null,
      avatarUrl: null,
      epoch: ACCESS.epoch,
    });
  });
});

describe('an attempt to sign in', () => {
  const attempt: SignInAttempt = {
    provider: 'github',
    state: 's',
    verifier: 'v',
    nonce: null,
    destination: { kind: 'page', path: '/' },
  };

  it('is read only by us, and only for ten minutes', async () => {
    const sealed = await sealAttempt(attempt, SECRET, 0);
    expect(sealed).not.toContain(Buffer.from('github').toString('base64url').slice(0, 6));
    expect(await openAttempt(sealed, SECRET, 599_000)).toEqual(attempt);
    expect(await openAttempt(sealed, SECRET, 601_000)).toBeNull();
    expect(await openAttempt(sealed, 'another-secret-of-it', 0)).toBeNull();
    expect(await openAttempt(`${sealed.slice(0, -4)}AAAA`, SECRET, 0)).toBeNull();
    expect(await openAttempt('x', SECRET, 0)).toBeNull();
  });

  it('is no token, and no token is one', async () => {
    const sealed = await sealAttempt(attempt, SECRET, Date.now());
    expect(await verifyAccountToken(sealed, SECRET)).toBeNull();
    expect(await tokenVerifier({ JWT_SECRET: SECRET }).user(sealed)).toBeNull();
    expect(await openAttempt((await sign()).token, SECRET, Date.now())).toBeNull();
  });
});
