/** What is used of the day's budgets, read with one command, is what the limits count; in each Redis. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Budgets, COMMIT_BLOCK } from '../../src/access/budgets.ts';
import { StrangerCommits } from '../../src/access/stranger-commits.ts';
import { StrangerLimits } from '../../src/access/stranger-limits.ts';
import { configSchema, parseConfig } from '../../src/config.ts';
import { BUDGET_NAMES } from '../../src/protocol/http/operation.ts';
import { DailyLimits } from '../../src/room/agent/daily-limits.ts';
import { StrangerPace } from '../../src/room/connections/stranger-pace.ts';
import { SystemReader } from '../../src/worker/system-figures.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import { WORKER_ENV } from '../support/worker-services.ts';

describe.each(engines)('the day’s budgets in %s', (engine) => {
  let fixture: BufferFixture;
  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture?.stop());

  it('are what strangers’ limits and the AI’s have counted', async () => {
    const { redis, buffer, keys } = fixture;
    const config = {
      ...parseConfig(configSchema, {
        ...WORKER_ENV,
        ...{
          ANONYMOUS_SESSIONS_PER_DAY: '500',
          ANONYMOUS_ENTRIES_PER_DAY: '20000',
          ANONYMOUS_COMMITS_PER_DAY: '350',
          AI_ANONYMOUS_REQUESTS_PER_DAY: '200',
          AI_REQUESTS_PER_DAY: '1000',
        },
      }),
      KEY_PREFIX: keys.prefix,
    };
    const options = { redis, keyPrefix: keys.prefix, secret: config.JWT_SECRET };
    const system = new SystemReader({ buffer, budgets: new Budgets(config) });
    const used = async () => {
      const { requests } = fixture.asked();
      const figures = await system.read(Date.now());
      expect(fixture.asked().requests - requests).toBe(1);
      return Object.fromEntries((figures?.budgets ?? []).map((budget) => [budget.name, budget]));
    };
    // From now on Redis knows the script.
    await system.read(Date.now());
    for (const name of BUDGET_NAMES) expect((await used())[name]).toMatchObject({ used: 0 });

    const strangers = new StrangerLimits(config, options);
    for (let i = 0; i < 3; i++) await strangers.take('session', `203.0.113.${i}`);
    for (let i = 0; i < 4; i++) await strangers.take('entry', `203.0.113.${i}`);
    await strangers.giveBack('entry', '203.0.113.1');
    const ai = new DailyLimits({ ...options, perDay: { all: 1_000, anonymous: 200 } });
    await ai.take({ kind: 'user', id: 'ada' });
    await ai.take({ kind: 'anonymous', id: 'someone', siteId: 'somewhere' });
    const commits = new StrangerCommits({ ...options, perNetwork: 1_000, perDay: 350 });
    await commits.take('203.0.113.1', COMMIT_BLOCK);

    const found = await used();
    expect(Object.values(found).map(({ name, used: count, limit }) => [name, count, limit])).toEqual([
      ['sessions', 3, 500],
      ['entries', 3, 20_000],
      ['commits', 100, 350],
      ['ai_strangers', 1, 200],
      ['ai', 2, 1_000],
    ]);
    expect(found.commits?.isExhausted).toBe(false);

    // A site has half of it; then two others take what is left, but for less than a block.
    for (const address of ['203.0.113.2', '203.0.113.3']) await commits.take(address, COMMIT_BLOCK);
    expect((await commits.take('203.0.113.4', COMMIT_BLOCK)).pace).toBe('none');
    expect((await used()).commits).toMatchObject({ used: 300, isExhausted: true });
  });

  it('are read without a count that isn’t one', async () => {
    const { buffer, keys } = fixture;
    const key = (name: string) => `${keys.prefix}${name}`;
    await fixture.command('SET', key('text'), 'abc');
    await fixture.command('SET', key('negative'), '-3');
    await fixture.command('ZADD', key('set'), '1', 'x');
    await fixture.command('SET', key('large'), '9007199254740991');
    const { counts } = await buffer.stats(['text', 'negative', 'set', 'none', 'large'].map(key));
    expect(counts).toEqual([0, 0, 0, 0, 9_007_199_254_740_991]);
  });
});

it('commits are counted by rooms in blocks that grow to the size that a budget knows', async () => {
  const blocks: number[] = [];
  const take = async (_: string | null, commits: number) => {
    blocks.push(commits);
    return { pace: 'normal' as const, resetMs: 0 };
  };
  const pace = new StrangerPace({ commits: { take }, commitMinMs: 0 });
  for (let written = 0; written < 3 * COMMIT_BLOCK; written++) {
    pace.write(null, written);
    await Promise.resolve();
  }
  expect(blocks[0]).toBeLessThan(COMMIT_BLOCK);
  expect(blocks.at(-1)).toBe(COMMIT_BLOCK);
  expect(Math.max(...blocks)).toBe(COMMIT_BLOCK);
});
