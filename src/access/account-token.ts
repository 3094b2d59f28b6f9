/**
 * Tokens of accounts: a short-lived JWT that says which of our own accounts its bearer is signed in to. HS256
 * with `JWT_SECRET`; issuer and audience tell it from session tokens, tokens of knocks, and users' tokens of
 * another service. It is a user's token wherever one is asked for.
 */
import { decodeJwt, errors, SignJWT } from 'jose';
import { z } from 'zod';
import { PROVIDERS } from '../protocol/http/accounts.ts';
import { type VerifyingSecrets, verifyHs256 } from './hs256.ts';

export const ACCOUNT_AUDIENCE = 'backbeat:account';
const ISSUER = 'backbeat';
const MINUTE_MS = 60_000;

const claimsSchema = z.object({ sub: z.string().min(1), epoch: z.uuid(), bid: z.uuid() });

export interface AccountAccess {
  subject: string;
  /** See `Account.epoch`. */
  epoch: string;
  /** The browser that the token was given to. */
  browserId: string;
}

/** Signs a token. @param options.nowMs its time of issue, in milliseconds since the epoch. */
export async function signAccountToken(
  access: AccountAccess,
  secret: string,
  { nowMs, minutes }: { nowMs: number; minutes: number },
): Promise<{ token: string; expiresAtMs: number }> {
  const issuedAtS = Math.floor(nowMs / 1_000);
  const expiresAtS = issuedAtS + (minutes * MINUTE_MS) / 1_000;
  const token = await new SignJWT({ epoch: access.epoch, bid: access.browserId })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(ISSUER)
    .setAudience(ACCOUNT_AUDIENCE)
    .setSubject(access.subject)
    .setIssuedAt(issuedAtS)
    .setExpirationTime(expiresAtS)
    .sign(new TextEncoder().encode(secret));
  return { token, expiresAtMs: expiresAtS * 1_000 };
}

function verify(token: string, secrets: VerifyingSecrets) {
  const requiredClaims = ['exp', 'sub'];
  return verifyHs256(token, secrets, { issuer: ISSUER, audience: ACCOUNT_AUDIENCE, requiredClaims });
}

/** Whether nothing is wrong with an account's token but that its time is over. */
export async function hasAccountTokenExpired(token: string, secrets: VerifyingSecrets): Promise<boolean> {
  try {
    await verify(token, secrets);
    return false;
  } catch (error) {
    return error instanceof errors.JWTExpired;
  }
}

/** What a token says, or null when it is forged, expired, malformed or of another kind. */
export async function verifyAccountToken(
  token: string,
  secrets: VerifyingSecrets,
): Promise<AccountAccess | null> {
  try {
    const payload = await verify(token, secrets);
    const { sub, epoch, bid } = claimsSchema.parse(payload);
    return { subject: sub, epoch, browserId: bid };
  } catch {
    // One answer for every reason: telling them apart would help only a forger.
    return null;
  }
}

/** Whether a token says that it is an account's, true or not: it is then taken for nothing else. */
export function claimsToBeAccounts(token: string): boolean {
  try {
    return [decodeJwt(token).aud].flat().includes(ACCOUNT_AUDIENCE);
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** Whether a subject is of an account of our own: no other token may name one. */
export function isAccountSubject(subject: string): boolean {
  return PROVIDERS.some((provider) => subject.startsWith(`${provider}:`));
}
