/**
 * Session tokens: a JWT that says which participant of which session its bearer is. The Worker makes it, and
 * checks it before a connection's upgrade. HS256 with `JWT_SECRET`; the audience tells it from a user's own
 * token.
 */
import { errors, SignJWT } from 'jose';
import { z } from 'zod';
import { JOIN_METHODS, type JoinMethod, ROLES } from '../domain/types.ts';
import { type VerifyingSecrets, verifyHs256 } from './hs256.ts';

/** Tells a session token from a user's own token. */
export const SESSION_AUDIENCE = 'backbeat:session';
const LIFETIME = '7d';

const claimsSchema = z.object({
  sid: z.uuid(),
  pid: z.uuid(),
  sub: z.uuid().optional(),
  name: z.string().min(1),
  picture: z.string().optional(),
  role: z.enum(ROLES),
  join_method: z.enum(JOIN_METHODS).default('grant'),
  inv: z.uuid().nullable().default(null),
  ep: z.uuid().nullable().default(null),
  exp: z.number(),
});

/** The participant a session token is for; `userId` is null for an anonymous one. */
export interface SessionAccess {
  sessionId: string;
  /** Their membership in the session. What it says now goes before what the token says. */
  participantId: string;
  userId: string | null;
  displayName: string;
  avatarUrl: string | null;
  role: (typeof ROLES)[number];
  /** What gave them access, and by which invite. Only a room that can't ask Postgres goes by it. */
  joinMethod?: JoinMethod;
  inviteId?: string | null;
  /** The user's `token_epoch` when it was signed: a new one revokes it. Users of other services have none. */
  epoch?: string | null;
}

/** What a good session token says. */
export interface VerifiedAccess extends SessionAccess {
  /** When it expires, in seconds since the epoch. */
  expiresAtS: number;
}

/**
 * Signs a token for `access`; it expires after seven days.
 * @param expiresAtS in seconds since the epoch: for a token that takes the place of another one.
 */
export async function signSessionToken(
  access: SessionAccess,
  secret: string,
  expiresAtS: number | null = null,
): Promise<string> {
  const jwt = new SignJWT({
    sid: access.sessionId,
    pid: access.participantId,
    name: access.displayName,
    role: access.role,
    ...(access.avatarUrl === null ? {} : { picture: access.avatarUrl }),
    ...(access.joinMethod === undefined ? {} : { join_method: access.joinMethod }),
    ...(access.inviteId === undefined || access.inviteId === null ? {} : { inv: access.inviteId }),
    ...(access.userId === null || !access.epoch ? {} : { ep: access.epoch }),
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setAudience(SESSION_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(expiresAtS ?? LIFETIME);
  if (access.userId !== null) jwt.setSubject(access.userId);
  return jwt.sign(new TextEncoder().encode(secret));
}

/** Whether nothing is wrong with a session token but that its time is over. */
export async function hasSessionTokenExpired(token: string, secrets: VerifyingSecrets): Promise<boolean> {
  try {
    await verify(token, secrets);
    return false;
  } catch (error) {
    return error instanceof errors.JWTExpired;
  }
}

function verify(token: string, secrets: VerifyingSecrets) {
  return verifyHs256(token, secrets, { audience: SESSION_AUDIENCE, requiredClaims: ['exp'] });
}

/** What a token says, or null when it is forged, expired, malformed or not a session token at all. */
export async function verifySessionToken(
  token: string,
  secrets: VerifyingSecrets,
): Promise<VerifiedAccess | null> {
  try {
    const payload = await verify(token, secrets);
    const claims = claimsSchema.parse(payload);
    return {
      sessionId: claims.sid,
      participantId: claims.pid,
      userId: claims.sub ?? null,
      displayName: claims.name,
      avatarUrl: claims.picture ?? null,
      role: claims.role,
      joinMethod: claims.join_method,
      inviteId: claims.inv,
      epoch: claims.ep,
      expiresAtS: claims.exp,
    };
  } catch {
    // One answer for every reason: telling them apart would help only a forger.
    return null;
  }
}
