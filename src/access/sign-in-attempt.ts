/**
 * An attempt to sign in, between the way to the provider and the way back: a cookie that only we can read or
 * make, in the browser that began it. Another browser that comes with the provider's answer doesn't have it.
 */
import { EncryptJWT, jwtDecrypt } from 'jose';
import { z } from 'zod';
import { PROVIDERS } from '../protocol/http/accounts.ts';
import { derivedKey } from './derived-key.ts';
import { destinationSchema } from './destination.ts';

/** A password, a second factor and a new device's confirmation take some time. */
export const ATTEMPT_LIFETIME_S = 600;
const AUDIENCE = 'backbeat:sign-in';
const MS_PER_S = 1_000;

const attemptSchema = z.object({
  provider: z.enum(PROVIDERS),
  /** Comes back with the provider's answer: the answer is to this attempt. */
  state: z.string(),
  /** Proves to the provider that who redeems the code is who asked for it (PKCE). */
  verifier: z.string(),
  /** Is in the provider's statement: that was made for this attempt. Null: this provider makes none. */
  nonce: z.string().nullable(),
  destination: destinationSchema,
});
export type SignInAttempt = z.infer<typeof attemptSchema>;

/** Makes the cookie's value. */
export async function sealAttempt(attempt: SignInAttempt, secret: string, nowMs: number): Promise<string> {
  const nowS = Math.floor(nowMs / MS_PER_S);
  return new EncryptJWT({ attempt })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setAudience(AUDIENCE)
    .setExpirationTime(nowS + ATTEMPT_LIFETIME_S)
    .encrypt(await derivedKey(secret, 'sign-in attempt'));
}

/** Reads the cookie's value: null when it isn't ours, or too old. */
export async function openAttempt(
  sealed: string,
  secret: string,
  nowMs: number,
): Promise<SignInAttempt | null> {
  try {
    const { payload } = await jwtDecrypt(sealed, await derivedKey(secret, 'sign-in attempt'), {
      audience: AUDIENCE,
      requiredClaims: ['exp'],
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
      currentDate: new Date(nowMs),
    });
    return attemptSchema.parse(payload.attempt);
  } catch {
    return null;
  }
}
