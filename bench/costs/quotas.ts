/** What the free plans carry; `deploy/platforms.json` has each document, and when it was last read. */
export const FREE = {
  /** Workers: invocations a day, and requests that one of them may make to the outside. */
  workerRequestsPerDay: 100_000,
  subrequestsPerInvocation: 50,
  /** Durable Objects, all of an account's together, a day. */
  objectRequestsPerDay: 100_000,
  objectGbSecondsPerDay: 13_000,
  rowsWrittenPerDay: 100_000,
  /** Upstash. */
  redisCommandsPerMonth: 500_000,
  redisTrafficBytesPerMonth: 10e9,
  redisDataBytes: 256e6,
  /** Neon: hours of one compute unit a month; the smallest compute is a quarter of one. */
  computeUnitHoursPerMonth: 100,
  postgresDataBytes: 0.5e9,
} as const;

/** An object is charged for 128 MB while it is busy, whatever it uses. */
export const OBJECT_GB = 0.128;
/** So many received frames of a WebSocket are billed as one request. */
export const FRAMES_PER_REQUEST = 20;
export const SMALLEST_COMPUTE_UNITS = 0.25;
/** Postgres goes to sleep after so long without a query, in milliseconds. */
export const SCALE_TO_ZERO_MS = 5 * 60_000;
