/** How open a session is: shown to everybody or not, made private again, left. */
import { Hono } from 'hono';
import { z } from 'zod';
import type { LiveStatus } from '../../domain/directory.ts';
import { allow } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { body } from '../input.ts';
import type { Services } from '../services.ts';
import { liveStatusJson } from '../wire.ts';

export const discoverableBody = z.object({ is_discoverable: z.boolean() });

async function statusOf({ directory }: Pick<Services, 'directory'>, sessionId: string): Promise<LiveStatus> {
  const status = await directory.liveStatus(sessionId);
  if (!status) throw notFound();
  return status;
}

export const visibilityRoutes = new Hono<AppEnv>()
  .get('/:id/live-status', allow('read_session'), async (c) =>
    c.json(liveStatusJson(await statusOf(c.var.services, c.var.sessionId))),
  )
  .put('/:id/discoverable', allow('manage_session'), body(discoverableBody), async (c) => {
    const { directory, room } = c.var.services;
    const { is_discoverable: isDiscoverable } = c.req.valid('json');
    if (!(await directory.setDiscoverable(c.var.sessionId, isDiscoverable))) throw notFound();
    if (!isDiscoverable) await room.sendCommand(c.var.sessionId, { kind: 'discovery_ended' });
    return c.json(liveStatusJson(await statusOf(c.var.services, c.var.sessionId)));
  })
  .post('/:id/end-live', allow('manage_session'), async (c) => {
    const { directory, room } = c.var.services;
    if (!(await directory.endLive(c.var.sessionId))) throw notFound();
    await room.sendCommand(c.var.sessionId, { kind: 'live_ended' });
    return c.json(liveStatusJson(await statusOf(c.var.services, c.var.sessionId)));
  })
  .post('/:id/leave', allow('leave'), async (c) => {
    const { participantId } = c.var.caller;
    // Without a place (an owner who never came, a guest who only reads) there is nothing to leave.
    if (participantId !== null) await c.var.services.people.leave(c.var.sessionId, participantId);
    return c.json({ left: participantId !== null });
  });
