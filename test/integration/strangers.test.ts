/**
 * What people without an account may do and make, by whichever door they come: as counted in Redis, and over
 * the API's routes and the way into a room.
 */
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AdmissionRequest, RoomReservation } from '../../src/access/admission-types.ts';
import { StrangerLimit } from '../../src/access/stranger-limits.ts';
import { tokenVerifier } from '../../src/access/token-verifier.ts';
import { createAdmission } from '../../src/compose.ts';
import { RedisScripts } from '../../src/redis/client.ts';
import { type Api, startApi } from '../support/api.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';

const HOUR_S = 3_600;

// Hours and days are counted by this clock: none ends in the middle of a test.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Math.ceil(Date.now() / 86_400_000) * 86_400_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const LIMITS = { network: { max: 3, window: '1 h' }, perDay: 10, siteShare: 1 / 5 } as const;

describe.each(engines)('a limit of strangers, counted on %s', (engine) => {
  let fixture: BufferFixture;
  let name = 0;
  /** The same limit in any number of instances. */
  const limitOf = (over: Partial<ConstructorParameters<typeof StrangerLimit>[0]> = {}) => {
    const keyPrefix = `${fixture.keys.prefix}strangers:${name++}`;
    const options = { redis: fixture.redis, keyPrefix, secret: 'secret', ...LIMITS, ...over };
    return () => {
      const limit = new StrangerLimit(options);
      return {
        /** After how many seconds there is room again; null when it is allowed. */
        async take(address: string): Promise<number | null> {
          const { isAllowed, resetMs } = await limit.take(address);
          return isAllowed ? null : Math.ceil(resetMs / 1_000);
        },
        giveBack: (address: string) => limit.giveBack(address),
      };
    };
  };

  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture?.stop());

  it('holds for a network of 64 bits and an hour, in all instances together', async () => {
    const instance = limitOf({ perDay: 1_000 });
    const taken = await Promise.all([1, 2, 3, 4, 5].map((host) => instance().take(`2001:db8::${host}`)));
    expect(taken.filter((retryAfterS) => retryAfterS === null)).toHaveLength(3);
    expect(taken.filter((retryAfterS) => retryAfterS !== null)).toEqual([HOUR_S, HOUR_S]);
    expect(await instance().take('2001:db8:0:1::1')).toBeNull();
    expect(await instance().take('203.0.113.7')).toBeNull();
    vi.setSystemTime(Date.now() + HOUR_S * 1_000);
    expect(await instance().take('2001:db8::1')).toBeNull();
  });

  it('holds for one site of 48 bits, and leaves the rest of the day to others', async () => {
    const instance = limitOf();
    const bySite = [];
    for (let net = 0; net < 6; net++) bySite.push(await instance().take(`2001:db8:7:${net}::1`));
    expect(bySite.filter((retryAfterS) => retryAfterS === null)).toHaveLength(2);
    expect(await instance().take('2001:db8:8::1')).toBeNull();
  });

  it('holds for all together on a day', async () => {
    const instance = limitOf();
    const taken = [];
    for (let net = 0; net < 14; net++) taken.push(await instance().take(`198.51.100.${net}`));
    expect(taken.filter((retryAfterS) => retryAfterS === null)).toHaveLength(10);
    expect(taken.at(-1)).toBe(24 * HOUR_S);
    vi.setSystemTime(Date.now() + 24 * HOUR_S * 1_000);
    expect(await instance().take('198.51.100.13')).toBeNull();
  });

  it('costs no command once it is met', async () => {
    const limit = limitOf()();
    for (let i = 0; i < 4; i++) await limit.take('203.0.113.9');
    const sent = vi.spyOn(fixture.redis, 'call');
    for (let i = 0; i < 50; i++) expect(await limit.take('203.0.113.9')).not.toBeNull();
    expect(sent).not.toHaveBeenCalled();
    sent.mockRestore();
  });

  it('costs no command from any network of a site that may do no more, nor from any when nobody may', async () => {
    const limit = limitOf()();
    const site = async (from: number, to: number) => {
      for (let net = from; net < to; net++) await limit.take(`2001:db8:9:${net}::1`);
    };
    await site(0, 4);
    const sent = vi.spyOn(fixture.redis, 'call');
    await site(4, 60);
    expect(sent).not.toHaveBeenCalled();
    for (let net = 0; net < 20; net++) await limit.take(`198.51.100.${net}`);
    sent.mockClear();
    for (let net = 20; net < 80; net++) expect(await limit.take(`198.51.100.${net}`)).not.toBeNull();
    expect(sent).not.toHaveBeenCalled();
    sent.mockRestore();
  });

  it('gives back what nothing came of', async () => {
    const instance = limitOf();
    for (let i = 0; i < 6; i++) {
      expect(await instance().take('203.0.113.10')).toBeNull();
      await instance().giveBack('203.0.113.10');
    }
  });

  it('leaves no address in Redis, and nothing for ever', async () => {
    await limitOf()().take('2001:db8:aaaa::1');
    const keys = (await fixture.command('KEYS', `${fixture.keys.prefix}strangers:*`)) as string[];
    expect(keys.length).toBeGreaterThan(3);
    for (const key of keys) {
      expect(key).not.toMatch(/2001:|203\.0|198\.51/);
      expect(Number(await fixture.command('PTTL', key))).toBeGreaterThan(0);
    }
  });

  it('holds in memory while Redis is out of reach', async () => {
    const redis = new RedisScripts({ url: 'http://127.0.0.1:1', token: 'x', timeoutMs: 500 });
    const limit = limitOf({ redis })();
    const taken = [];
    for (let i = 0; i < 5; i++) taken.push(await limit.take('203.0.113.11'));
    expect(taken.filter((retryAfterS) => retryAfterS === null)).toHaveLength(2);
  });
});

