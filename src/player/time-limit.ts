/**
 * Stops code that runs for too long without giving the browser its turn. A sandboxed frame has no process of
 * its own everywhere: an endless loop in a pattern would freeze the page around it.
 *
 * The transpiler puts a call of `check` into every loop and function of a pattern (`checks.ts`), and every
 * query of a pattern makes one (`query-limits.ts`), as do the loops of the library. Time counts from the last
 * `begin`.
 */
import { PatternFailure } from './failure.ts';

declare global {
  /** What the build puts into every loop and function of Strudel's own code (`deploy/library-checks.ts`). */
  var $bb: (() => void) | undefined;
}

/** How long a pattern may run at a stretch. While it lasts, the page may not react. */
export const MAX_STRETCH_MS = 2_000;

/** A look at the clock costs more than most of the library's functions. */
const TICKS_PER_CHECK = 8;

export class TimeLimit {
  readonly #now: () => number;
  readonly #maxMs: number;
  #endMs: number;
  #ticks = 0;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now(), maxMs = MAX_STRETCH_MS) {
    this.#now = now;
    this.#maxMs = maxMs;
    this.#endMs = now() + maxMs;
  }

  /** A new stretch begins: called at the start of every task. */
  begin(maxMs = this.#maxMs): void {
    this.#endMs = this.#now() + maxMs;
  }

  /**
   * @param offset where in the code the loop or function is; null in a query
   * @throws {PatternFailure} `too_long`, once the stretch's time is over, and at each call from then on, so
   *   that code which catches it gets no further.
   */
  readonly check = (offset: number | null = null): void => {
    if (this.#now() <= this.#endMs) return;
    const what = offset === null ? 'The pattern takes too long to compute.' : 'This takes too long.';
    throw new PatternFailure('too_long', `${what} Is there an endless loop?`, offset);
  };

  /** Has Strudel's own code make a check now and then. */
  coverLibrary(): void {
    globalThis.$bb = () => {
      this.#ticks = (this.#ticks + 1) % TICKS_PER_CHECK;
      if (this.#ticks === 0) this.check();
    };
  }
}
