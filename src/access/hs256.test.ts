/** While the secret is being changed, tokens of the one before are good, and nothing is signed with it. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { signKnockToken, verifyKnockToken } from './knock-token.ts';
import { type SessionAccess, signSessionToken } from './session-token.ts';
import { tokenVerifier } from './token-verifier.ts';

const BEFORE = 'the-secret-that-is-going';
const NOW = 'the-secret-that-is-coming';
const changed = { JWT_SECRET: NOW, JWT_SECRET_PREVIOUS: BEFORE };
const over = { JWT_SECRET: NOW };

const access: SessionAccess = {
  sessionId: randomUUID(),
  participantId: randomUUID(),
  userId: null,
  displayName: 'Ada',
  avatarUrl: null,
  role: 'host',
};
const userToken = (secret: string, expires = '1h') =>
  new SignJWT({ name: 'Ada' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ada')
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));

describe('a token that the secret before has signed', () => {
  it('is good while that secret is named, and not after: a session’s', async () => {
    const token = await signSessionToken(access, BEFORE);
    expect(await tokenVerifier(changed).session(token)).toMatchObject({
      participantId: access.participantId,
    });
    expect(await tokenVerifier(over).session(token)).toBeNull();
  });

  it('is good likewise: a knock’s', async () => {
    const of = { sessionId: access.sessionId, knockId: randomUUID(), epoch: randomUUID() };
    const token = await signKnockToken(of, BEFORE);
    expect(await verifyKnockToken(token, changed)).toEqual(of);
    expect(await verifyKnockToken(token, over)).toBeNull();
  });

  it('is good likewise: a user’s', async () => {
    const token = await userToken(BEFORE);
    expect(await tokenVerifier(changed).user(token)).toMatchObject({ subject: 'ada' });
    expect(await tokenVerifier(over).user(token)).toBeNull();
  });

  it('has to fit in all else', async () => {
    const { session, user } = tokenVerifier(changed);
    expect(await session(await userToken(BEFORE))).toBeNull();
    expect(await user(await signSessionToken({ ...access, userId: randomUUID() }, BEFORE))).toBeNull();
    expect(await user(await userToken(BEFORE, '-1h'))).toBeNull();
    expect(await user(await userToken('of nobody here at all'))).toBeNull();
  });
});

it('a token of the new secret is good before and after', async () => {
  const token = await signSessionToken(access, NOW);
  for (const secrets of [changed, over]) {
    expect(await tokenVerifier(secrets).session(token)).toMatchObject({
      participantId: access.participantId,
    });
  }
});
