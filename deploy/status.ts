/** The state of a deployed system, in a terminal. */
import { z } from 'zod';
import { ask, type Deployment, metric } from './deployment.ts';

export const STATUS_USAGE = `Usage: npm run status -- URL [--env-file FILE]

Says whether the stores of the system at URL answer, what waits for Postgres, and which writes Postgres refused.
It ends with status 1 where something is to be done. FLUSH_SECRET comes from the shell or the file.
`;

/** Sessions that wait longer than a turn of the cron should have flushed. */
const LATE_S = 120;
const SHOWN_LETTERS = 5;

const store = z.object({ ok: z.boolean(), latency_ms: z.number().optional(), error: z.string().optional() });
const healthSchema = z.object({ redis: store, postgres: store });
const lettersSchema = z.object({
  letters: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      at: z.string(),
      reason: z.object({ code: z.string(), message: z.string() }),
    }),
  ),
});

export interface Status {
  lines: string[];
  /** What is wrong; empty when all is well. */
  problems: string[];
}

/** @throws {DeployError} the Worker can't be reached, or refuses the secret. */
export async function readStatus(deployment: Deployment): Promise<Status> {
  const health = healthSchema.parse(JSON.parse(await ask(deployment, 'GET', '/health', [503])));
  const problems: string[] = [];
  const lines = Object.entries(health).map(([name, { ok, latency_ms: ms, error }]) => {
    if (!ok) problems.push(`${name} does not answer`);
    return row(name, ok ? `answers in ${Math.round(ms ?? 0)} ms` : (error ?? 'does not answer'));
  });
  // The figures and the letters are in Redis.
  if (!health.redis.ok) return { lines, problems };

  const metrics = await ask(deployment, 'GET', '/metrics');
  const figure = (name: string) => metric(metrics, name);
  const [dirty, ageS, letters] = [
    figure('dirty_sessions'),
    Math.round(figure('oldest_dirty_age_seconds')),
    figure('dead_letters'),
  ];
  if (ageS > LATE_S) problems.push(`${dirty} sessions wait for Postgres, one for ${ageS} s`);
  if (letters > 0) problems.push(`${letters} dead letters wait to be looked at`);
  lines.push(
    row(
      'waiting',
      dirty === 0 ? 'nothing: Postgres holds everything' : `${dirty} sessions, one for ${ageS} s`,
    ),
    row(
      'committed',
      `${figure('commits_total')} times: ${figure('edits_total')} edits, ${figure('messages_total')} messages`,
    ),
    row(
      'flushed',
      `${figure('flushes_total')} batches: ${figure('flushed_sessions_total')} sessions, ${figure('flushed_messages_total')} messages`,
    ),
    row('failed', `${figure('flush_failures_total')} sweeps that a store cut short`),
    row('letters', letters === 0 ? 'none' : `${letters} that Postgres refused`),
  );
  if (letters > 0) lines.push(...(await newestLetters(deployment)));
  return { lines, problems };
}

async function newestLetters(deployment: Deployment): Promise<string[]> {
  const path = `/flush/dead?limit=${SHOWN_LETTERS}`;
  const { letters } = lettersSchema.parse(JSON.parse(await ask(deployment, 'GET', path)));
  return letters.map(({ id, kind, at, reason }) =>
    row('', `${at} ${kind} ${id}: ${reason.code}, ${reason.message}`),
  );
}

function row(name: string, text: string): string {
  return `${name.padEnd(10)} ${text}`;
}
