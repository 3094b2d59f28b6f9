/**
 * When edits arrive at those who watch. An audience is sent several edits as one frame, so a frame stands for
 * all revisions since the one before. What a revision is, those who type are told, each by itself, and maybe
 * later than those who watch: then it is counted when that is known. Pure.
 */

interface Arrival {
  /** The revision before, and that of the frame. */
  after: number;
  rev: number;
  atMs: number;
}

export class Arrivals {
  readonly #sentAtMs = new Map<number, number>();
  /** In the order in which they were learned, which is nearly theirs. */
  readonly #revs: number[] = [];
  #waiting: Arrival[] = [];
  readonly #record: (latencyMs: number) => void;

  constructor(record: (latencyMs: number) => void) {
    this.#record = record;
  }

  /** An edit that was sent then has become this revision. */
  became(rev: number, sentAtMs: number): void {
    this.#sentAtMs.set(rev, sentAtMs);
    this.#revs.push(rev);
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const arrival of waiting) this.#take(arrival);
  }

  /** One who watches was sent a frame. */
  arrived(after: number, rev: number, atMs: number): void {
    this.#take({ after, rev, atMs });
  }

  #take(arrival: Arrival): void {
    if (!this.#sentAtMs.has(arrival.rev)) {
      this.#waiting.push(arrival);
      return;
    }
    for (let at = this.#revs.length - 1; at >= 0; at -= 1) {
      const rev = this.#revs[at] ?? 0;
      if (rev <= arrival.after) return;
      if (rev <= arrival.rev) this.#record(arrival.atMs - (this.#sentAtMs.get(rev) ?? arrival.atMs));
    }
  }
}
