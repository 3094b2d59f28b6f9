/**
 * The one object that sweeps for the whole system. On a free plan it has 30 s of CPU, where a cron's invocation has 10 ms. The flush
 * routes ask it by requests and pass its answers on, so it answers as they do.
 */
import { Hono } from 'hono';
import { z } from 'zod';
import type { Flusher } from '../buffer/flusher.ts';
import { errorResponse } from './errors.ts';
import { body } from './input.ts';
import { cronTurn, type TurnPorts } from './scheduled.ts';
import { flushJson, sweeperRunJson } from './wire.ts';

export interface SweeperPorts extends TurnPorts {
  flusher: TurnPorts['flusher'] & Pick<Flusher, 'sweep'>;
}

export const turnBody = z.object({
  /** When the cron was due, in milliseconds since the epoch. */
  scheduled_ms: z.number().int(),
});

/** @param ports made anew for each request: what a turn may ask for is counted. */
export function createSweeper(ports: () => SweeperPorts) {
  const app = new Hono();
  app.onError(errorResponse);
  return app
    .post('/flush', async (c) => c.json(flushJson(await ports().flusher.sweep())))
    .post('/flush/turn', body(turnBody), async (c) =>
      c.json(sweeperRunJson(await cronTurn(ports(), c.req.valid('json').scheduled_ms))),
    );
}
