/** Making a session, and reading it. */
import { Hono } from 'hono';
import { z } from 'zod';
import { MAX_TITLE_CHARS } from '../../protocol/limits.ts';
import { codeSchema, displayNameSchema, storableText } from '../../protocol/messages.ts';
import { signSessionToken } from '../../sessions/token.ts';
import { admittedOf } from '../admitted.ts';
import { allow, bearerOf } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { body } from '../input.ts';
import { sessionJson } from '../wire.ts';

const newSessionBody = z.object({
  title: storableText.max(MAX_TITLE_CHARS).default(''),
  /** Without it, the code of `previous_session_id`, or none. */
  code: codeSchema.optional(),
  previous_session_id: z.uuid().optional(),
  display_name: displayNameSchema.optional(),
});

export const sessionRoutes = new Hono<AppEnv>()
  .post('/', body(newSessionBody), async (c) => {
    const { admission, repository, config } = c.var.services;
    const wish = c.req.valid('json');
    const admitted = admittedOf(
      await admission.enter({
        sessionId: null,
        token: bearerOf(c),
        invite: null,
        displayName: wish.display_name ?? null,
        previousSessionId: wish.previous_session_id ?? null,
        title: wish.title,
        ...(wish.code === undefined ? {} : { code: wish.code }),
      }),
    );
    const session = await repository.getSession(admitted.sessionId);
    if (!session) throw notFound();
    const { role, displayName } = admitted;
    const token = await signSessionToken(admitted, config.JWT_SECRET);
    return c.json({ session: sessionJson(session), token, role, display_name: displayName }, 201);
  })
  .get('/:id', allow('read_session'), async (c) => {
    const session = await c.var.services.repository.getSession(c.var.sessionId);
    if (!session) throw notFound();
    return c.json({ session: sessionJson(session) });
  });
