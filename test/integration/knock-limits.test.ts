/** How often callers may knock, as counted in each Redis there is. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Knocker, KnockLimits } from '../../src/access/knock-limits.ts';
import {
  MAX_KNOCKS_AT_SESSION_PER_HOUR,
  MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR,
  MAX_KNOCKS_OF_USER_PER_HOUR,
} from '../../src/protocol/limits.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';

const HOUR_MS = 3_600_000;

// Hours are counted by this clock: none ends in the middle of a test.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Math.ceil(Date.now() / HOUR_MS) * HOUR_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each(engines)('knocks, counted on %s', (engine) => {
  let fixture: BufferFixture;
  let name = 0;
  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture?.stop());

  /** The same limits in any number of instances; each knock is counted by another one. */
  function limits(settings = { ANONYMOUS_KNOCKS_PER_HOUR: 8, ANONYMOUS_KNOCKS_PER_DAY: 1_000 }) {
    const keyPrefix = `${fixture.keys.prefix}${name++}:`;
    const one = () => new KnockLimits(settings, { redis: fixture.redis, keyPrefix, secret: 'secret' });
    const knocker = (over: Partial<Knocker>): Knocker => ({
      sessionId: 'session',
      userId: null,
      address: '2001:db8::1',
      ...over,
    });
    return {
      take: (over: Partial<Knocker> = {}) => one().take(knocker(over)),
      giveBack: (over: Partial<Knocker> = {}) => one().giveBack(knocker(over)),
    };
  }
  const times = async (count: number, take: (i: number) => Promise<unknown>) => {
    for (let i = 0; i < count; i++) expect(await take(i)).toBeNull();
  };

  it('of one network at one session are few, whichever of its addresses they come from', async () => {
    const { take } = limits();
    await times(MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR, (i) => take({ address: `2001:db8::${i}` }));
    expect(await take({ address: '2001:db8::ffff' })).toBe(HOUR_MS);
    expect(await take({ address: '2001:db8:0:1::1' })).toBeNull();
    expect(await take({ sessionId: 'another' })).toBeNull();
    vi.setSystemTime(Date.now() + HOUR_MS);
    expect(await take()).toBeNull();
  });

  it('of one network at all sessions are bounded, those that no host heard too', async () => {
    const { take, giveBack } = limits();
    await times(8, async (i) => {
      const result = await take({ sessionId: i % 2 === 0 ? 'session' : randomUUID() });
      if (i % 2 === 0) await giveBack();
      return result;
    });
    expect(await take({ sessionId: randomUUID() })).toBe(HOUR_MS);
  });

  it('that no host heard don’t count at the session', async () => {
    const { take, giveBack } = limits({ ANONYMOUS_KNOCKS_PER_HOUR: 1_000, ANONYMOUS_KNOCKS_PER_DAY: 10_000 });
    await times(2 * MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR, async () => {
      const result = await take();
      await giveBack();
      return result;
    });
  });

  it('of a user count by the user', async () => {
    const { take } = limits();
    await times(MAX_KNOCKS_OF_USER_PER_HOUR, (i) =>
      take({ userId: 'ada', address: `203.0.113.${i}`, sessionId: randomUUID() }),
    );
    expect(await take({ userId: 'ada', sessionId: randomUUID() })).toBe(HOUR_MS);
    expect(await take({ userId: 'ben', sessionId: randomUUID() })).toBeNull();
    await times(MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR, () => take({ userId: 'cleo' }));
    expect(await take({ userId: 'cleo' })).toBe(HOUR_MS);
  });

  it('at one session are bounded, from however many networks', async () => {
    const { take } = limits({ ANONYMOUS_KNOCKS_PER_HOUR: 1_000, ANONYMOUS_KNOCKS_PER_DAY: 10_000 });
    await times(MAX_KNOCKS_AT_SESSION_PER_HOUR, (i) => take({ address: `203.0.113.${i}` }));
    expect(await take({ address: '198.51.100.1' })).toBe(HOUR_MS);
    expect(await take({ address: '198.51.100.1', sessionId: 'another' })).toBeNull();
  });

  it('are kept under hashes', async () => {
    const keys = (await fixture.command('KEYS', `${fixture.keys.prefix}*`)) as string[];
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(key).not.toMatch(/2001:|203\.0/);
  });
});
