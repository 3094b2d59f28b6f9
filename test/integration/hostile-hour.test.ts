/** A hostile hour, by the limits themselves: no more gets through than they say. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HostileSite } from '../../bench/costs/hostile-hour.ts';
import { configSchema, parseConfig } from '../../src/config.ts';
import { type BufferFixture, startBuffer } from '../support/buffer.ts';
import { WORKER_ENV } from '../support/worker-services.ts';

/** Enough to use up all that a site may do on a day. */
const SECONDS = 200;

let fixture: BufferFixture;
beforeAll(async () => {
  fixture = await startBuffer('embedded');
});
afterAll(() => fixture?.stop());

it('lets one site have its part of the day in the first hour, and nothing in the next', async () => {
  const config = {
    ...parseConfig(configSchema, {
      ...WORKER_ENV,
      ANONYMOUS_SESSIONS_PER_HOUR: '3',
      ANONYMOUS_SESSIONS_PER_DAY: '50',
      ANONYMOUS_ENTRIES_PER_HOUR: '5',
      ANONYMOUS_ENTRIES_PER_DAY: '200',
      ANONYMOUS_COMMITS_PER_NETWORK: '500',
      ANONYMOUS_COMMITS_PER_DAY: '2000',
      AI_ANONYMOUS_REQUESTS_PER_DAY: '40',
      AI_REQUESTS_PER_DAY: '1000',
      COMMIT_MIN_MS: '250',
    }),
    KEY_PREFIX: fixture.keys.prefix,
  };
  const site = new HostileSite(fixture.redis, config);
  const startMs = Date.parse('2030-01-01T00:00:00Z');
  const first = await site.playHour(startMs, SECONDS);
  const later = await site.playHour(startMs + 3_600_000, SECONDS);
  const through = (hour: typeof first) => Object.values(hour).map(({ gotThrough }) => gotThrough);
  const [sessions = 0, entries = 0, commits = 0, aiRequests = 0] = through(first);
  expect([sessions, entries, aiRequests]).toEqual([10, 40, 10]);
  // Blocks of rooms that were under way when the half of the day was used up.
  expect(commits).toBeGreaterThanOrEqual(1_000 - 100);
  expect(commits).toBeLessThanOrEqual(1_000 + 30);
  expect(through(later)).toEqual([0, 0, expect.any(Number), 0]);
  expect(later.commits.gotThrough).toBeLessThanOrEqual(30);
  expect(first.commits.tried).toBe(30 * 30 * SECONDS);
});
