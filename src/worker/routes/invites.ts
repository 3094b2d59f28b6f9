/** Inviting people, and joining by an invite. */
import { Hono } from 'hono';
import { z } from 'zod';
import { displayNameSchema } from '../../protocol/messages.ts';
import { signSessionToken } from '../../sessions/token.ts';
import { optionalUser, requireSession } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { readBody, readSessionId } from '../input.ts';
import { inviteJson } from '../wire.ts';
import { DEFAULT_DISPLAY_NAME } from './sessions.ts';

const MAX_INVITE_USES = 1_000_000;
const MAX_INVITE_TOKEN_CHARS = 128;

const newInviteBody = z.object({
  role: z.enum(['co-author', 'viewer']),
  max_uses: z.number().int().min(1).max(MAX_INVITE_USES).nullish(),
  /** ISO 8601 with an offset. */
  expires_at: z.iso.datetime({ offset: true }).nullish(),
});

const joinBody = z.object({
  invite_token: z
    .string()
    .max(MAX_INVITE_TOKEN_CHARS)
    .regex(/^[\w-]+$/, 'is not an invite token'),
  display_name: displayNameSchema.optional(),
});

export const inviteRoutes = new Hono<AppEnv>()
  .post('/join', async (c) => {
    const { repository, config } = c.var.services;
    const profile = await optionalUser(c);
    const body = await readBody(c, joinBody);
    // Before the invite is used up: a failure here must not cost a use.
    const userId = profile && (await repository.upsertUser(profile));
    const join = await repository.consumeInvite(body.invite_token);
    // Whether it never was, has expired or is used up is nobody's business who doesn't have a good one.
    if (!join) throw notFound('the invite is not valid');
    const displayName = body.display_name ?? profile?.name ?? DEFAULT_DISPLAY_NAME;
    const token = await signSessionToken(
      { ...join, userId, displayName, avatarUrl: profile?.avatarUrl ?? null },
      config.JWT_SECRET,
    );
    return c.json({ session_id: join.sessionId, role: join.role, display_name: displayName, token });
  })
  .post('/:id/invite', async (c) => {
    const sessionId = readSessionId(c);
    await requireSession(c, sessionId, 'host');
    const body = await readBody(c, newInviteBody);
    const invite = await c.var.services.repository.createInvite({
      sessionId,
      role: body.role,
      maxUses: body.max_uses ?? null,
      expiresAtMs: body.expires_at == null ? null : Date.parse(body.expires_at),
    });
    return c.json(inviteJson(invite), 201);
  });
