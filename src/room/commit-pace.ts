/** When a room commits next. Pure: the decision alone, no clock and no timer. */

export interface PaceOptions {
  /** Bounds of the pause between the starts of two commits, in milliseconds. */
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
 * The pause between the starts of two commits of one room, in milliseconds.
 *
 * Rooms don't talk to each other, but every commit reports how many sessions are dirty. If each of n busy rooms pauses
 * n / target seconds, all of them together make `target` commits a second, however many there are. A store that answers
 * slowly is given as much rest as it took.
 */
export function commitGapMs(load: Load, options: PaceOptions): number {
  const shareMs = (load.dirtySessions * 1000) / options.targetPerS;
  const restMs = load.latencyMs * 2;
  return Math.min(options.maxMs, Math.max(options.minMs, shareMs, restMs));
}
