/**
 * Users' own tokens: a JWT that says who somebody is. From any identity provider, by the keys it publishes (`JWKS_URL`), or
 * HS256 with `JWT_SECRET` where none is configured.
 */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { UserProfile } from '../domain/types.ts';
import { MAX_DISPLAY_NAME_CHARS } from '../protocol/limits.ts';
import { displayNameSchema, storableText } from '../protocol/messages.ts';
import { SESSION_AUDIENCE } from './session-token.ts';

const MAX_SUBJECT_CHARS = 255;
const MAX_PICTURE_CHARS = 2_048;

/** Providers put anything into a name or a picture: what doesn't fit is shortened or left out, never a reason to refuse. */
const claimsSchema = z.object({
  sub: storableText.min(1).max(MAX_SUBJECT_CHARS),
  name: z
    .string()
    // The cut may fall inside a surrogate pair, of which the first half is left.
    .transform((name) => name.slice(0, MAX_DISPLAY_NAME_CHARS).replace(/[\ud800-\udbff]$/, ''))
    .pipe(displayNameSchema)
    .nullable()
    .catch(null),
  picture: z
    .url({ protocol: /^https?$/ })
    .max(MAX_PICTURE_CHARS)
    .nullable()
    .catch(null),
});

export interface UserTokenOptions {
  JWT_SECRET: string;
  /** Where the provider publishes its keys; then only those are taken. */
  JWKS_URL?: string | undefined;
  JWT_ISSUER?: string | undefined;
  JWT_AUDIENCE?: string | undefined;
}

/** Public-key algorithms only: a key that is published must never verify an HMAC. */
const PROVIDER_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

/**
 * Makes the check of users' tokens. What it returns says who a token's bearer is, or null when the token is forged,
 * expired, without expiry, malformed, of another issuer or audience, or a session token: that one says who may enter a
 * session, and must not pass for its user elsewhere. It throws {@link StorageUnavailableError} when the provider's keys
 * can't be had: a token that may well be good must not sign anybody out.
 */
export function userTokenVerifier(options: UserTokenOptions): (token: string) => Promise<UserProfile | null> {
  const secret = new TextEncoder().encode(options.JWT_SECRET);
  // Fetched with the first token, kept for minutes, fetched again when a token names a key that isn't there.
  const key: JWTVerifyGetKey =
    options.JWKS_URL === undefined ? async () => secret : createRemoteJWKSet(new URL(options.JWKS_URL));
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: options.JWKS_URL === undefined ? ['HS256'] : PROVIDER_ALGORITHMS,
        requiredClaims: ['exp', 'sub'],
        ...(options.JWT_ISSUER === undefined ? {} : { issuer: options.JWT_ISSUER }),
        ...(options.JWT_AUDIENCE === undefined ? {} : { audience: options.JWT_AUDIENCE }),
      });
      if ([payload.aud].flat().includes(SESSION_AUDIENCE)) return null;
      const claims = claimsSchema.parse(payload);
      return { subject: claims.sub, name: claims.name, avatarUrl: claims.picture };
    } catch (error) {
      if (isOutage(error)) {
        throw new StorageUnavailableError('identity provider', 'its keys are out of reach', { cause: error });
      }
      // Every reason to refuse looks the same from outside; telling them apart would help only a forger.
      return null;
    }
  };
}

/** jose names what is wrong with a token by a class each; what is left is the fetch of the keys. */
function isOutage(error: unknown): boolean {
  if (error instanceof z.ZodError) return false;
  if (error instanceof errors.JOSEError) {
    return (
      error.code === 'ERR_JOSE_GENERIC' ||
      error.code === 'ERR_JWKS_TIMEOUT' ||
      error.code === 'ERR_JWKS_INVALID'
    );
  }
  return true;
}
