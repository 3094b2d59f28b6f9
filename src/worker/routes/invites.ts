/** Inviting people, and joining by an invite. */
import { Hono } from 'hono';
import { z } from 'zod';
import { signSessionToken } from '../../access/session-token.ts';
import { encodeCursor } from '../../domain/page.ts';
import { displayNameSchema } from '../../protocol/messages.ts';
import { addressOf } from '../address.ts';
import { admittedOf } from '../admitted.ts';
import { allow, bearerOf } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { body, query, readPathId } from '../input.ts';
import { pageQuery } from '../paging.ts';
import { inviteJson } from '../wire.ts';

const MAX_INVITE_USES = 1_000_000;
const MAX_INVITE_TOKEN_CHARS = 128;

export const newInviteBody = z.object({
  role: z.enum(['co-author', 'viewer']),
  max_uses: z.number().int().min(1).max(MAX_INVITE_USES).nullish(),
  /** ISO 8601 with an offset. */
  expires_at: z.iso.datetime({ offset: true }).nullish(),
});

export const joinBody = z.object({
  invite_token: z
    .string()
    .max(MAX_INVITE_TOKEN_CHARS)
    .regex(/^[\w-]+$/, 'is not an invite token'),
  display_name: displayNameSchema.optional(),
});

export const inviteRoutes = new Hono<AppEnv>()
  .post('/join', body(joinBody), async (c) => {
    const { admission, config } = c.var.services;
    const wish = c.req.valid('json');
    const admitted = admittedOf(
      await admission.join({
        token: bearerOf(c),
        invite: wish.invite_token,
        displayName: wish.display_name ?? null,
        address: addressOf(c),
      }),
    );
    const { sessionId, role, displayName } = admitted;
    const token = await signSessionToken(admitted, config.JWT_SECRET);
    return c.json({ session_id: sessionId, role, display_name: displayName, token });
  })
  .post('/:id/invite', allow('manage_invites'), body(newInviteBody), async (c) => {
    const { role, max_uses: maxUses = null, expires_at: expiresAt = null } = c.req.valid('json');
    const invite = await c.var.services.people.createInvite({
      sessionId: c.var.sessionId,
      role,
      maxUses,
      expiresAtMs: expiresAt === null ? null : Date.parse(expiresAt),
    });
    return c.json(inviteJson(invite), 201);
  })
  .get('/:id/invite', allow('read_invites'), query(pageQuery), async (c) => {
    const { items, next } = await c.var.services.people.invites(c.var.sessionId, c.req.valid('query'));
    return c.json({ invites: items.map(inviteJson), next: encodeCursor(next) });
  })
  .delete('/:id/invite/:token_id', allow('manage_invites'), async (c) => {
    const { people, room } = c.var.services;
    const inviteId = readPathId(c, 'token_id');
    if (!(await people.revokeInvite(c.var.sessionId, inviteId))) throw notFound('there is no such invite');
    await room.sendCommand(c.var.sessionId, { kind: 'invite_revoked', invite_id: inviteId });
    return c.json({ revoked: true });
  });
