/** Users' own tokens: a JWT from the identity provider (HS256 with `JWT_SECRET`) that says who somebody is. */
import { jwtVerify } from 'jose';
import { z } from 'zod';
import { MAX_DISPLAY_NAME_CHARS } from '../protocol/limits.ts';
import { displayNameSchema, storableText } from '../protocol/messages.ts';
import { SESSION_AUDIENCE } from './token.ts';
import type { UserProfile } from './types.ts';

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

/**
 * Who a token says its bearer is, or null when it is forged, expired, without expiry, malformed, or a session token:
 * that one says who may enter a session, and must not pass for its user elsewhere.
 */
export async function verifyUserToken(token: string, secret: string): Promise<UserProfile | null> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      algorithms: ['HS256'],
      requiredClaims: ['exp', 'sub'],
    });
    if ([payload.aud].flat().includes(SESSION_AUDIENCE)) return null;
    const claims = claimsSchema.parse(payload);
    return { subject: claims.sub, name: claims.name, avatarUrl: claims.picture };
  } catch {
    // Every reason to refuse looks the same from outside; telling them apart would help only a forger.
    return null;
  }
}
