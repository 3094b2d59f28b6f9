/**
 * Flushing, and the dead letters. All of it needs the flush secret. Sweeps are the sweeper's; one session is
 * flushed right here, also when it is the session's room that asks, in its own isolate.
 */
import type { Context } from 'hono';
import { z } from 'zod';
import * as routes from '../../protocol/http/operation.ts';
import type { Discarded } from '../../redis/session-buffer.ts';
import { withFlushSecret } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { ApiError, notFound } from '../errors.ts';
import { describeUnexpected, logError, logInfo } from '../log.ts';
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

/** What is gone for good is in the log: whose it was and how much, never what. */
function discardedJson(sessionId: string, { letters, bytes, hasMore }: Discarded) {
  // Of a letter that can't be read it isn't known, and the text is anything.
  const session = z.uuid().safeParse(sessionId).data ?? null;
  logInfo('dead_letters_discarded', { session, letters, bytes });
  return { discarded: letters, bytes, has_more: hasMore };
}

export const flushRoutes = [
  serve(routes.flushAll, withFlushSecret, ({ c }) => askSweeper(c, '/flush')),
  serve(routes.listDeadLetters, withFlushSecret, async ({ services: { buffer }, query: { limit, cursor } }) =>
    // The time before: what is put aside while they are read isn't among them.
    ({ at: new Date().toISOString(), ...(await buffer.listDead({ limit, cursor })) }),
  ),
  serve(routes.replayDeadLetter, withFlushSecret, async ({ services: { flusher }, params }) => {
    const outcome = await flusher.replayDead(params.letter_id);
    if (outcome === 'not_found') throw notFound('there is no such dead letter');
    if (outcome !== 'replayed') {
      throw new ApiError(409, 'conflict', 'Postgres refuses it still', outcome.refused);
    }
    logInfo('dead_letter_replayed');
    return { status: outcome };
  }),
  serve(routes.discardDeadLetter, withFlushSecret, async ({ services: { buffer }, params }) => {
    const gone = await buffer.discardDead(params.letter_id);
    if (!gone) throw notFound('there is no such dead letter');
    return discardedJson(gone.letter.session_id, gone);
  }),
  serve(routes.discardDeadLetters, withFlushSecret, async ({ services: { buffer }, body }) =>
    discardedJson(body.session_id, await buffer.discardDeadOf(body.session_id, body.until)),
  ),
  serve(routes.redirty, withFlushSecret, ({ services: { buffer }, query: { cursor } }) =>
    buffer.redirtySome(cursor),
  ),
  serve(routes.flushSession, withFlushSecret, async ({ services: { flusher }, params }) =>
    sessionFlushJson(await flusher.flushSession(params.id)),
  ),
];
