/** Time as a parameter, so that tests can hold it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Returns what calls it off. */
  setTimeout(task: () => void, delayMs: number): () => void;
}
