/** Making a session, and reading it. */
import { Hono } from 'hono';
import { z } from 'zod';
import { MAX_TITLE_CHARS } from '../../protocol/limits.ts';
import { codeSchema, displayNameSchema, storableText } from '../../protocol/messages.ts';
import { signSessionToken } from '../../sessions/token.ts';
import { admittedOf } from '../admitted.ts';
import { bearerOf, requireAction } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { readBody, readSessionId } from '../input.ts';
import { sessionJson } from '../wire.ts';

const newSessionBody = z.object({
  title: storableText.max(MAX_TITLE_CHARS).default(''),
  /** Without it, the code of `previous_session_id`, or none. */
  code: codeSchema.optional(),
  previous_session_id: z.uuid().optional(),
  display_name: displayNameSchema.optional(),
});

export const sessionRoutes = new Hono<AppEnv>()
  .post('/', async (c) => {
    const { admission, repository, config } = c.var.services;
    const body = await readBody(c, newSessionBody);
    const admitted = admittedOf(
      await admission.enter({
        sessionId: null,
        token: bearerOf(c),
        invite: null,
        displayName: body.display_name ?? null,
        previousSessionId: body.previous_session_id ?? null,
        title: body.title,
        ...(body.code === undefined ? {} : { code: body.code }),
      }),
    );
    const session = await repository.getSession(admitted.sessionId);
    if (!session) throw notFound();
    const { role, displayName } = admitted;
    const token = await signSessionToken(admitted, config.JWT_SECRET);
    return c.json({ session: sessionJson(session), token, role, display_name: displayName }, 201);
  })
  .get('/:id', async (c) => {
    const id = readSessionId(c);
    await requireAction(c, id, 'read_session');
    const session = await c.var.services.repository.getSession(id);
    if (!session) throw notFound();
    return c.json({ session: sessionJson(session) });
  });
