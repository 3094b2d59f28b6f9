/** A bound on how long something is waited for. */

/** It took too long. The work that was waited for goes on. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** What `promise` resolves with. @throws {TimeoutError} when it isn't settled after this time. */
export async function withTimeout<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`not done within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
