/** When an account's token is renewed. */

/** Before its end: requests take a while, and two machines' clocks run differently. */
const MARGIN_MS = 120_000;
/** Of a token that lives shortly, this part is left then. */
const MARGIN_PART = 1 / 4;

/**
 * Whether a token is to be renewed. Its own times are of the server's clock, which this device's may be hours
 * from: only how long it lives counts, from when this browser got it.
 * @param tokenAtMs by this device's clock; null: it isn't known.
 */
export function isRenewalDue(
  { lifetimeMs, tokenAtMs }: { lifetimeMs: number; tokenAtMs: number | null },
  nowMs: number,
): boolean {
  // A clock that was set back says nothing of how old the token is.
  if (tokenAtMs === null || nowMs < tokenAtMs) return true;
  return nowMs >= tokenAtMs + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs * MARGIN_PART);
}
