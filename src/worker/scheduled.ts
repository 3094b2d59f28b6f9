/** The Cron Trigger's turn: the sweeper, then the sessions that nobody uses any more. */
import type { Flusher, SweeperRun } from '../buffer/flusher.ts';
import { endInactive, type InactivePorts, type InactiveRun } from './inactive-sessions.ts';
import { describeUnexpected, logError, logInfo } from './log.ts';

/**
 * The next turn comes a minute after this one. Every few seconds within it there is a sweep, the last one so late that what becomes dirty
 * after it doesn't wait longer than usual for the next turn's first.
 */
const TURN_MS = 58_000;

export type TurnPorts = Omit<InactivePorts, 'flusher'> & {
  flusher: Pick<Flusher, 'runSweeper' | 'flushSessions'>;
};

/**
 * Sweeps until the turn is over, and ends the sessions it found inactive. Logs one line for each of the two that did something or
 * failed, none when there was nothing to do.
 * @param scheduledMs when the turn was due, in milliseconds since the epoch.
 * @throws whatever isn't a store's or a room's failure, so that the platform counts the turn as failed.
 */
export async function cronTurn(ports: TurnPorts, scheduledMs: number): Promise<SweeperRun> {
  try {
    const run = await ports.flusher.runSweeper(scheduledMs + TURN_MS);
    logSweep(run);
    if (run.inactive.length > 0) logInactive(await endInactive(run.inactive, ports));
    return run;
  } catch (error) {
    logError('sweep_failed', describeUnexpected(error));
    throw error;
  }
}

function logSweep(run: SweeperRun): void {
  const { outcome, sweeps, sessions, messages, deadLetters, busy, transactions, failures, lastFailure } = run;
  const fields = {
    outcome,
    sweeps,
    sessions,
    messages,
    dead_letters: deadLetters,
    busy,
    transactions,
    failures,
    last_failure: lastFailure,
  };
  if (failures > 0 || deadLetters > 0) logError('sweep', fields);
  else if (sessions > 0 || messages > 0 || busy > 0) logInfo('sweep', fields);
}

function logInactive({ ended, untold, expired, failure }: InactiveRun): void {
  const fields = { ended, untold, expired, failure };
  if (untold > 0 || failure !== null) logError('inactive_sessions', fields);
  else if (ended > 0 || expired > 0) logInfo('inactive_sessions', fields);
}