const from = (address: string) => ({ 'cf-connecting-ip': address });

const requestOf = (over: Partial<AdmissionRequest>): AdmissionRequest => ({
  sessionId: null,
  token: null,
  invite: null,
  displayName: null,
  previousSessionId: null,
  ...over,
});

/** A room that takes everybody. */
const room = (): RoomReservation & { asked: number } => ({
  asked: 0,
  async reserve() {
    this.asked += 1;
    return null;
  },
  async release() {},
});

let api: Api;
beforeAll(async () => {
  api = await startApi({
    ANONYMOUS_SESSIONS_PER_HOUR: '10',
    ANONYMOUS_SESSIONS_PER_DAY: '500',
    ANONYMOUS_ENTRIES_PER_HOUR: '5',
  });
});
afterAll(async () => {
  await api?.stop();
});

describe('making sessions without an account', () => {
  const rows = async () => {
    const { rows } = await api.db.execute(sql`select count(*)::integer as count from sessions`);
    return Number(rows[0]?.count);
  };

  it('300 times over HTTP from one address makes ten', async () => {
    const before = await rows();
    const statuses: number[] = [];
    for (let i = 0; i < 300; i++) {
      const code = '"'.repeat(1_000);
      const made = await api.call('/api/v1/sessions', { body: { code }, headers: from('198.51.100.1') });
      statuses.push(made.status);
      if (i < 299) continue;
      expect(made.json).toMatchObject({ error: 'too_many_requests' });
      expect(Number(made.headers.get('retry-after'))).toBeGreaterThan(60);
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(10);
    expect(new Set(statuses)).toEqual(new Set([201, 429]));
    expect((await rows()) - before).toBe(10);
  });

  it('60 at once over the socket makes ten, asks no room for the others, and shares the count with HTTP', async () => {
    const places = Array.from({ length: 60 }, room);
    const outcomes = await Promise.all(
      places.map((place) => api.services.admission.enter(requestOf({ address: '198.51.100.2' }), place)),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(10);
    expect(places.reduce((asked, place) => asked + place.asked, 0)).toBe(10);
    expect(await api.call('/api/v1/sessions', { body: {}, headers: from('198.51.100.2') })).toMatchObject({
      status: 429,
    });
  });

  it('with an anonymous session token is the same; with an account it is not counted', async () => {
    const headers = from('198.51.100.3');
    const { token } = (await api.call('/api/v1/sessions', { body: {}, headers })).json;
    for (let i = 0; i < 9; i++) {
      expect((await api.call('/api/v1/sessions', { body: {}, headers, token })).status).toBe(201);
    }
    expect((await api.call('/api/v1/sessions', { body: {}, headers, token })).status).toBe(429);
    const account = await api.userToken('ada');
    for (let i = 0; i < 12; i++) {
      expect((await api.call('/api/v1/sessions', { body: {}, headers, token: account })).status).toBe(201);
    }
  });
});

describe('the public list', () => {
  it('has three of the sessions that one site makes, and costs no query for each poll', async () => {
    const open = (address: string) =>
      api.call('/api/v1/sessions', { body: { is_discoverable: true }, headers: from(address) });
    const first = (await open('198.51.100.30')).json.id;
    for (let net = 0; net < 60; net++) await open(`2001:db8:5:${net}::1`);
    const ids = async (query = '') => {
      const { json } = await api.call(`/api/v1/sessions/live${query}`);
      return json.sessions.map(({ id }: { id: string }) => id);
    };
    expect(await ids()).toHaveLength(4);
    expect(await ids()).toContain(first);
    const asked = vi.spyOn(api.services.directory, 'live');
    for (let i = 0; i < 50; i++) await ids(`?limit=${1 + i}&offset=${i}`);
    expect(asked).not.toHaveBeenCalled();
    asked.mockRestore();
  });
});

describe('entering sessions without an account', () => {
  let sessionId: string;
  let token: string;
  beforeAll(async () => {
    const made = await api.call('/api/v1/sessions', {
      body: { is_discoverable: true },
      token: await api.userToken('ada'),
    });
    ({ id: sessionId, token } = made.json);
  });

  it('makes so many places from one network, by an invite or without; who has a token comes back', async () => {
    const invite = (
      await api.call(`/api/v1/sessions/${sessionId}/invite`, { body: { role: 'viewer' }, token })
    ).json.token;
    const { admission } = api.services;
    const address = '198.51.100.20';
    const byInvite = () =>
      api.call('/api/v1/sessions/join', { body: { invite_token: invite }, headers: from(address) });
    const joined = await byInvite();
    expect((await byInvite()).status).toBe(200);
    for (let i = 0; i < 3; i++) {
      expect(await admission.enter(requestOf({ sessionId, address }), room())).toMatchObject({ ok: true });
    }
    expect(await admission.enter(requestOf({ sessionId, address }), room())).toMatchObject({ status: 429 });
    expect(await admission.enter(requestOf({ sessionId, invite, address }), room())).toMatchObject({
      status: 429,
    });
    expect((await byInvite()).status).toBe(429);
    // Asking why costs a query too.
    expect(await admission.check(requestOf({ sessionId, address }))).toMatchObject({ status: 429 });
    for (const back of [joined.json.token, await api.userToken('ben')]) {
      expect(await admission.enter(requestOf({ sessionId, token: back, address }), room())).toMatchObject({
        ok: true,
      });
    }
  });
});

describe('the switch', () => {
  const start = async (ANONYMOUS: 'off' | 'join' | 'create') => {
    const { services } = api;
    const config = { ...services.config, ANONYMOUS };
    services.tokens = tokenVerifier(config);
    services.admission = createAdmission({ ...services, redis: api.scripts }, config).admission;
    const account = await api.userToken('ada');
    const mine = (await api.call('/api/v1/sessions', { body: { is_discoverable: true }, token: account }))
      .json;
    const stranger = await api.place(mine.id, 'co-author');
    const invite = (
      await api.call(`/api/v1/sessions/${mine.id}/invite`, { body: { role: 'viewer' }, token: account })
    ).json.token;
    const statuses = {
      create: (await api.call('/api/v1/sessions', { body: {} })).status,
      createWithToken: (await api.call('/api/v1/sessions', { body: {}, token: stranger.token })).status,
      join: (await api.call('/api/v1/sessions/join', { body: { invite_token: invite } })).status,
      read: (await api.call(`/api/v1/sessions/${mine.id}`, { token: stranger.token })).status,
      asUser: (await api.call(`/api/v1/sessions/${mine.id}`, { token: account })).status,
    };
    const outcomes = await Promise.all([
      api.services.admission.enter(requestOf({ sessionId: mine.id }), room()),
      api.services.admission.enter(requestOf({ sessionId: null }), room()),
      api.services.admission.enter(requestOf({ sessionId: mine.id, token: stranger.token }), room()),
    ]);
    const checked = await api.services.admission.check(requestOf({ sessionId: null }));
    return {
      ...statuses,
      sockets: outcomes.map((outcome) => (outcome.ok ? 200 : outcome.status)),
      check: checked?.status ?? 200,
    };
  };

  it('lets strangers make sessions, only join them, or do nothing', async () => {
    expect(await start('create')).toEqual({
      ...{ create: 201, createWithToken: 201, join: 200, read: 200, asUser: 200 },
      ...{ sockets: [200, 200, 200], check: 200 },
    });
    expect(await start('join')).toEqual({
      // A session token is good, and isn't an account.
      ...{ create: 401, createWithToken: 403, join: 200, read: 200, asUser: 200 },
      ...{ sockets: [200, 401, 200], check: 401 },
    });
    expect(await start('off')).toEqual({
      ...{ create: 401, createWithToken: 401, join: 401, read: 401, asUser: 200 },
      ...{ sockets: [401, 401, 401], check: 401 },
    });
  });
});
