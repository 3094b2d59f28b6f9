/** Making a session, and reading it. */
import { Hono } from 'hono';
import { z } from 'zod';
import { MAX_TITLE_CHARS } from '../../protocol/limits.ts';
import { codeSchema, displayNameSchema, storableText } from '../../protocol/messages.ts';
import { signSessionToken } from '../../sessions/token.ts';
import { optionalUser, requireSession } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { readBody, readSessionId } from '../input.ts';
import { sessionJson } from '../wire.ts';

/** What people are called who give no name. */
export const DEFAULT_DISPLAY_NAME = 'Anonymous';

const newSessionBody = z.object({
  title: storableText.max(MAX_TITLE_CHARS).default(''),
  code: codeSchema.default(''),
  display_name: displayNameSchema.optional(),
});

export const sessionRoutes = new Hono<AppEnv>()
  .post('/', async (c) => {
    const { repository, config } = c.var.services;
    const profile = await optionalUser(c);
    const body = await readBody(c, newSessionBody);
    const userId = profile && (await repository.upsertUser(profile));
    const session = await repository.createSession({
      title: body.title,
      code: body.code,
      hostUserId: userId,
    });
    const role = 'host';
    const displayName = body.display_name ?? profile?.name ?? DEFAULT_DISPLAY_NAME;
    const token = await signSessionToken(
      { sessionId: session.id, userId, displayName, avatarUrl: profile?.avatarUrl ?? null, role },
      config.JWT_SECRET,
    );
    return c.json({ session: sessionJson(session), token, role, display_name: displayName }, 201);
  })
  .get('/:id', async (c) => {
    const id = readSessionId(c);
    await requireSession(c, id);
    const session = await c.var.services.repository.getSession(id);
    if (!session) throw notFound();
    return c.json({ session: sessionJson(session) });
  });
