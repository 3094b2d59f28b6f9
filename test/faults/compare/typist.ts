/**
 * Somebody who types line after line into one document, at moments that a seed repeats, and notes which of
 * them they saw as saved.
 */
import type { Random } from '../random.ts';

const MEAN_GAP_MS = 500;
const FILLER_CHARS = 40;

export interface TypedLine {
  text: string;
  /** When its client showed it as saved, in milliseconds since the epoch; null while it hasn't. */
  savedAtMs: number | null;
}

export class Typist {
  readonly lines: TypedLine[] = [];
  readonly #random: Random;
  readonly #write: (line: string) => void;
  #isTyping = false;

  /** @param write puts one more line at the document's end. */
  constructor(random: Random, write: (line: string) => void) {
    this.#random = random;
    this.#write = write;
  }

  start(): void {
    this.#isTyping = true;
    this.#later();
  }

  stop(): void {
    this.#isTyping = false;
  }

  /** The client shows the first `count` lines as saved. */
  saved(count: number): void {
    const nowMs = Date.now();
    for (const line of this.lines.slice(0, count)) line.savedAtMs ??= nowMs;
  }

  #later(): void {
    setTimeout(() => {
      if (!this.#isTyping) return;
      const text = `line ${this.lines.length} ${'x'.repeat(this.#random.int(1, FILLER_CHARS))}`;
      this.lines.push({ text, savedAtMs: null });
      this.#write(text);
      this.#later();
    }, this.#random.gapMs(MEAN_GAP_MS));
  }
}
