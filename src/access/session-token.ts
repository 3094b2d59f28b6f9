/**
 * Session tokens: a JWT that says which participant of which session somebody is. Made by the Worker, checked by the
 * room before the upgrade. HS256 with `JWT_SECRET`; the audience tells them apart from users' own tokens.
 */
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { ROLES, VIAS, type Via } from '../domain/types.ts';

/** Told from a user's own token by this. */
export const SESSION_AUDIENCE = 'backbeat:session';
const LIFETIME = '7d';

const claimsSchema = z.object({
  sid: z.uuid(),
  pid: z.uuid(),
  sub: z.uuid().optional(),
  name: z.string().min(1),
  picture: z.string().optional(),
  role: z.enum(ROLES),
  via: z.enum(VIAS).default('grant'),
  inv: z.uuid().nullable().default(null),
});

/** Who a connection is: `userId` null for anonymous people. */
export interface SessionAccess {
  sessionId: string;
  /** Their place in the session; what it says now goes before what the token says. */
  participantId: string;
  userId: string | null;
  displayName: string;
  avatarUrl: string | null;
  role: (typeof ROLES)[number];
  /** What let them in, and by which invite. Only a room that can't ask Postgres goes by it. */
  joinMethod?: Via;
  inviteId?: string | null;
}

/** Signs a token for `access`; it expires after seven days. */
export async function signSessionToken(access: SessionAccess, secret: string): Promise<string> {
  const jwt = new SignJWT({
    sid: access.sessionId,
    pid: access.participantId,
    name: access.displayName,
    role: access.role,
    ...(access.avatarUrl === null ? {} : { picture: access.avatarUrl }),
    ...(access.joinMethod === undefined ? {} : { via: access.joinMethod }),
    ...(access.inviteId === undefined || access.inviteId === null ? {} : { inv: access.inviteId }),
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setAudience(SESSION_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(LIFETIME);
  if (access.userId !== null) jwt.setSubject(access.userId);
  return jwt.sign(new TextEncoder().encode(secret));
}

/** What a token says, or null when it is forged, expired, malformed or not a session token at all. */
export async function verifySessionToken(token: string, secret: string): Promise<SessionAccess | null> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      algorithms: ['HS256'],
      audience: SESSION_AUDIENCE,
      requiredClaims: ['exp'],
    });
    const claims = claimsSchema.parse(payload);
    return {
      sessionId: claims.sid,
      participantId: claims.pid,
      userId: claims.sub ?? null,
      displayName: claims.name,
      avatarUrl: claims.picture ?? null,
      role: claims.role,
      joinMethod: claims.via,
      inviteId: claims.inv,
    };
  } catch {
    // Every reason to refuse looks the same from outside; telling them apart would help only a forger.
    return null;
  }
}
