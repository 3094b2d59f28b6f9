/** Whose turn it is on an engine that has one session for all. */

/** Ends the turn. Calling it again does nothing. */
export type EndTurn = () => void;

/** First come, first served; a turn lasts until it is ended. */
export class Turns {
  #busy = false;
  readonly #queue: (() => void)[] = [];

  /** How many wait for the turn that is being had. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Waits for the turn; the caller must end it. */
  async take(): Promise<EndTurn> {
    if (this.#busy) await new Promise<void>((go) => this.#queue.push(go));
    this.#busy = true;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const next = this.#queue.shift();
      // Handed straight on, so that no caller who asks in between can slip in ahead.
      if (next === undefined) this.#busy = false;
      else next();
    };
  }
}
