/**
 * The one object that sweeps for the whole system. On a free plan an object has 30 s of CPU, and a cron's
 * invocation has 10 ms. The flush routes send it requests and pass its answers on, so it answers as they do.
 */
import { Hono } from 'hono';
import { z } from 'zod';
import type { Flusher } from '../write-behind/flusher.ts';
import { errorResponse } from './errors.ts';
import { cronTurn, type TurnPorts } from './scheduled.ts';
import { parse, readJson } from './serve.ts';
import type { Watch } from './watch.ts';
import { cronRunJson, flushJson } from './wire.ts';

interface SweeperPorts extends TurnPorts {
  flusher: TurnPorts['flusher'] & Pick<Flusher, 'sweep'>;
}

const turnBody = z.object({
  /** When the cron was due, in milliseconds since the epoch. */
  scheduled_ms: z.number().int(),
});

/**
 * @param ports made anew for each request, because they count the requests that they send. They send no more
 *   than `maxRequests`, if that is given.
 * @param maxTurnRequests the most requests that one turn of the cron may send.
 * @param watch looks after each turn, with requests of its own.
 */
export function createSweeper(
  ports: (maxRequests?: number) => SweeperPorts,
  maxTurnRequests: number,
  watch: Pick<Watch, 'afterTurn' | 'told'>,
) {
  const app = new Hono();
  app.onError(errorResponse);
  return app
    .get('/watched', async (c) => c.json(await watch.told()))
    .post('/flush', async (c) => c.json(flushJson(await ports().flusher.sweep())))
    .post('/flush/turn', async (c) => {
      const { scheduled_ms: scheduledMs } = parse(turnBody, await readJson(c), 'body');
      try {
        const run = await cronTurn(ports(maxTurnRequests), scheduledMs);
        await watch.afterTurn(run);
        return c.json(cronRunJson(run));
      } catch (error) {
        await watch.afterTurn(error instanceof Error ? error : new Error('not an error'));
        throw error;
      }
    });
}
