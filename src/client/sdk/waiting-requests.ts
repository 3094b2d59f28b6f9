/** Requests that wait for the room's answer, by their id. */
import type { ErrorCode } from '../../protocol/index.ts';

/**
 * The room refused a request, or didn't answer: then whether it took effect is for the next state to tell.
 */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  constructor(
    readonly code: ErrorCode | 'disconnected',
    message: string,
  ) {
    super(message);
  }
}

interface Waiting {
  resolve: () => void;
  reject: (error: RequestError) => void;
}

export class WaitingRequests {
  readonly #waiting = new Map<string, Waiting>();

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** @returns a promise of the answer to `requestId`; it rejects with a {@link RequestError}. */
  wait(requestId: string): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.set(requestId, { resolve, reject }));
  }

  /** True when a caller waited for it. */
  answered(requestId: string): boolean {
    const waiting = this.#take(requestId);
    waiting?.resolve();
    return waiting !== undefined;
  }

  /** True when a caller waited for it. */
  refused(requestId: string, code: RequestError['code'], message: string): boolean {
    const waiting = this.#take(requestId);
    waiting?.reject(new RequestError(code, message));
    return waiting !== undefined;
  }

  /** The connection is gone, and with it every answer. */
  disconnected(): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new RequestError('disconnected', 'the connection was lost'));
    }
    this.#waiting.clear();
  }

  #take(requestId: string): Waiting | undefined {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    return waiting;
  }
}
