/** Sessions: making them, finding them, reading and changing one, ending it. */
import { Hono } from 'hono';
import { z } from 'zod';
import { signSessionToken } from '../../access/session-token.ts';
import { encodeCursor } from '../../domain/page.ts';
import { MAX_TITLE_CHARS } from '../../protocol/limits.ts';
import { codeSchema, displayNameSchema, storableText } from '../../protocol/messages.ts';
import { admittedOf } from '../admitted.ts';
import { allow, bearerOf, refuseUnless, signedIn } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { body, query } from '../input.ts';
import { pageQuery } from '../paging.ts';
import type { Services } from '../services.ts';
import { liveSessionJson, sessionJson, sessionSummaryJson } from '../wire.ts';

/** What people in a session are told when its host ends it. */
const ENDED_BY_HOST = 'the host has ended the session';

const title = storableText.max(MAX_TITLE_CHARS);

export const newSessionBody = z.object({
  title: title.default(''),
  /** Without it, the code of `previous_session_id`, or none. */
  code: codeSchema.optional(),
  previous_session_id: z.uuid().toLowerCase().optional(),
  display_name: displayNameSchema.optional(),
});

export const changedSessionBody = z
  .object({ title: title.optional(), code: codeSchema.optional() })
  .refine((change) => change.title !== undefined || change.code !== undefined, 'names nothing to change');

export const sessionsQuery = pageQuery.extend({
  /** Only those that go on, or only those that have ended. */
  active: z.enum(['true', 'false']).optional(),
});

async function readSession({ repository }: Pick<Services, 'repository'>, sessionId: string) {
  const session = await repository.getSession(sessionId);
  if (!session) throw notFound();
  return sessionJson(session);
}

export const sessionRoutes = new Hono<AppEnv>()
  .post('/', body(newSessionBody), async (c) => {
    const { admission, config } = c.var.services;
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
    const { session, role, displayName } = admitted;
    if (!session) throw new Error('an admission without a session id makes a session');
    const token = await signSessionToken(admitted, config.JWT_SECRET);
    return c.json({ session: sessionJson(session), token, role, display_name: displayName }, 201);
  })
  .get('/', signedIn, query(sessionsQuery), async (c) => {
    const { active, ...page } = c.req.valid('query');
    const isActive = active && active === 'true';
    const { items, next } = await c.var.services.directory.list(c.var.userId, { ...page, isActive });
    return c.json({ sessions: items.map(sessionSummaryJson), next: encodeCursor(next) });
  })
  .get('/live', query(pageQuery), async (c) => {
    const { items, next } = await c.var.services.directory.live(c.req.valid('query'));
    return c.json({ sessions: items.map(liveSessionJson), next: encodeCursor(next) });
  })
  .get('/last', signedIn, async (c) => {
    const session = await c.var.services.directory.last(c.var.userId);
    return c.json({ session: session && sessionSummaryJson(session) });
  })
  .get('/:id', allow('read_session'), async (c) =>
    c.json({ session: await readSession(c.var.services, c.var.sessionId) }),
  )
  .put('/:id', allow('write_code'), body(changedSessionBody), async (c) => {
    const { directory, room } = c.var.services;
    const { sessionId, caller } = c.var;
    const change = c.req.valid('json');
    if (change.title !== undefined) {
      refuseUnless(caller.role, 'write_title');
      if (!(await directory.setTitle(sessionId, change.title))) throw notFound();
    }
    if (change.code !== undefined) {
      // Always by the room, live or not: only it gives out revisions.
      await room.setCode(sessionId, {
        code: change.code,
        user_id: caller.userId,
        display_name: caller.displayName,
        role: caller.role,
      });
    }
    return c.json({ session: await readSession(c.var.services, sessionId) });
  })
  .delete('/:id', allow('end_session'), async (c) => {
    const { directory, flusher, room } = c.var.services;
    const { sessionId } = c.var;
    await flusher.flushSession(sessionId);
    if (!(await directory.end(sessionId))) throw notFound();
    await room.sendCommand(sessionId, { kind: 'ended', reason: ENDED_BY_HOST });
    return c.json({ session: await readSession(c.var.services, sessionId) });
  });
