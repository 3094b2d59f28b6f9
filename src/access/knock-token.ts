/**
 * Tokens of knocks: a JWT by which only the knocker asks for the answer. The Worker checks it before it asks
 * a room, so that made-up knocks wake no room. HS256 with `JWT_SECRET`, and an audience of its
 * own.
 */
import { SignJWT } from 'jose';
import { z } from 'zod';
import { type VerifyingSecrets, verifyHs256 } from './hs256.ts';

const KNOCK_AUDIENCE = 'backbeat:knock';
/** Somewhat longer than a knock waits: its outcome can still be read then. */
const LIFETIME = '15m';

const claimsSchema = z.object({ sid: z.uuid(), kid: z.uuid(), ep: z.uuid().nullable().default(null) });

export interface KnockAccess {
  sessionId: string;
  knockId: string;
  /** The user's `token_epoch`, for the session token that they get; null for those without an account. */
  epoch: string | null;
}

export function signKnockToken({ sessionId, knockId, epoch }: KnockAccess, secret: string): Promise<string> {
  return new SignJWT({ sid: sessionId, kid: knockId, ...(epoch === null ? {} : { ep: epoch }) })
    .setProtectedHeader({ alg: 'HS256' })
    .setAudience(KNOCK_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(LIFETIME)
    .sign(new TextEncoder().encode(secret));
}

/** What a token says, or null when it is forged, expired, malformed or of another kind. */
export async function verifyKnockToken(
  token: string,
  secrets: VerifyingSecrets,
): Promise<KnockAccess | null> {
  try {
    const payload = await verifyHs256(token, secrets, {
      audience: KNOCK_AUDIENCE,
      requiredClaims: ['exp'],
    });
    const { sid, kid, ep } = claimsSchema.parse(payload);
    return { sessionId: sid, knockId: kid, epoch: ep };
  } catch {
    // One answer for every reason: telling them apart would help only a forger.
    return null;
  }
}
