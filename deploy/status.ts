/** The state of a deployed system, in a terminal: what the operator's page shows. */
import { getHealth, getSystemStatus, listDeadLetters } from '../src/protocol/http/operation.ts';
import { ask, type Deployment } from './deployment.ts';

export const STATUS_USAGE = `Usage: npm run status -- URL [--env-file FILE]

Says whether the stores of the system at URL answer, what waits for Postgres, what is used of the day's budgets, and
which writes Postgres refused. It ends with status 1 where something is to be done. FLUSH_SECRET comes from the shell
or the file.
`;

const SHOWN_LETTERS = 5;

export interface Status {
  lines: string[];
  /** What is wrong; empty when all is well. */
  problems: string[];
}

/** @throws {DeployError} the Worker can't be reached, or refuses the secret. */
export async function readStatus(deployment: Deployment): Promise<Status> {
  const health = getHealth.reply.parse(JSON.parse(await ask(deployment, 'GET', '/health', [503])));
  const problems: string[] = [];
  const lines = Object.entries({ redis: health.redis, postgres: health.postgres }).flatMap(
    ([name, store]) => {
      if (!store) return [];
      if (!store.ok) problems.push(`${name} does not answer`);
      const answer = store.ok
        ? `answers in ${Math.round(store.latency_ms)} ms`
        : (store.error ?? 'does not answer');
      return row(name, answer);
    },
  );
  const status = getSystemStatus.reply.parse(JSON.parse(await ask(deployment, 'GET', getSystemStatus.path)));
  problems.push(...status.alerts.map(({ message }) => message));
  // The other figures and the letters are in Redis.
  if (status.buffer === null) return { lines, problems };

  const { dirty_sessions: dirty, oldest_dirty_ms: oldestMs, dead_letters: letters, totals } = status.buffer;
  const ageS = Math.round(oldestMs / 1_000);
  lines.push(
    row(
      'waiting',
      dirty === 0 ? 'nothing: Postgres holds everything' : `${dirty} sessions, one for ${ageS} s`,
    ),
    row('committed', `${totals.commits} times: ${totals.edits} edits, ${totals.messages} messages`),
    row(
      'flushed',
      `${totals.flushes} batches: ${totals.flushed_sessions} sessions, ${totals.flushed_messages} messages`,
    ),
    row('failed', `${totals.flush_failures} sweeps that a store cut short`),
    ...status.budgets.map(({ name, used, limit }, index) =>
      row(index === 0 ? 'today' : '', `${name}: ${used} of ${limit}`),
    ),
    row('letters', letters === 0 ? 'none' : `${letters} that Postgres refused`),
  );
  if (letters > 0) lines.push(...(await newestLetters(deployment)));
  return { lines, problems };
}

async function newestLetters(deployment: Deployment): Promise<string[]> {
  const path = `${listDeadLetters.path}?limit=${SHOWN_LETTERS}`;
  const { letters } = listDeadLetters.reply.parse(JSON.parse(await ask(deployment, 'GET', path)));
  return letters.map(({ id, kind, at, reason }) =>
    row('', `${at} ${kind} ${id}: ${reason.code}, ${reason.message}`),
  );
}

function row(name: string, text: string): string {
  return `${name.padEnd(10)} ${text}`;
}
