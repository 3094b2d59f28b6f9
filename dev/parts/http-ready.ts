/** Asks an HTTP server whether it is up. */
import { messageOf } from '../errors.ts';
import { pollUntil, type ReadyContext } from '../part.ts';

const REQUEST_TIMEOUT_MS = 5_000;
/** How much of an answer an error quotes. */
const QUOTED_CHARACTERS = 500;

/**
 * Resolves once `url` answers with a status that `isReady` accepts.
 * @throws whatever the context's signal is aborted with.
 */
export function waitForHttp(
  url: string,
  { signal, report }: Pick<ReadyContext, 'signal' | 'report'>,
  isReady: (status: number) => boolean,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
): Promise<void> {
  return pollUntil(signal, async () => {
    // Not AbortSignal.timeout(): below AbortSignal.any() it may be collected before its time
    // (nodejs/node#57736).
    const slow = new AbortController();
    const timer = setTimeout(() => slow.abort(new Error('no answer in time')), requestTimeoutMs);
    try {
      const response = await fetch(url, { signal: AbortSignal.any([signal, slow.signal]) });
      const body = await response.text();
      report(`GET ${url} gives ${response.status} ${body.slice(0, QUOTED_CHARACTERS)}`);
      return isReady(response.status);
    } catch (error) {
      report(`GET ${url}: ${messageOf(error)}`);
      return false;
    } finally {
      clearTimeout(timer);
    }
  });
}
