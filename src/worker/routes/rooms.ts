/**
 * The two addresses of a session's room: a WebSocket enters it, and a plain GET says what would speak against
 * that.
 */
import { type Context, Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { describeRefusal, enterRoom } from '../room-entry.ts';

function answer(c: Context<AppEnv>, sessionId: string | null): Promise<Response> {
  const isUpgrade = c.req.header('upgrade')?.toLowerCase() === 'websocket';
  return (isUpgrade ? enterRoom : describeRefusal)(c.req.raw, sessionId, c.var.services);
}

export const roomRoutes = new Hono<AppEnv>()
  .get('/parties/main/:id', (c) => answer(c, c.req.param('id')))
  .get('/api/v1/ws', (c) => answer(c, null));
