/** When a room commits next. Pure: the decision alone, no clock and no timer. */

export interface PaceOptions {
  /** Bounds of the pause between the starts of two commits, in milliseconds; a slow store makes it longer. */
  minMs: number;
  maxMs: number;
  /** Commits a second that all rooms together aim at, at most. */
  targetPerS: number;
}

/** What the last commit told of the load. */
export interface Load {
  /** Dirty sessions in the whole system: about as many rooms are committing. */
  dirtySessions: number;
  /** How long the last commit took, in milliseconds. */
  latencyMs: number;
}

/**
 * How much earlier or later than its share of the store a commit may be, so that it falls together with an
 * edit.
 */
const SLACK = 0.1;
/** How many times the longest pause of the options a slow store may make it. */
const MOST_REST = 4;

/** When after the start of the last commit the next one may start, in milliseconds. */
export interface CommitWindow {
  /** From here on it goes with the first edit or message that arrives. */
  fromMs: number;
  /** If none does, it goes now. */
  toMs: number;
}

/**
 * The window for a room's next commit.
 *
 * Rooms don't talk to each other, but every commit reports how many sessions are dirty. If each of n busy
 * rooms pauses n / target seconds, all of them together make `target` commits a second, however many there
 * are. A store that answers slowly is given as much rest as it took, beyond the longest pause, too: so rooms
 * that wait for one another have time to read what clients send. That a commit waits a little for an
 * edit, or goes a little earlier with one, spares the last edit of a batch the time until a timer, and the
 * room being woken by it.
 */
export function commitWindow(load: Load, options: PaceOptions): CommitWindow {
  const shareMs = (load.dirtySessions * 1000) / options.targetPerS;
  const restMs = Math.min(load.latencyMs * 2, options.maxMs * MOST_REST);
  const within = (ms: number) => Math.min(options.maxMs, Math.max(options.minMs, ms));
  const pauseMs = (factor: number) => Math.max(within(shareMs * factor), restMs * factor);
  return { fromMs: pauseMs(1 - SLACK), toMs: pauseMs(1 + SLACK) };
}
