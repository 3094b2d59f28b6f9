/**
 * Users' own tokens: a JWT that says which user its bearer is. From any identity provider, checked with the
 * keys that it publishes (`JWKS_URL`); or HS256 with `JWT_SECRET`, where no provider is configured.
 */
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { ANY_AUDIENCE } from '../config.ts';
import { StorageUnavailableError } from '../domain/errors.ts';
import type { UserProfile } from '../domain/types.ts';
import { MAX_DISPLAY_NAME_CHARS } from '../protocol/limits.ts';
import { displayNameSchema, storableText } from '../protocol/values.ts';
import { verifyHs256 } from './hs256.ts';
import { SESSION_AUDIENCE } from './session-token.ts';

const MAX_SUBJECT_CHARS = 255;
const MAX_PICTURE_CHARS = 2_048;

/**
 * Providers put anything into a name or a picture. What doesn't fit is shortened or left out, never a reason
 * to refuse.
 */
const subject = storableText.min(1).max(MAX_SUBJECT_CHARS);
const claimsSchema = z.object({
  sub: subject.optional(),
  /** Instead of `sub`, in tokens of an older service. Where both are there, `sub` says who the user is. */
  user_id: subject.optional().catch(undefined),
  name: z
    .string()
    // The cut may fall inside a surrogate pair, and leave its first half.
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
  /** The secret before it, while it is being changed. */
  JWT_SECRET_PREVIOUS?: string | undefined;
  /** Where the provider publishes its keys. With it, no other key is accepted. */
  JWKS_URL?: string | undefined;
  JWT_ISSUER?: string | undefined;
  /** {@link ANY_AUDIENCE}: none is asked for. With `JWKS_URL` it has to be given. */
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
 * Makes the check of users' tokens. The check resolves with the user, or with null when the token is forged,
 * expired, without expiry, malformed, or of another issuer or audience; also when it is a session token,
 * which gives access to one session and must not pass for its user elsewhere. It throws
 * {@link StorageUnavailableError} when the provider's keys can't be read: a user whose token may well be
 * valid must not be signed out.
 */
export function userTokenVerifier(options: UserTokenOptions): (token: string) => Promise<UserProfile | null> {
  const verify = payloadVerifier(options);
  return async (token) => {
    try {
      const payload = await verify(token);
      if ([payload.aud].flat().includes(SESSION_AUDIENCE)) return null;
      const { sub, user_id, name, picture } = claimsSchema.parse(payload);
      const id = sub ?? user_id;
      return id === undefined ? null : { subject: id, name, avatarUrl: picture };
    } catch (error) {
      if (isOutage(error)) {
        throw new StorageUnavailableError('identity provider', 'its keys are out of reach', { cause: error });
      }
      // One answer for every reason: telling them apart would help only a forger.
      return null;
    }
  };
}

/**
 * Makes the check whether nothing is wrong with a user's token but that its time is over.
 * @param options as those of {@link userTokenVerifier}; it throws what that does.
 */
export function userTokenExpiry(options: UserTokenOptions): (token: string) => Promise<boolean> {
  const verify = payloadVerifier(options);
  return async (token) => {
    try {
      await verify(token);
      return false;
    } catch (error) {
      if (isOutage(error)) {
        throw new StorageUnavailableError('identity provider', 'its keys are out of reach', { cause: error });
      }
      return error instanceof errors.JWTExpired;
    }
  };
}

/** Makes the check of a token's signature, its time, and whom it is from and for. It throws jose's errors. */
function payloadVerifier(options: UserTokenOptions): (token: string) => Promise<JWTPayload> {
  const { JWKS_URL, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = options;
  if (JWKS_URL !== undefined && audience === undefined) {
    throw new TypeError(
      'a provider signs tokens of other applications, too: their audience has to be checked',
    );
  }
  // The keys are fetched with the first token, kept for minutes, and fetched again when a token names an
  // unknown key.
  const keys = JWKS_URL === undefined ? null : createRemoteJWKSet(new URL(JWKS_URL));
  const expected = {
    requiredClaims: ['exp'],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined || audience === ANY_AUDIENCE ? {} : { audience }),
  };
  return async (token) =>
    keys === null
      ? verifyHs256(token, options, expected)
      : (await jwtVerify(token, keys, { ...expected, algorithms: PROVIDER_ALGORITHMS })).payload;
}

/**
 * jose has an error class for each thing that may be wrong with a token. Any other error is the fetch of the
 * keys.
 */
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
