/**
 * Flushes a deployed system until Postgres holds everything: before its Worker is renamed, moved or deleted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DeployError, reasonOf } from './errors.ts';

export const DRAIN_USAGE = `Usage: npm run drain -- URL [--env-file FILE]

Flushes the system at URL until Postgres holds everything: before its Worker is renamed, moved to another host or
deleted. Ask its people to stop first. FLUSH_SECRET comes from the shell or the file.
`;

const REQUEST_TIMEOUT_MS = 60_000;
/** Metrics may be this old: the Worker keeps its answer for a moment. */
const METRICS_AGE_MS = 1_500;
/** Sweeps without any progress after which it gives up. */
const MAX_IDLE_SWEEPS = 5;

const sweepSchema = z.object({ sessions: z.number(), messages: z.number(), dead_letters: z.number() });

export interface DrainTarget {
  /** Origin of the deployed Worker. */
  url: string;
  flushSecret: string;
}

/**
 * Sweeps until nothing is dirty.
 * @param note is told of each sweep.
 * @param waitMs between a sweep and reading what is left.
 * @throws {DeployError} when the Worker can't be asked, or when sweeps get no further.
 */
export async function drain(
  target: DrainTarget,
  note: (line: string) => void,
  waitMs = METRICS_AGE_MS,
): Promise<void> {
  let idle = 0;
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const sweep = sweepSchema.parse(JSON.parse(await ask(target, 'POST', '/flush')));
    await sleep(waitMs);
    const dirty = metric(await ask(target, 'GET', '/metrics'), 'dirty_sessions');
    const { sessions, messages, dead_letters: letters } = sweep;
    note(`flushed ${sessions} sessions and ${messages} messages; ${dirty} sessions are left`);
    if (letters > 0) note(`${letters} writes went to the dead letters: see GET /flush/dead`);
    if (dirty === 0) return;
    idle = dirty < before || sessions > 0 ? 0 : idle + 1;
    before = dirty;
    if (idle >= MAX_IDLE_SWEEPS) {
      throw new DeployError(`${dirty} sessions stay dirty: see the Worker's log for what fails`);
    }
  }
}

function metric(text: string, name: string): number {
  const value = new RegExp(`^backbeat_${name} (\\d+)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new DeployError(`/metrics doesn't tell ${name}: is this a Backbeat Worker?`);
  return Number(value);
}

/** @throws {DeployError} */
export async function ask({ url, flushSecret }: DrainTarget, method: string, path: string): Promise<string> {
  const address = new URL(path, url);
  try {
    const response = await fetch(address, {
      method,
      headers: { authorization: `Bearer ${flushSecret}` },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (response.ok) return await response.text();
    await response.body?.cancel();
    const hint = response.status === 401 ? ': FLUSH_SECRET is not this Worker’s' : '';
    throw new DeployError(`${method} ${address.href} answered ${response.status}${hint}`);
  } catch (error) {
    if (error instanceof DeployError) throw error;
    throw new DeployError(`${method} ${address.href}: ${reasonOf(error)}`);
  }
}
