/** Invites over HTTP, for the host. Each function throws an {@link ApiError}. */
import * as z from 'zod';
import { type Role, roleSchema } from '../../../protocol/index.ts';
import { anything, call, segment } from './call.ts';

export type InviteRole = Exclude<Role, 'host'>;

const inviteSchema = z.object({
  id: z.string(),
  /** The secret of the link. */
  token: z.string().min(1),
  role: roleSchema.exclude(['host']),
  max_uses: z.number().nullable(),
  uses_count: z.number(),
  /** ISO 8601. */
  expires_at: z.string().nullable(),
});
export type Invite = z.infer<typeof inviteSchema>;

const path = (sessionId: string) => `sessions/${segment(sessionId)}/invite`;

/** @param limits null for none; the expiry in milliseconds since the epoch. */
export function createInvite(
  sessionId: string,
  role: InviteRole,
  limits: { maxUses: number | null; expiresAtMs: number | null },
  token: string,
): Promise<Invite> {
  return call('POST', path(sessionId), inviteSchema, {
    token,
    body: {
      role,
      max_uses: limits.maxUses,
      expires_at: limits.expiresAtMs === null ? null : new Date(limits.expiresAtMs).toISOString(),
    },
  });
}

/** The session's invites that aren't revoked, newest first. */
export async function listInvites(sessionId: string, token: string): Promise<Invite[]> {
  const schema = z.object({ invites: z.array(inviteSchema) });
  return (await call('GET', path(sessionId), schema, { token })).invites;
}

/** Nobody comes in by it any more, and who came by it has to leave. */
export async function revokeInvite(sessionId: string, inviteId: string, token: string): Promise<void> {
  await call('DELETE', `${path(sessionId)}/${segment(inviteId)}`, anything, { token });
}
