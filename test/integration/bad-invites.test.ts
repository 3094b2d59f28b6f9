/**
 * Invites can't be guessed: an address that comes with too many bad ones waits. Over the API, and as counted
 * in each Redis there is.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { BadInvites } from '../../src/access/bad-invites.ts';
import { MAX_BAD_INVITES_PER_MINUTE } from '../../src/protocol/limits.ts';
import { RedisScripts } from '../../src/redis/client.ts';
import { type Api, startApi } from '../support/api.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';

// Minutes are counted by this clock: none begins in the middle of a test.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe.each(engines)('bad invites, counted on %s', (engine) => {
  let fixture: BufferFixture;
  const guard = (over: Partial<ConstructorParameters<typeof BadInvites>[0]> = {}) =>
    new BadInvites({ redis: fixture.redis, keyPrefix: fixture.keys.prefix, secret: 'secret', ...over });

  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture?.stop());

  it('are allowed so many times, in all instances together, to one network', async () => {
    for (let i = 1; i < MAX_BAD_INVITES_PER_MINUTE; i++) await guard().failed('2001:db8::1');
    expect(await guard().mayTry('2001:db8::2')).toBe(true);
    await guard().failed('2001:db8::3');
    expect(await guard().mayTry('2001:db8::1')).toBe(false);
    expect(await guard().mayTry('2001:db8:0:1::1')).toBe(true);
    expect(await guard().mayTry('203.0.113.7')).toBe(true);
  });

  it('are counted under hashes that expire', async () => {
    const keys = (await fixture.command('KEYS', `${fixture.keys.prefix}*`)) as string[];
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      expect(key).not.toContain('2001:');
      const left = Number(await fixture.command('PTTL', key));
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(120_000);
    }
  });

  it('are counted by each instance while Redis is out of reach', async () => {
    const redis = new RedisScripts({ url: 'http://127.0.0.1:1', token: 'x', timeoutMs: 500 });
    const blind = guard({ redis });
    for (let i = 0; i < MAX_BAD_INVITES_PER_MINUTE; i++) {
      expect(await blind.mayTry('203.0.113.7')).toBe(true);
      await blind.failed('203.0.113.7');
    }
    expect(await blind.mayTry('203.0.113.7')).toBe(false);
    expect(await blind.mayTry('2001:db8::1')).toBe(true);
    expect(await guard({ redis }).mayTry('203.0.113.7')).toBe(true);
    vi.setSystemTime(Date.now() + 60_000);
    expect(await blind.mayTry('203.0.113.7')).toBe(true);
  });
});

describe('joining by an invite', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(async () => {
    await api?.stop();
  });

  const join = (token: string, headers: Record<string, string>) =>
    api.call('/api/v1/sessions/join', { body: { invite_token: token }, headers });
  const from = (address: string) => ({ 'cf-connecting-ip': address });
  const newInvite = async () => {
    const session = (await api.call('/api/v1/sessions', { body: {} })).json;
    const invite = { sessionId: session.id, role: 'viewer', maxUses: null, expiresAtMs: null } as const;
    return api.services.people.createInvite(invite);
  };

  it('is refused to an address that has tried too many that are not valid, good ones too', async () => {
    const { token, sessionId } = await newInvite();
    const revoked = await newInvite();
    await api.services.people.revokeInvite(revoked.sessionId, revoked.id);
    for (let i = 0; i < MAX_BAD_INVITES_PER_MINUTE; i++) {
      expect((await join(token, from('198.51.100.1'))).status).toBe(200);
      const bad = i % 2 === 0 ? revoked.token : randomUUID();
      expect((await join(bad, from('198.51.100.1'))).status).toBe(403);
    }
    const refused = await join(token, from('198.51.100.1'));
    expect(refused.headers.get('retry-after')).toBe('60');
    expect(refused).toMatchObject({
      status: 429,
      json: { error: 'too_many_requests' },
    });
    expect((await join(token, from('198.51.100.2'))).status).toBe(200);
    // The way into a room decides by the same.
    const atTheRoom = {
      sessionId,
      token: null,
      invite: token,
      displayName: null,
      previousSessionId: null,
      address: '198.51.100.1',
    };
    expect(await api.services.admission.enter(atTheRoom)).toMatchObject({ ok: false, status: 429 });
  });

  it('is the same limit as for showing what an invite leads to', async () => {
    const preview = (token: string, address: string) =>
      api.call('/api/v1/sessions/invite', { body: { invite_token: token }, headers: from(address) });
    const { token } = await newInvite();
    for (let i = 0; i < MAX_BAD_INVITES_PER_MINUTE; i++) {
      expect((await preview(token, '198.51.100.20')).status).toBe(200);
      const bad = i % 2 === 0 ? preview : (secret: string, address: string) => join(secret, from(address));
      expect((await bad(randomUUID(), '198.51.100.20')).status).toBe(403);
    }
    for (const refused of [await preview(token, '198.51.100.20'), await join(token, from('198.51.100.20'))]) {
      expect([refused.status, refused.json.error]).toEqual([429, 'too_many_requests']);
      expect(refused.headers.get('retry-after')).toBe('60');
    }
    // A bad one that is tried again counts again, though what it leads to is known.
    const secret = randomUUID();
    for (let i = 0; i < MAX_BAD_INVITES_PER_MINUTE; i++) await preview(secret, '198.51.100.22');
    expect((await preview(secret, '198.51.100.22')).status).toBe(429);
  });

  it('counts callers by the address that the network gives, whatever they say themselves', async () => {
    const claiming = (address: string) => ({ ...from('198.51.100.7'), 'x-forwarded-for': address });
    for (let i = 0; i < MAX_BAD_INVITES_PER_MINUTE; i++) {
      expect((await join('bad', claiming(`198.51.101.${i}`))).status).toBe(403);
    }
    expect((await join('bad', claiming('198.51.102.1'))).status).toBe(429);
  });
});
