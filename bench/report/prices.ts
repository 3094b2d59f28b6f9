/**
 * Public list prices in US dollars, without free allowances and without taxes. To change one, change it here.
 *
 * Read on 2026-11-24 in stored copies of the providers' own pages, whose age isn't known; none could be
 * checked against the live page. Where two copies differ, the one that says it is newer was taken.
 */
export const PRICES_DATE = '2026-11-24';

export const PRICES = {
  /** upstash.com/docs/redis/overall/billing, pay as you go: $0.20 per 100,000 commands. */
  redisPerCommand: 0.2 / 100_000,
  /** The same page: $0.03 a GB, after 200 GB a month. */
  redisPerByte: 0.03 / 1e9,
  /** developers.cloudflare.com/durable-objects/platform/pricing: $0.15 a million requests… */
  roomPerRequest: 0.15 / 1e6,
  /** …of which 20 incoming WebSocket messages make one. */
  messagesPerRoomRequest: 20,
  /** The same page: $12.50 a million GB-s while an object is active, at 128 MB each. */
  roomPerSecond: 0.128 * (12.5 / 1e6),
  /**
   * developers.cloudflare.com/workers/platform/pricing: $0.30 a million requests, $0.02 a
   * million CPU milliseconds.
   */
  workerPerRequest: 0.3 / 1e6,
  /**
   * neon.com/pricing, Launch: $0.106 a CU-hour (another copy says $0.14); one CU is one processor and 4 GB.
   */
  postgresPerCuSecond: 0.106 / 3600,
  /** The smallest compute Neon runs. */
  postgresLeastCu: 0.25,
  /** The same page: $0.20 a GB-month of history; a day of it is kept here. */
  postgresPerWalByte: 0.2 / 1e9 / 30,
} as const;
