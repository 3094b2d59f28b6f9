/**
 * A circuit breaker: after some failures in a row a service is left alone for a while, so that every caller
 * doesn't wait for its time limit; then one call tries it again.
 *
 * Our own because the well-kept ones can't be loaded here: cockatiel aborts a signal in global scope, which
 * workerd forbids, and opossum needs Node's events and timers.
 */
export class CircuitBreaker {
  readonly #failures: number;
  readonly #retryMs: number;
  readonly #isFailure: (error: unknown) => boolean;
  readonly #now: () => number;
  #failuresInRow = 0;
  /** When a call may try again, in milliseconds; null while the circuit is closed. */
  #retryAtMs: number | null = null;

  /**
   * @param options.failures failures in a row that open the circuit.
   * @param options.retryMs how long it stays open, in milliseconds.
   * @param options.isFailure errors that speak of the service's health; others pass through uncounted.
   */
  constructor(options: {
    failures: number;
    retryMs: number;
    isFailure: (error: unknown) => boolean;
    now?: () => number;
  }) {
    this.#failures = options.failures;
    this.#retryMs = options.retryMs;
    this.#isFailure = options.isFailure;
    this.#now = options.now ?? Date.now;
  }

  /** True when a call would be tried now. Claims the one try that an open circuit allows each `retryMs`. */
  tryEnter(): boolean {
    if (this.#retryAtMs === null) return true;
    const now = this.#now();
    if (now < this.#retryAtMs) return false;
    this.#retryAtMs = now + this.#retryMs;
    return true;
  }

  /** Counts what became of a call that was let in, and passes it on. */
  async watch<T>(call: Promise<T>): Promise<T> {
    try {
      const result = await call;
      this.#failuresInRow = 0;
      this.#retryAtMs = null;
      return result;
    } catch (error) {
      if (this.#isFailure(error)) {
        this.#failuresInRow += 1;
        if (this.#failuresInRow >= this.#failures) this.#retryAtMs = this.#now() + this.#retryMs;
      }
      throw error;
    }
  }
}
