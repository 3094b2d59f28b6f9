/** How long a test waits for what is to come: only to end what hangs, as a busy machine is no failure. */
export const PATIENCE_MS = 60_000;

/** For `vi.waitUntil` and `expect.poll`. */
export const WAIT = { timeout: PATIENCE_MS, interval: 50 };
