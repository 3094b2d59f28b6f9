/**
 * The Cron Trigger's turn: it sweeps what is dirty, ends inactive sessions, and deletes those that ended long
 * ago.
 */
import type { Flusher, SweeperRun } from '../write-behind/flusher.ts';
import { endInactive, INACTIVE_REQUESTS, type InactivePorts, type InactiveRun } from './inactive-sessions.ts';
import { describeUnexpected, logError, logInfo } from './log.ts';
import { deleteEnded, type RetentionPorts, type RetentionRun } from './retention.ts';

/**
 * The next turn comes a minute after this one. With many sessions dirty a turn sweeps every few seconds. Its
 * last sweep is so late that a session which becomes dirty after it doesn't wait longer than usual for the
 * next turn.
 */
const TURN_MS = 58_000;

/**
 * What a turn works with. The budget and the storage behind the ports are made anew for each turn: one counts
 * the other.
 */
export type TurnPorts = Omit<InactivePorts, 'flusher'> & {
  flusher: Pick<Flusher, 'runTurn' | 'flushSessions'>;
  room: RetentionPorts['room'];
  retention: Pick<RetentionPorts, 'mark' | 'days' | 'directory' | 'accounts'>;
};

/** What a turn did. `requests` are those of the whole turn, with those to rooms. */
export interface CronRun extends SweeperRun {
  /** Null when no session was found inactive. */
  ending: InactiveRun | null;
}

/**
 * Sweeps, then ends the sessions that the sweep found inactive, with the requests that the budget has left.
 * Each of the two logs one line if it did something, failed, or ran out of requests.
 * @param scheduledMs when the turn was due, in milliseconds since the epoch.
 * @throws an error that isn't a store's or a room's, so that the platform counts the turn as failed.
 */
export async function cronTurn(ports: TurnPorts, scheduledMs: number): Promise<CronRun> {
  const { flusher, budget } = ports;
  try {
    const turn = { untilMs: scheduledMs + TURN_MS, budget, endingRequests: INACTIVE_REQUESTS };
    const run = await flusher.runTurn(turn);
    logSweep(run);
    const ending = run.inactive.length > 0 ? await endInactive(run.inactive, ports) : null;
    if (ending !== null) logInactive(ending, budget.used);
    const retention = await deleteEnded({ ...ports, ...ports.retention }, scheduledMs);
    if (retention !== null) logRetention(retention);
    return { ...run, ending, requests: budget.used };
  } catch (error) {
    logError('sweep_failed', describeUnexpected(error));
    throw error;
  }
}

function logSweep(run: SweeperRun): void {
  const { outcome, requests, sweeps, sessions, messages, deadLetters, undelivered } = run;
  const { busy, transactions, failures } = run;
  const fields = {
    outcome,
    requests,
    sweeps,
    sessions,
    messages,
    dead_letters: deadLetters,
    undelivered,
    busy,
    transactions,
    failures,
    last_failure: run.lastFailure,
  };
  if (failures > 0 || deadLetters > 0 || undelivered > 0) logError('sweep', fields);
  else if (sessions > 0 || messages > 0 || busy > 0 || outcome === 'out_of_requests')
    logInfo('sweep', fields);
}

function logRetention({ deleted, untold, failure }: RetentionRun): void {
  const fields = { deleted, untold, failure };
  if (failure !== null || untold > 0) logError('retention', fields);
  else if (deleted > 0) logInfo('retention', fields);
}

/** @param requests of the whole turn. */
function logInactive({ ended, untold, left, expired, failure }: InactiveRun, requests: number): void {
  const fields = { ended, untold, left, expired, failure, requests };
  if (untold > 0 || failure !== null) logError('inactive_sessions', fields);
  else if (ended > 0 || expired > 0 || left > 0) logInfo('inactive_sessions', fields);
}
