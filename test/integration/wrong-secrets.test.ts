/**
 * Wrong flush secrets and metrics' tokens are bounded, by whichever route they come; right ones are taken
 * always. Over the API, and without Redis.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  MAX_WRONG_SECRETS_PER_DAY,
  MAX_WRONG_SECRETS_PER_HOUR,
  WrongSecrets,
} from '../../src/access/wrong-secrets.ts';
import { RedisScripts } from '../../src/redis/client.ts';
import { servedRoutes } from '../../src/worker/app.ts';
import { type Api, startApi } from '../support/api.ts';
import { FLUSH_SECRET } from '../support/worker-services.ts';

const METRICS_TOKEN = 'a-token-for-those-who-watch-machines';

// Hours are counted by this clock: none ends in the middle of a test.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Math.ceil(Date.now() / 86_400_000) * 86_400_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('wrong secrets', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi({ METRICS_TOKEN });
  });
  afterAll(async () => {
    await api?.stop();
  });

  /** Each route that takes such a secret, and the cron's, which no definition names. */
  const routes = [
    ...servedRoutes()
      .filter(({ route }) => ['flush', 'watch'].includes(route.access))
      .map(({ route }): [string, string] => [route.method.toUpperCase(), route.path]),
    ['POST', '/flush/turn'],
    // Whatever is asked there.
    ['GET', '/flush/no/such/route'],
    // Open to all, and tells more to those with a secret.
    ['GET', '/health'],
  ] as [string, string][];

  const ask = ([method, path]: [string, string], token: string | null, address: string) =>
    api.call(path.replace(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000'), {
      method,
      headers: {
        'cf-connecting-ip': address,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    });

  it('are refused for an hour after so many, and the right one never is', async () => {
    expect(routes.length).toBeGreaterThan(8);
    const from = '198.51.100.1';
    for (let i = 0; i < MAX_WRONG_SECRETS_PER_HOUR; i++) {
      const route = routes[i % routes.length]!;
      expect([route, (await ask(route, `wrong-${i}`, from)).status]).toEqual([route, 401]);
    }
    for (const route of routes) {
      const refused = await ask(route, `${FLUSH_SECRET}x`, from);
      expect([route, refused.status, refused.json.error]).toEqual([route, 429, 'too_many_requests']);
      expect(Number(refused.headers.get('retry-after'))).toBe(3_600);
      expect(refused.text).not.toContain(FLUSH_SECRET);
      // The right one from the same address, and none at all, are what they were.
      expect([401, 429]).not.toContain((await ask(route, FLUSH_SECRET, from)).status);
      expect((await ask(route, null, from)).status).toBe(route[1] === '/health' ? 200 : 401);
    }
    expect((await ask(['GET', '/metrics'], METRICS_TOKEN, from)).status).toBe(200);
    expect((await ask(['GET', '/metrics'], 'wrong', '198.51.100.2')).status).toBe(401);
    vi.setSystemTime(Date.now() + 3_600_000);
    expect((await ask(['POST', '/flush'], 'wrong', from)).status).toBe(401);
  });

  it('cost no command once it is known that there were too many', async () => {
    const from = '2001:db8::1';
    const wrong = () => ask(['POST', '/flush'], 'wrong', from);
    for (let i = 0; i <= MAX_WRONG_SECRETS_PER_HOUR; i++) await wrong();
    const commands = api.countCommands();
    for (let i = 0; i < 20; i++) expect((await wrong()).status).toBe(429);
    expect(commands()).toBe(0);
    // A right one never costs any.
    const [limited] = [api.countCommands()];
    await ask(['GET', '/flush/no/such/route'], FLUSH_SECRET, from);
    expect(limited()).toBe(0);
  });

  it('are bounded for all networks together, by the day', async () => {
    const limit = new WrongSecrets({ redis: api.scripts, keyPrefix: 'all:', secret: 's', onLimit });
    let taken = 0;
    for (let net = 0; net < 40; net++) {
      for (let i = 0; i < MAX_WRONG_SECRETS_PER_HOUR; i++) {
        if ((await limit.count(`203.0.113.${net}`)) === null) taken += 1;
      }
    }
    expect(taken).toBe(MAX_WRONG_SECRETS_PER_DAY);
    // The operator hears of it, once.
    expect(onLimit).toHaveBeenCalledTimes(1);
  });

  it('are counted by each instance while Redis is out of reach', async () => {
    const redis = new RedisScripts({ url: 'http://127.0.0.1:1', token: 'x', timeoutMs: 500 });
    const limit = new WrongSecrets({ redis, keyPrefix: 'bb:', secret: 's', onLimit });
    for (let i = 0; i < MAX_WRONG_SECRETS_PER_HOUR; i++) expect(await limit.count('203.0.113.7')).toBeNull();
    expect(await limit.count('203.0.113.7')).toBe(3_600);
    expect(await limit.count('203.0.113.8')).toBeNull();
  });

  const onLimit = vi.fn();
  beforeEach(() => onLimit.mockClear());
});
