/**
 * Flushing, and the dead letters. All of it needs the flush secret. Sweeps are the sweeper's; one session is
 * flushed right here, also when it is the session's room that asks, in its own isolate.
 */
import type { Context } from 'hono';
import * as routes from '../../protocol/http/operation.ts';
import { withFlushSecret } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { ApiError, notFound } from '../errors.ts';
import { describeUnexpected, logError } from '../log.ts';
import { serve } from '../serve.ts';
import { sessionFlushJson } from '../wire.ts';

/** Its answer is the route's. @throws {ApiError} 503 when it can't be reached. */
async function askSweeper(c: Context<AppEnv>, path: string, body?: string): Promise<Response> {
  const init = { method: 'POST', ...(body === undefined ? {} : { body }) };
  try {
    return await c.var.services.sweeper.fetch(path, init);
  } catch (error) {
    logError('sweeper_unavailable', describeUnexpected(error));
    throw new ApiError(503, 'server_error', 'the sweeper is out of reach, try again');
  }
}

/** The cron's own route, of which the API's document says nothing. */
export async function flushTurn(c: Context<AppEnv>): Promise<Response> {
  await withFlushSecret.admit(c);
  return askSweeper(c, '/flush/turn', await c.req.text());
}

export const flushRoutes = [
  serve(routes.flushAll, withFlushSecret, ({ c }) => askSweeper(c, '/flush')),
  serve(routes.listDeadLetters, withFlushSecret, async ({ services: { buffer }, query: { limit, cursor } }) =>
    buffer.listDead({ limit, cursor }),
  ),
  serve(routes.replayDeadLetter, withFlushSecret, async ({ services: { flusher }, params }) => {
    const outcome = await flusher.replayDead(params.letter_id);
    if (outcome === 'not_found') throw notFound('there is no such dead letter');
    if (outcome !== 'replayed') {
      throw new ApiError(409, 'conflict', 'Postgres refuses it still', outcome.refused);
    }
    return { status: outcome };
  }),
  serve(routes.redirty, withFlushSecret, ({ services: { buffer }, query: { cursor } }) =>
    buffer.redirtySome(cursor),
  ),
  serve(routes.flushSession, withFlushSecret, async ({ services: { flusher }, params }) =>
    sessionFlushJson(await flusher.flushSession(params.id)),
  ),
];
