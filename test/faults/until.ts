import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/** What was waited for didn't come in time. */
export class LateError extends Error {
  override readonly name = 'LateError';
}

/**
 * Resolves once `isSo` gives true; a throw counts as not yet.
 * @param what names it for the error; called when the time is over.
 * @throws {LateError}
 */
export async function until(
  what: string | (() => string),
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let last = '';
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error instanceof Error ? ` (${error.message})` : '';
    }
    if (Date.now() > deadline) {
      throw new LateError(
        `not within ${timeoutMs / 1000} s: ${typeof what === 'string' ? what : what()}${last}`,
      );
    }
    await delay(POLL_MS);
  }
}

/**
 * What `call` gives once it gives anything: it is repeated while it throws, as while another
 * fault has a store down.
 */
export async function patiently<T>(what: string, call: () => Promise<T>): Promise<T> {
  const given: T[] = [];
  await until(what, async () => given.push(await call()) > 0);
  for (const result of given) return result;
  throw new LateError(what);
}
