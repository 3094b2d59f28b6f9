/**
 * The three clocks of a player: the room's (all participants'), this computer's, and the audio's, in which
 * sounds are scheduled.
 */

/** `AudioContext.currentTime` moves in steps: within this time one sample of it is fresh. */
const WINDOW_MS = 2_000;

export class Clocks {
  readonly #now: () => number;
  #offsetMs = 0;
  /** The newest lead of the audio clock over this computer's, of each sample in the window. */
  #samples: { atMs: number; leadMs: number }[] = [];

  /** @param now this computer's clock: `Date.now` */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param offsetMs how far the room's clock is ahead of this computer's */
  setOffset(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  roomMs(): number {
    return this.#now() + this.#offsetMs;
  }

  /** Compares the audio's clock with this computer's; called often while it plays. */
  sample(audioSeconds: number): void {
    const atMs = this.#now();
    // A step of the computer's clock shows as a jump: earlier samples are worth nothing then.
    const leadMs = audioSeconds * 1_000 - atMs;
    const isJump = this.#samples.some((sample) => Math.abs(sample.leadMs - leadMs) > WINDOW_MS / 4);
    const recent = isJump ? [] : this.#samples.filter((sample) => atMs - sample.atMs < WINDOW_MS);
    this.#samples = [...recent, { atMs, leadMs }];
  }

  /** The audio's time, in seconds, at a time of the room's clock. */
  audioSecondsAt(roomMs: number): number {
    // What was read late after a step of the audio clock seems behind: the greatest lead is right.
    const leadMs = Math.max(...this.#samples.map((sample) => sample.leadMs));
    return (roomMs - this.#offsetMs + leadMs) / 1_000;
  }
}
