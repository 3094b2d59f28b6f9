/** Asks an HTTP server whether it is up. */
import type { ReadyContext } from '../part.ts';
import { messageOf, StackError } from '../errors.ts';
import { setTimeout as delay } from 'node:timers/promises';

const REQUEST_TIMEOUT_MS = 5_000;
const PAUSE_MS = 100;

/**
 * Resolves once `url` answers with a status that `isReady` accepts.
 * @throws {StackError} with the last answer, or whatever the signal is aborted with.
 */
export async function waitForHttp(
  url: string,
  { signal }: Pick<ReadyContext, 'signal'>,
  isReady: (status: number) => boolean,
): Promise<void> {
  let last = 'no answer';
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]) });
      const body = await response.text();
      if (isReady(response.status)) return;
      last = `${response.status} ${body.slice(0, 500)}`;
    } catch (error) {
      last = messageOf(error);
    }
    if (signal.aborted) throw new StackError(`${messageOf(signal.reason)}; GET ${url}: ${last}`);
    await delay(PAUSE_MS);
  }
}
