/** What the clients of both stores send is counted, each attempt, and isn't sent when nothing is left. */
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createStorage } from '../compose.ts';
import { parseConfig, storageSchema } from '../config.ts';
import { connectNeon } from '../postgres/client.ts';
import { RedisScripts } from '../redis/client.ts';
import { StorageUnavailableError } from './errors.ts';
import { RequestBudget, RequestBudgetError, unlimitedBudget } from './request-budget.ts';

const fetching = vi.fn<typeof fetch>();
const DATABASE_URL = 'postgres://user:password@db.test/backbeat';

beforeEach(() => {
  vi.stubGlobal('fetch', fetching);
});
afterEach(() => {
  vi.unstubAllGlobals();
  fetching.mockReset();
});

const noRows = () => Response.json({ fields: [], rows: [], rowCount: 0, command: 'SELECT' });

describe('a budget of requests', () => {
  it('counts to its bound, and refuses what goes beyond', () => {
    const budget = new RequestBudget(2);
    budget.spend();
    expect(budget).toMatchObject({ used: 1, left: 1, isExceeded: false });
    expect([budget.affords(1), budget.affords(2)]).toEqual([true, false]);
    budget.spend();
    expect(budget.isExceeded).toBe(false);
    expect(() => budget.spend()).toThrow(RequestBudgetError);
    expect(budget).toMatchObject({ used: 2, left: 0, isExceeded: true });
  });

  it('without a bound counts on', () => {
    const budget = unlimitedBudget();
    for (let i = 0; i < 1_000; i++) budget.spend();
    expect([budget.used, budget.affords(1_000_000)]).toEqual([1_000, true]);
  });
});

describe('Redis’ client', () => {
  const redisOf = (budget: RequestBudget) =>
    new RedisScripts({
      url: 'https://redis.test',
      token: 't',
      timeoutMs: 1_000,
      onRequest: () => budget.spend(),
    });
  const release = (redis: RedisScripts) => redis.run('release', ['k'], ['token', '0'], z.number());

  it('counts a script that Redis has once, and one that it is sent twice', async () => {
    const budget = new RequestBudget(10);
    const redis = redisOf(budget);
    fetching.mockImplementation(async () => Response.json({ result: 1 }));
    await release(redis);
    expect(budget.used).toBe(1);
    fetching.mockImplementationOnce(async () =>
      Response.json({ error: 'NOSCRIPT No matching script. Please use EVAL.' }, { status: 400 }),
    );
    await release(redis);
    expect(budget.used).toBe(3);
    expect(fetching).toHaveBeenCalledTimes(3);
  });

  it('counts an attempt whose connection broke, and the second one', async () => {
    const budget = new RequestBudget(10);
    fetching.mockRejectedValue(new TypeError('connection lost'));
    await expect(release(redisOf(budget))).rejects.toThrow(StorageUnavailableError);
    expect(fetching).toHaveBeenCalledTimes(2);
    expect(budget.used).toBe(2);
  });

  it('sends nothing when nothing is left, and says so', async () => {
    const budget = new RequestBudget(1);
    const redis = redisOf(budget);
    // The second attempt isn't made either.
    fetching.mockRejectedValue(new TypeError('connection lost'));
    await expect(release(redis)).rejects.toThrow('release: no requests left');
    await expect(release(redis)).rejects.toThrow(StorageUnavailableError);
    expect(fetching).toHaveBeenCalledTimes(1);
    expect(budget).toMatchObject({ used: 1, isExceeded: true });
  });
});

describe('Postgres’ client', () => {
  it('counts each statement once, and sends none when nothing is left', async () => {
    const budget = new RequestBudget(3);
    const db = connectNeon({ databaseUrl: DATABASE_URL, timeoutMs: 1_000, onRequest: () => budget.spend() });
    fetching.mockImplementation(async () => noRows());
    for (let i = 1; i <= 3; i++) {
      await db.execute(sql`select 1`);
      expect([budget.used, fetching.mock.calls.length]).toEqual([i, i]);
    }
    await expect(db.execute(sql`select 1`)).rejects.toThrow();
    expect(fetching).toHaveBeenCalledTimes(3);
    expect(budget.isExceeded).toBe(true);
  });
});

it('a storage’s budget counts both stores', async () => {
  const budget = new RequestBudget(2);
  const config = parseConfig(storageSchema, {
    UPSTASH_REDIS_REST_URL: 'https://redis.test',
    UPSTASH_REDIS_REST_TOKEN: 't',
    DATABASE_URL,
  });
  const storage = createStorage(config, { failures: 3, retryMs: 1 }, budget);
  fetching.mockImplementation(async (url) =>
    String(url).startsWith('https://redis.test') ? Response.json({ result: 'PONG' }) : noRows(),
  );
  await storage.buffer.ping();
  await storage.postgres.ping();
  expect(budget.used).toBe(2);
  await expect(storage.buffer.ping()).rejects.toThrow('no requests left');
  await expect(storage.postgres.ping()).rejects.toThrow(StorageUnavailableError);
  expect(fetching).toHaveBeenCalledTimes(2);
});
