/**
 * How a connection gets into a room: what the Worker asks whom, in which order, and what the caller is
 * answered.
 */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeServices, JWT_SECRET } from '../../test/support/worker-services.ts';
import type { Admitted } from '../access/admission-types.ts';
import type { Refusal } from '../access/refusals.ts';
import { signSessionToken, verifySessionToken } from '../access/session-token.ts';
import { admissionGrantSchema, RESERVATION_HEADER } from '../room/connections/grant.ts';
import { refuse, refuseBanned } from '../room/connections/refusal.ts';
import { createApp } from './app.ts';
import type { RoomStubs } from './platform.ts';

const sessionId = randomUUID();

const admittedOf = (over: Partial<Admitted> = {}): Admitted => ({
  sessionId,
  participantId: randomUUID(),
  userId: null,
  epoch: null,
  displayName: 'Zoë 🎹',
  avatarUrl: null,
  role: 'viewer',
  joinMethod: 'discovery',
  inviteId: null,
  isUnconfirmed: false,
  session: null,
  ...over,
});

let logged: string[];
beforeEach(() => {
  logged = [];
  vi.spyOn(console, 'error').mockImplementation((line) => void logged.push(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** What an upgrade would be answered with: a response of the tests' own runtime has no status 101. */
const upgraded = () => new Response('upgraded', { headers: { 'x-upgraded': 'yes' } });

interface Entry {
  admitted?: Admitted;
  /** Refused before the room is asked. */
  refusal?: Refusal;
  /** Refused after the room has reserved a place. */
  late?: Refusal;
  /** The room's answer when it is sent a command, or asked whether it has a place. */
  command?: () => Promise<Response>;
  /** The room's answer when it is asked for a place. */
  reserve?: () => Response | Promise<Response>;
  env?: Record<string, string>;
}

/** The app before a room that reserves a place for every caller, unless the test says otherwise. */
function entryOf({ admitted = admittedOf(), refusal, late, command, reserve, env }: Entry = {}) {
  const asked: { sessionId: string; path: string; init: Parameters<RoomStubs['fetch']>[2] }[] = [];
  const services = fakeServices(env);
  services.admission = {
    join: () => Promise.reject(new Error('nobody joins here')),
    check: async () => refusal ?? null,
    async enter(_request, room) {
      if (refusal) return refusal;
      const refused = await room?.reserve(admitted);
      if (refused) return refused;
      if (!late) return { ok: true, admitted };
      await room?.release();
      return late;
    },
  };
  services.rooms = {
    async fetch(to, path, init) {
      asked.push({ sessionId: to, path, init });
      if ((path === '/command' || path === '/capacity') && command) return command();
      if (path !== '/reserve') return upgraded();
      return reserve ? reserve() : Response.json({ reservation_id: 'r1' });
    },
  };
  const app = createApp({ services: () => services });
  const enter = (path = `/parties/main/${sessionId}`, headers: Record<string, string> = {}) =>
    app.request(path, { headers: { upgrade: 'websocket', connection: 'upgrade', ...headers } });
  return { app, asked, enter };
}

describe('a join', () => {
  it('is one request to the room, and then the upgrade, which names the place', async () => {
    const admitted = admittedOf({ role: 'co-author', joinMethod: 'grant' });
    const { asked, enter } = entryOf({ admitted });
    const beforeMs = Date.now();
    const answer = await enter(`/parties/main/${sessionId}?_pk=tab-1&token=x&invite=secret`, {
      'cf-connecting-ip': '192.0.2.1',
      'sec-websocket-key': 'k',
      'sec-websocket-version': '13',
    });
    expect(answer.headers.get('x-upgraded')).toBe('yes');
    expect(asked.map(({ sessionId: to, path }) => [to, path])).toEqual([
      [sessionId, '/reserve'],
      [sessionId, `/?_pk=tab-1~${admitted.participantId}`],
    ]);
    const grant = admissionGrantSchema.parse(JSON.parse(asked[0]?.init.body ?? ''));
    expect(asked[1]?.path).toBe(`/?_pk=${grant.connectionId}`);
    expect(grant).toMatchObject({
      participantId: admitted.participantId,
      displayName: 'Zoë 🎹',
      role: 'co-author',
      joinMethod: 'grant',
      address: '192.0.2.1',
    });
    expect(grant.knownAtMs).toBeGreaterThan(beforeMs - 60_000);
    expect(grant.knownAtMs).toBeLessThanOrEqual(beforeMs);
    // A caller without a session token gets one.
    expect(await verifySessionToken(grant.token ?? '', JWT_SECRET)).toMatchObject({
      sessionId,
      participantId: admitted.participantId,
    });
    expect(asked[1]?.init.headers).toEqual({
      upgrade: 'websocket',
      'sec-websocket-key': 'k',
      'sec-websocket-version': '13',
      [RESERVATION_HEADER]: 'r1',
    });
    // The room gets neither token nor invite.
    expect(JSON.stringify(asked)).not.toContain('secret');
  });

  it('takes nothing for a place that the caller says', async () => {
    const { asked, enter } = entryOf();
    await enter(undefined, { [RESERVATION_HEADER]: 'mine', cookie: 'c', authorization: 'Bearer x' });
    expect(asked[1]?.init.headers).toEqual({ upgrade: 'websocket', [RESERVATION_HEADER]: 'r1' });
  });

  it('has the id that its client chose for its own participant only', async () => {
    const ids = [];
    const [ada, ben] = [admittedOf(), admittedOf()];
    for (const [admitted, chosen] of [
      [ada, 'tab-1'],
      [ada, 'tab-1'],
      [ada, 'tab-2'],
      [ben, 'tab-1'],
    ] as const) {
      const { asked, enter } = entryOf({ admitted });
      await enter(`/parties/main/${sessionId}?_pk=${chosen}`);
      ids.push(asked[1]?.path);
    }
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(3);
  });

  it('gives no token to a caller who has a session token', async () => {
    const admitted = admittedOf();
    const { asked, enter } = entryOf({ admitted });
    const { participantId, userId, displayName, avatarUrl, role } = admitted;
    const access = { sessionId, participantId, userId, displayName, avatarUrl, role };
    await enter(`/parties/main/${sessionId}?token=${await signSessionToken(access, JWT_SECRET)}`);
    expect(JSON.parse(asked[0]?.init.body ?? '').token).toBeNull();
  });

  it('gives one of the new secret to a caller whose token the secret before has signed', async () => {
    const { sessionId: _, ...person } = admittedOf();
    const token = await signSessionToken({ sessionId, ...person }, 'the-secret-that-is-going');
    const { asked, enter } = entryOf({ env: { JWT_SECRET_PREVIOUS: 'the-secret-that-is-going' } });
    await enter(`/parties/main/${sessionId}?token=${token}`);
    const renewed: unknown = JSON.parse(asked[0]?.init.body ?? '').token;
    expect(await verifySessionToken(String(renewed), JWT_SECRET)).not.toBeNull();
  });

  it('that Postgres could not confirm is judged by all that the room was ever told', async () => {
    const { asked, enter } = entryOf({ admitted: admittedOf({ isUnconfirmed: true }) });
    await enter();
    expect(JSON.parse(asked[0]?.init.body ?? '').knownAtMs).toBe(0);
  });

  it('at the other address is the same, with the session in the query', async () => {
    const { asked, enter } = entryOf();
    await enter(`/api/v1/ws?session_id=${sessionId.toUpperCase()}`);
    expect(asked.map(({ sessionId: to }) => to)).toEqual([sessionId, sessionId]);
  });

  it('that is refused before asks the room nothing', async () => {
    const refusal: Refusal = { ok: false, status: 403, error: 'forbidden', message: 'no' };
    const { asked, enter } = entryOf({ refusal });
    const answer = await enter();
    expect([answer.status, await answer.json()]).toEqual([403, { error: 'forbidden', message: 'no' }]);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(asked).toEqual([]);
  });

  it.each([
    ['a session id that is none', '/parties/main/nonsense'],
    ['a session id in the query that is none', '/api/v1/ws?session_id=nonsense'],
    ['a connection id that is none', `/parties/main/${sessionId}?_pk=a%20b`],
    ['a name that is too long', `/parties/main/${sessionId}?display_name=${'x'.repeat(300)}`],
    ['a token that is too long', `/parties/main/${sessionId}?token=${'x'.repeat(8_193)}`],
    ['an invite that is too long', `/parties/main/${sessionId}?invite=${'x'.repeat(257)}`],
  ])('with %s asks nobody', async (_, path) => {
    const { app, asked, enter } = entryOf();
    const answer = await enter(path);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'bad_request' }]);
    expect((await app.request(path)).status).toBe(400);
    expect(asked).toEqual([]);
  });

  it('of a page of another origin asks nobody', async () => {
    const { asked, enter } = entryOf({ env: { ALLOWED_ORIGINS: 'https://page.test' } });
    expect((await enter(undefined, { origin: 'https://evil.test' })).status).toBe(403);
    expect(asked).toEqual([]);
    expect((await enter(undefined, { origin: 'https://page.test' })).status).toBe(200);
  });
});

describe('a caller who is refused after the room has reserved a place', () => {
  const late: Refusal = { ok: false, status: 403, error: 'forbidden', message: 'the invite is not valid' };

  it('gives it back', async () => {
    const { asked, enter } = entryOf({ late });
    expect((await enter()).status).toBe(403);
    expect(asked.map(({ sessionId: to, path }) => [to, path])).toEqual([
      [sessionId, '/reserve'],
      [sessionId, '/command'],
    ]);
    expect(JSON.parse(asked[1]?.init.body ?? '')).toEqual({ kind: 'release', reservation_id: 'r1' });
  });

  it('gets the same refusal when the room is out of reach by then', async () => {
    const { asked, enter } = entryOf({
      late,
      command: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.1')),
    });
    const answer = await enter();
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { error: 'forbidden', message: 'the invite is not valid' },
    ]);
    expect(asked).toHaveLength(2);
    expect(logged.join()).not.toContain('10.0.0.1');
  });
});

