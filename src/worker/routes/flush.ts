/**
 * Flushing, and the dead letters. All of it needs the flush secret. Sweeps are the sweeper's; one session is flushed right here, also
 * when it is the session's room that asks, in its own isolate.
 */
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { flushAuth } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { ApiError, notFound } from '../errors.ts';
import { query, readSessionId } from '../input.ts';
import { describeUnexpected, logError } from '../log.ts';
import { sessionFlushJson } from '../wire.ts';

const DEFAULT_LETTERS = 50;
const MAX_LETTERS = 500;
/** Redis takes a cursor for an unsigned number of 64 bits, and fails at any other. */
const MAX_CURSOR = 2n ** 64n - 1n;

export const deadQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_LETTERS).default(DEFAULT_LETTERS),
  cursor: z
    .string()
    .regex(/^\d{1,20}$/, 'is not a cursor')
    .refine((text) => !/^\d+$/.test(text) || BigInt(text) <= MAX_CURSOR, 'is not a cursor')
    .optional(),
});

/** Its answer is the route's. @throws {ApiError} 503 when it can't be reached. */
async function askSweeper(c: Context<AppEnv>, path: string, init: { method: string; body?: string }) {
  try {
    return await c.var.services.sweeper.fetch(path, init);
  } catch (error) {
    logError('sweeper_unavailable', describeUnexpected(error));
    throw new ApiError(503, 'server_error', 'the sweeper is out of reach, try again');
  }
}

export const flushRoutes = new Hono<AppEnv>()
  .use(flushAuth)
  .post('/', (c) => askSweeper(c, '/flush', { method: 'POST' }))
  .post('/turn', async (c) => askSweeper(c, '/flush/turn', { method: 'POST', body: await c.req.text() }))
  .get('/dead', query(deadQuery), async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const { letters, next } = await c.var.services.buffer.listDead({ limit, cursor });
    return c.json({ letters, next });
  })
  .post('/dead/:letter_id/replay', async (c) => {
    const outcome = await c.var.services.flusher.replayDead(c.req.param('letter_id'));
    if (outcome === 'not_found') throw notFound('there is no such dead letter');
    if (outcome !== 'replayed') {
      throw new ApiError(409, 'conflict', 'Postgres refuses it still', outcome.refused);
    }
    return c.json({ status: outcome });
  })
  .post('/:id', async (c) =>
    c.json(sessionFlushJson(await c.var.services.flusher.flushSession(readSessionId(c)))),
  );
