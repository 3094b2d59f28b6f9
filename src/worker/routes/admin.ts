/**
 * The operator's page and what it shows. The page itself holds nothing secret: every caller may have it; its
 * data needs the flush secret.
 *
 * The page asks every few seconds, so what it asks is one Redis command and no Postgres query: Neon's compute
 * goes to sleep after five minutes without one.
 */
import { Hono } from 'hono';
import type { z } from 'zod';
import { getSystemHistory, getSystemStatus } from '../../protocol/http/operation.ts';
import { withFlushSecret } from '../auth.ts';
import { briefCache } from '../brief-cache.ts';
import type { AppEnv } from '../env.ts';
import { ApiError, notFound } from '../errors.ts';
import { findingsOf } from '../findings.ts';
import { describeUnexpected, logError } from '../log.ts';
import { asPage } from '../page-headers.ts';
import { type Served, serve } from '../serve.ts';
import type { Services } from '../services.ts';
import { type Watched, watchedSchema } from '../watch.ts';
import { systemSampleJson, systemStatusJson } from '../wire.ts';

const KEEP_FIGURES_MS = 1_000;
/** The sweeper learns something new once a minute; asking it is billed, and so is its time. */
const KEEP_WATCHED_MS = 30_000;

/** @throws when the sweeper is out of reach. */
async function askSweeper({ sweeper }: Services): Promise<Watched> {
  const response = await sweeper.fetch('/watched', { method: 'GET' });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the sweeper answered ${response.status}`);
  }
  return watchedSchema.parse(await response.json());
}

/** Null when the sweeper is out of reach: then it isn't known since when something is wrong. */
async function watchedOrNull(ask: Promise<Watched>): Promise<Watched | null> {
  try {
    return await ask;
  } catch (error) {
    logError('sweeper_unavailable', describeUnexpected(error));
    return null;
  }
}

export function adminRoutes(): Served[] {
  const read = briefCache(async ({ system }: Services) => {
    const nowMs = Date.now();
    return { nowMs, figures: await system.read(nowMs) };
  }, KEEP_FIGURES_MS);
  const ask = briefCache(askSweeper, KEEP_WATCHED_MS);
  return [
    serve(getSystemStatus, withFlushSecret, async ({ services }): Promise<SystemStatus> => {
      const [{ nowMs, figures }, watched] = await Promise.all([read(services), watchedOrNull(ask(services))]);
      const failures = watched?.failures ?? { turns: 0, reason: null };
      const findings = findingsOf(figures, failures, services.thresholds);
      return systemStatusJson({ nowMs, figures, findings, raised: watched?.raised ?? {} });
    }),
    serve(getSystemHistory, withFlushSecret, async ({ services }) => {
      const watched = await watchedOrNull(ask(services));
      if (!watched) throw new ApiError(503, 'server_error', 'the sweeper is out of reach, try again');
      return { samples: watched.samples.map(systemSampleJson) };
    }),
  ];
}
type SystemStatus = z.infer<typeof getSystemStatus.reply>;

/** Where the build puts the page, as the hosts' asset servers name it. */
const PAGE = '/admin';

/** The page. Its path is the Worker's, so the Worker sends the file. */
export const adminPage = new Hono<AppEnv>().get(PAGE, async (c) => {
  const file = await c.var.services.assets.fetch(PAGE);
  if (!file?.ok) {
    await file?.body?.cancel();
    throw notFound('this server has no page for operators');
  }
  return asPage(file);
});
