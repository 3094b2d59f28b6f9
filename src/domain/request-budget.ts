/** How many requests a piece of work may send. */

/** There are no requests left; the one that was asked for was not sent. */
export class RequestBudgetError extends Error {
  override readonly name = 'RequestBudgetError';
  constructor() {
    super('no requests left');
  }
}

/**
 * Counts the requests that a piece of work sends, and stops it at a bound. Cloudflare ends an event that
 * sends more than its plan allows (50 on the free one) at whatever point it has reached; work that counts
 * ends where it can be resumed.
 *
 * Whatever sends a request calls {@link RequestBudget.spend} first: the storage's HTTP clients for each
 * attempt, a caller of rooms for each room. A budget is for one piece of work and is never refilled.
 */
export class RequestBudget {
  readonly maxRequests: number;
  #used = 0;
  #isExceeded = false;

  constructor(maxRequests: number) {
    this.maxRequests = maxRequests;
  }

  get used(): number {
    return this.#used;
  }

  get left(): number {
    return this.maxRequests - this.#used;
  }

  /** True once a request has been refused. */
  get isExceeded(): boolean {
    return this.#isExceeded;
  }

  /** True when so many requests are left. */
  affords(requests: number): boolean {
    return this.left >= requests;
  }

  /**
   * Takes one request, which the caller sends next.
   * @throws {RequestBudgetError} none is left.
   */
  spend(): void {
    if (this.left < 1) {
      this.#isExceeded = true;
      throw new RequestBudgetError();
    }
    this.#used += 1;
  }
}

/** For work that isn't bounded. */
export const unlimitedBudget = (): RequestBudget => new RequestBudget(Number.POSITIVE_INFINITY);
