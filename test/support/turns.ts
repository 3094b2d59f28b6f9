/** Turns of the sweeper, for tests of what is made of them. */
import type { SweeperRun } from '../../src/write-behind/flusher.ts';

/** One in which nothing was dirty. */
export const IDLE_RUN: SweeperRun = {
  sessions: 0,
  messages: 0,
  deadLetters: 0,
  undelivered: 0,
  busy: 0,
  transactions: 0,
  inactive: [],
  outcome: 'idle',
  sweeps: 0,
  failures: 0,
  lastFailure: null,
  requests: 1,
};
