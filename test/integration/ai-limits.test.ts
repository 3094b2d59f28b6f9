/** What one person may ask the AI on one day, counted in each Redis that this machine can run. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { MAX_AI_REQUESTS_PER_DAY } from '../../src/protocol/index.ts';
import { RedisScripts } from '../../src/redis/client.ts';
import { type CountedPerson, DailyLimits } from '../../src/room/agent/index.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';

const DAY_S = 86_400;
const MANY = { all: 1_000_000, anonymous: 1_000_000 };

afterEach(() => {
  vi.useRealTimers();
});

const personOf = (kind: CountedPerson['kind'], id: string): CountedPerson =>
  kind === 'user' ? { kind, id } : { kind, id, siteId: 's' };

async function takeMany(limits: DailyLimits, person: CountedPerson, times: number): Promise<boolean[]> {
  const taken = [];
  for (let i = 0; i < times; i++) taken.push((await limits.take(person)).isAllowed);
  return taken;
}

describe.each(engines)('the AI’s daily limits on %s', (engine) => {
  let fixture: BufferFixture;
  let keyPrefix: string;
  const instance = () => new DailyLimits({ redis: fixture.redis, keyPrefix, perDay: MANY });

  beforeAll(async () => {
    fixture = await startBuffer(engine);
    keyPrefix = fixture.keys.prefix;
  });
  afterAll(() => fixture?.stop());

  it.each(['anonymous', 'user'] as const)(
    'let a person in as often as it says (%s), and no oftener',
    async (kind) => {
      const limit = MAX_AI_REQUESTS_PER_DAY[kind];
      const person = personOf(kind, 'p1');
      expect(await takeMany(instance(), person, limit - 1)).not.toContain(false);
      const last = await instance().take(person);
      expect(last).toMatchObject({ isAllowed: true, outage: null, quota: { limit, remaining: 0 } });
      expect(last.quota.resetMs).toBeGreaterThan(0);
      expect(last.quota.resetMs).toBeLessThanOrEqual(DAY_S * 1_000);
      expect(await instance().take(person)).toMatchObject({
        isAllowed: false,
        quota: { limit, remaining: 0 },
      });
      expect(await instance().take(personOf(kind, 'p2'))).toMatchObject({
        isAllowed: true,
        quota: { remaining: limit - 1 },
      });
    },
  );

  it('hold when all come at once', async () => {
    const person: CountedPerson = { kind: 'anonymous', id: 'crowd', siteId: 's' };
    const taken = await Promise.all(Array.from({ length: 70 }, () => instance().take(person)));
    expect(taken.filter(({ isAllowed }) => isAllowed)).toHaveLength(MAX_AI_REQUESTS_PER_DAY.anonymous);
  });

  it('give back what brought nothing', async () => {
    const person: CountedPerson = { kind: 'anonymous', id: 'unlucky', siteId: 's' };
    await takeMany(instance(), person, MAX_AI_REQUESTS_PER_DAY.anonymous);
    expect(await instance().giveBack(person)).toMatchObject({ quota: { remaining: 1 } });
    expect(await takeMany(instance(), person, 2)).toEqual([true, false]);
  });

  it('are new on the next day', async () => {
    const person: CountedPerson = { kind: 'anonymous', id: 'patient', siteId: 's' };
    const midnight = Math.ceil(Date.now() / (DAY_S * 1_000)) * DAY_S * 1_000;
    vi.useFakeTimers({ toFake: ['Date'], now: midnight - 1_000 });
    await takeMany(instance(), person, MAX_AI_REQUESTS_PER_DAY.anonymous);
    expect(await instance().take(person)).toMatchObject({ isAllowed: false, quota: { resetMs: 1_000 } });
    vi.setSystemTime(midnight);
    expect(await instance().take(person)).toMatchObject({ isAllowed: true, quota: { remaining: 49 } });
  });

  it('bound a site of many networks, all without an account, and all together', async () => {
    const perDay = { all: 50, anonymous: 40 };
    const limits = () =>
      new DailyLimits({ redis: fixture.redis, keyPrefix: `${keyPrefix}ai:budget:`, perDay });
    const take = async (person: CountedPerson, times: number) => {
      const taken = [];
      for (let i = 0; i < times; i++) taken.push(await limits().take(person));
      return taken.filter(({ isAllowed }) => isAllowed).length;
    };
    let ofSite = 0;
    for (let net = 0; net < 30; net++)
      ofSite += await take({ kind: 'anonymous', id: `n${net}`, siteId: 's1' }, 1);
    expect(ofSite).toBe(10);
    let others = 0;
    for (let net = 0; net < 60; net++)
      others += await take({ kind: 'anonymous', id: `m${net}`, siteId: `t${net}` }, 1);
    expect(others).toBe(30);
    expect(await limits().take({ kind: 'anonymous', id: 'new', siteId: 'new' })).toMatchObject({
      isShared: true,
    });
    // People with an account still have theirs, to the end of what all have.
    expect(await take({ kind: 'user', id: 'ada' }, 20)).toBe(10);
    await limits().giveBack({ kind: 'user', id: 'ada' });
    expect(await take({ kind: 'user', id: 'ben' }, 5)).toBe(1);
  });

  it('leave nothing in Redis for ever, and nothing outside of the prefix', async () => {
    await instance().take({ kind: 'user', id: 'p3' });
    await instance().giveBack({ kind: 'user', id: 'never-counted' });
    const names = await fixture.command('KEYS', '*');
    if (!Array.isArray(names)) throw new Error('no list');
    expect(names.length).toBeGreaterThan(3);
    for (const name of names.map(String)) {
      expect(name.startsWith(`${keyPrefix}ai:`), name).toBe(true);
      const ttl = Number(await fixture.command('TTL', name));
      expect(ttl, name).toBeGreaterThan(0);
      expect(ttl, name).toBeLessThanOrEqual(DAY_S);
    }
  });

  it('go on in memory, from where they were, while Redis is out of reach', async () => {
    const person: CountedPerson = { kind: 'anonymous', id: 'stranded', siteId: 's' };
    const apart = await startBuffer(engine);
    const limits = new DailyLimits({ redis: apart.redis, keyPrefix, perDay: MANY });
    await takeMany(limits, person, MAX_AI_REQUESTS_PER_DAY.anonymous - 2);
    await apart.stop();
    expect(await limits.take(person)).toMatchObject({
      isAllowed: true,
      quota: { remaining: 1 },
      outage: expect.stringMatching(/^redis: /),
    });
    expect(await takeMany(limits, person, 2)).toEqual([true, false]);
    await limits.giveBack(person);
    await limits.giveBack(person);
    expect(await takeMany(limits, person, 2)).toEqual([true, false]);
    const tomorrow = Date.now() + DAY_S * 1_000;
    vi.useFakeTimers({ toFake: ['Date'], now: tomorrow });
    expect(await limits.take(person)).toMatchObject({ isAllowed: true, quota: { remaining: 49 } });
  });
});

describe('the AI’s daily limits in memory', () => {
  it('say nothing of commands, keys or people in why they are there', async () => {
    const redis = new RedisScripts({ url: 'http://127.0.0.1:1', token: 'a-token', timeoutMs: 1_000 });
    const limits = new DailyLimits({ redis, keyPrefix: 'bb:', perDay: MANY });
    const { outage } = await limits.take({ kind: 'user', id: 'p1' });
    expect(outage).toMatch(/^redis: limit: /);
    expect(outage).not.toMatch(/p1|bb:|a-token|evalsha/i);
  });
});
