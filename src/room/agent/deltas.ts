/** The pieces of an answer on their way to those who read along. */

/** Models stream dozens of pieces a second. No reader is faster for getting each in a frame of its own. */
const DELTA_INTERVAL_MS = 50;

/** Joins the pieces of an answer, so that they are sent at a bounded rate. */
export class Deltas {
  readonly #send: (text: string, attempt: number) => void;
  #text = '';
  #attempt = 1;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(send: (text: string, attempt: number) => void) {
    this.#send = send;
  }

  add(text: string, attempt: number): void {
    if (attempt !== this.#attempt) this.flush();
    this.#attempt = attempt;
    this.#text += text;
    this.#timer ??= setTimeout(() => this.flush(), DELTA_INTERVAL_MS);
  }

  /** The attempt of the newest piece. */
  get attempt(): number {
    return this.#attempt;
  }

  flush(): void {
    this.close();
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.#send(text, this.#attempt);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
