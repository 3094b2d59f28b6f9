/**
 * Asks again and again, one question at a time, and not while the tab is hidden: an open tab must cost next
 * to nothing.
 */
interface PollerOptions<T> {
  ask(): Promise<T>;
  /** From an answer to the next question, in milliseconds. */
  everyMs: number;
  onAnswer(answer: T): void;
  onFailure(error: unknown): void;
}

export class Poller<T> {
  readonly #options: PollerOptions<T>;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isAsking = false;
  #isPaused = false;
  #isStopped = false;
  #dueMs = 0;

  constructor(options: PollerOptions<T>) {
    this.#options = options;
  }

  /** Asks now, unless it is asking or paused. */
  askNow(): void {
    this.#dueMs = 0;
    this.#schedule();
  }

  /** While paused it asks nothing; afterwards at once, if it would have meanwhile. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#schedule();
  }

  /** Ends it: an answer that is under way is dropped. */
  stop(): void {
    this.#isStopped = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isStopped || this.#isPaused || this.#isAsking) return;
    this.#timer = setTimeout(() => void this.#ask(), Math.max(0, this.#dueMs - Date.now()));
  }

  async #ask(): Promise<void> {
    const { ask, everyMs, onAnswer, onFailure } = this.#options;
    this.#isAsking = true;
    try {
      const answer = await ask();
      if (!this.#isStopped) onAnswer(answer);
    } catch (error) {
      if (!this.#isStopped) onFailure(error);
    }
    this.#isAsking = false;
    this.#dueMs = Date.now() + everyMs;
    this.#schedule();
  }
}