describe('a room that reserves no place', () => {
  it.each([403, 404, 410, 429] as const)('says why, and is passed on: %i', async (status) => {
    const { asked, enter } = entryOf({ reserve: () => refuse(status, 'forbidden', 'the reason') });
    const answer = await enter();
    expect([answer.status, await answer.json()]).toEqual([
      status,
      { error: 'forbidden', message: 'the reason' },
    ]);
    expect(asked.map(({ path }) => path)).toEqual(['/reserve']);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ['cannot be reached', () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.1'))],
    ['has its storage out of reach', () => refuse(503, 'server_error', 'internal words')],
    ['fails', () => refuse(500, 'server_error', 'internal words')],
    ['refuses by another shape', () => Response.json({ no: 'shape' }, { status: 403 })],
  ])('as it %s is out of reach for now: 503', async (_, reserve) => {
    const { asked, enter } = entryOf({ reserve });
    const answer = await enter();
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({
      error: 'server_error',
      message: 'storage is out of reach, try again in a moment',
    });
    expect(asked.map(({ path }) => path)).toEqual(['/reserve']);
    expect(logged.join()).not.toContain('10.0.0.1');
  });

  it('is not asked again for a caller whom it has banned, until the ban is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { asked, enter } = entryOf({ reserve: () => refuseBanned(20_500) });
      const path = `/parties/main/${sessionId}?token=${randomUUID()}`;
      for (let i = 0; i < 3; i++) {
        const answer = await enter(path);
        expect([answer.status, (await answer.json()) as unknown]).toMatchObject([
          429,
          { error: 'too_many_requests' },
        ]);
        if (i === 0) expect(answer.headers.get('retry-after')).toBe('21');
      }
      expect(asked).toHaveLength(1);
      // For every other caller it is.
      await enter(`/parties/main/${sessionId}?token=${randomUUID()}`);
      expect(asked).toHaveLength(2);
      vi.advanceTimersByTime(21_000);
      await enter(path);
      expect(asked).toHaveLength(3);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('when a server is back, and all its clients come', () => {
  it('they are let in a few at a time, and who asks meanwhile hears so without any store', async () => {
    const answers: (() => void)[] = [];
    const { app, asked, enter } = entryOf({
      reserve: () =>
        new Promise((resolve) => {
          answers.push(() => resolve(Response.json({ reservation_id: 'r1' })));
        }),
    });
    const entering = Array.from({ length: 50 }, () => enter());
    await vi.waitFor(() => expect(answers.length).toBeGreaterThan(10));
    const first = answers.length;
    expect(first).toBeLessThan(50);
    const answer = await app.request(`/parties/main/${sessionId}`);
    expect([answer.status, await answer.json()]).toMatchObject([503, { error: 'server_error' }]);
    expect(asked).toHaveLength(first);
    const letIn = () => {
      for (const reserve of answers.splice(0)) reserve();
    };
    const timer = setInterval(letIn, 10);
    const statuses = (await Promise.all(entering)).map(({ status }) => status);
    clearInterval(timer);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect((await app.request(`/parties/main/${sessionId}`)).status).toBe(426);
  });
});

describe('a plain GET of a room', () => {
  it('says what speaks against a connection, or that nothing does, and asks a room only whether it has a place', async () => {
    const refusal: Refusal = { ok: false, status: 410, error: 'not_found', message: 'the session has ended' };
    const ended = entryOf({ refusal });
    const answer = await ended.app.request(`/parties/main/${sessionId}`, {
      headers: { origin: 'https://page.test' },
    });
    expect([answer.status, await answer.json()]).toEqual([
      410,
      { error: 'not_found', message: 'the session has ended' },
    ]);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://page.test');
    expect(answer.headers.get('vary')).toBe('origin');
    const open = entryOf();
    const allowed = await open.app.request(`/parties/main/${sessionId}`);
    expect([allowed.status, await allowed.json()]).toMatchObject([426, { error: 'bad_request' }]);
    expect([...ended.asked, ...open.asked].map(({ path }) => path)).toEqual(['/capacity']);
  });

  it('says that the room is full, to whom it is, or out of reach', async () => {
    const participant = admittedOf();
    const token = await signSessionToken(participant, JWT_SECRET);
    const path = `/parties/main/${sessionId}?_pk=tab-1&token=${token}`;
    const full = entryOf({ command: async () => refuse(429, 'too_many_requests', 'full') });
    const answer = await full.app.request(path, { headers: { 'cf-connecting-ip': '192.0.2.1' } });
    expect([answer.status, await answer.json()]).toEqual([
      429,
      { error: 'too_many_requests', message: 'full' },
    ]);
    expect(JSON.parse(full.asked[0]?.init.body ?? '')).toEqual({
      connectionId: `tab-1~${participant.participantId}`,
      participantId: participant.participantId,
      address: '192.0.2.1',
      role: participant.role,
    });
    const gone = entryOf({ command: () => Promise.reject(new Error('overloaded')) });
    expect((await gone.app.request(path)).status).toBe(503);
  });
});

it.each([
  ['POST', `/parties/main/${sessionId}`],
  ['PUT', `/parties/main/${sessionId}`],
  ['DELETE', `/parties/main/${sessionId}`],
  ['GET', `/parties/main/${sessionId}/reserve`],
  ['POST', `/parties/main/${sessionId}/reserve`],
  ['POST', `/parties/main/${sessionId}/command`],
  ['POST', `/parties/main/${sessionId}%2Fcommand`],
  ['POST', `/parties/other/${sessionId}`],
  ['GET', `/parties/other/${sessionId}`],
  ['GET', '/parties/main'],
  ['POST', '/reserve'],
  ['POST', '/command'],
  ['POST', '/api/v1/ws'],
])('%s %s leads into no room', async (method, path) => {
  const { app, asked } = entryOf();
  const init = { method, headers: { upgrade: 'websocket' }, ...(method === 'GET' ? {} : { body: '{}' }) };
  const answer = await app.request(path, init);
  expect([answer.status, await answer.json()]).toMatchObject([404, { error: 'not_found' }]);
  expect(asked).toEqual([]);
});
