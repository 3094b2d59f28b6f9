import type { SessionClient, Snapshot } from './session-client.ts';

/**
 * Waits until a client's snapshot fits: for tests, benchmarks and scripts.
 * @param timeoutMs by default 10 s.
 * @throws {Error} when it doesn't come about in time; the message holds `what` and the last snapshot.
 */
export function until(
  client: SessionClient,
  fits: (snapshot: Snapshot) => boolean,
  what: string,
  timeoutMs = 10_000,
): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unsubscribe();
      reject(new Error(`waited ${timeoutMs} ms for ${what}; last: ${JSON.stringify(client.snapshot)}`));
    }, timeoutMs);
    const check = (snapshot: Snapshot): void => {
      if (!fits(snapshot)) return;
      clearTimeout(timer);
      unsubscribe();
      resolve(snapshot);
    };
    const unsubscribe = client.subscribe(check);
    check(client.snapshot);
  });
}
