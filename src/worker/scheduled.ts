/** The Cron Trigger's turn: the sweeper. */
import type { Flusher } from '../buffer/flusher.ts';
import { describeUnexpected, logError, logInfo } from './log.ts';

/** The next turn comes a minute after this one; the rest of the minute is for the batch that is under way. */
const TURN_MS = 55_000;

/**
 * Sweeps until the turn is over. Logs one line when something was flushed or failed, none when there was nothing to do.
 * @param scheduledMs when the turn was due, in milliseconds since the epoch.
 * @throws whatever isn't a store's failure, so that the platform counts the turn as failed.
 */
export async function sweepTurn(flusher: Pick<Flusher, 'runSweeper'>, scheduledMs: number): Promise<void> {
  try {
    const run = await flusher.runSweeper(scheduledMs + TURN_MS);
    const { outcome, sweeps, sessions, messages, busy, transactions, failures, lastFailure } = run;
    const { deadLetters } = run;
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
  } catch (error) {
    logError('sweep_failed', describeUnexpected(error));
    throw error;
  }
}
