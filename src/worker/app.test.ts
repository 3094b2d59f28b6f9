import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type FakeServices,
  FLUSH_SECRET,
  fakeServices,
  JWT_SECRET,
} from '../../test/support/worker-services.ts';
import { type SessionAccess, signSessionToken } from '../access/session-token.ts';
import { ConfigError } from '../config.ts';
import type { SessionDirectory } from '../domain/directory.ts';
import { StorageUnavailableError, WriteRefusedError } from '../domain/errors.ts';
import { createApp } from './app.ts';
import { SITE_PREVIEW, socialTags } from './social-tags.ts';
import { createSweeper } from './sweeper.ts';
import { type Watched, watchedSchema } from './watch.ts';

let services: FakeServices;
let app: ReturnType<typeof createApp>;
let logged: string[];
let told: string[];

beforeEach(() => {
  services = fakeServices();
  app = createApp({ services: () => services });
  logged = [];
  told = [];
  vi.spyOn(console, 'log').mockImplementation((line) => told.push(String(line)));
  vi.spyOn(console, 'error').mockImplementation((line) => logged.push(String(line)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

type Init = {
  method?: string;
  body?: unknown;
  raw?: string;
  token?: string;
  headers?: Record<string, string>;
};

async function call(path: string, { method, body, raw, token, headers = {} }: Init = {}) {
  const init: RequestInit = {
    method: method ?? (body === undefined && raw === undefined ? 'GET' : 'POST'),
    headers: { ...headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
  };
  if (raw !== undefined) init.body = raw;
  else if (body !== undefined) init.body = JSON.stringify(body);
  const response = await app.request(path, init);
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
}

function sessionToken(over: Partial<SessionAccess> = {}) {
  const access: SessionAccess = {
    sessionId: randomUUID(),
    participantId: randomUUID(),
    userId: null,
    displayName: 'Ada',
    avatarUrl: null,
    role: 'host',
    ...over,
  };
  return signSessionToken(access, JWT_SECRET);
}

describe('the flush routes', () => {
  const routes: [string, string][] = [
    ['POST', '/flush'],
    ['POST', '/flush/turn'],
    ['POST', `/flush/${randomUUID()}`],
    ['GET', '/flush/dead'],
    ['POST', '/flush/redirty'],
    ['POST', '/flush/dead/good/replay'],
    ['DELETE', '/flush/dead/good'],
  ];

  it.each(routes)('%s %s needs the flush secret', async (method, path) => {
    const bad = [
      '',
      'x',
      FLUSH_SECRET.slice(0, -1),
      `${FLUSH_SECRET}x`,
      FLUSH_SECRET.toUpperCase(),
      'a b',
      '"',
    ];
    for (const token of bad) {
      const refused = await call(path, { method, token });
      expect([token, refused.status, refused.json?.error]).toEqual([token, 401, 'unauthorized']);
    }
    const refused = await call(path, { method });
    expect(refused.json).toEqual({ error: 'unauthorized', message: expect.any(String) });
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect((await call(path, { method, token: await sessionToken() })).status).toBe(401);
    expect(services.calls).toEqual([]);
    expect((await call(path, { method, token: FLUSH_SECRET })).status).toBe(200);
  });

  it('flush everything, or one session', async () => {
    const token = FLUSH_SECRET;
    const id = randomUUID();
    const one = await call(`/flush/${id}`, { method: 'POST', token });
    expect(one.json).toEqual({
      sessions: 2,
      messages: 3,
      dead_letters: 0,
      undelivered: 0,
      busy: 0,
      transactions: 1,
      flushed_rev: 7,
      is_dirty: false,
      last_commit: 3,
      is_complete: true,
    });
    // The sweeper flushes everything, and its answer is passed on.
    expect((await call('/flush', { method: 'POST', token })).json).toEqual({ swept: true });
    expect(services.calls).toEqual([`flushSession "${id}"`, 'sweeper "POST /flush"']);
    expect((await call('/flush/nope', { method: 'POST', token })).status).toBe(400);
  });

  it('mark sessions as dirty, some with each call', async () => {
    const token = FLUSH_SECRET;
    const redirty = (query = '') => call(`/flush/redirty${query}`, { method: 'POST', token });
    expect((await redirty()).json).toEqual({ marked: 2, next: '42' });
    expect((await redirty('?cursor=42')).json).toEqual({ marked: 2, next: null });
    expect((await redirty('?cursor=x')).status).toBe(400);
    expect(services.calls).toEqual(['redirtySome null', 'redirtySome "42"']);
  });

  it('list and replay dead letters', async () => {
    const token = FLUSH_SECRET;
    expect((await call('/flush/dead?limit=10&cursor=7', { token })).json).toEqual({
      at: expect.any(String),
      letters: [],
      next: '42',
    });
    expect(services.calls).toEqual(['listDead {"limit":10,"cursor":"7"}']);
    for (const query of ['limit=0', 'limit=501', `cursor=${'x'.repeat(501)}`]) {
      expect((await call(`/flush/dead?${query}`, { token })).status).toBe(400);
    }
    const replay = (id: string) => call(`/flush/dead/${id}/replay`, { method: 'POST', token });
    expect(await replay('good')).toMatchObject({ status: 200, json: { status: 'replayed' } });
    expect(await replay('unknown')).toMatchObject({ status: 404, json: { error: 'not_found' } });
    expect(await replay('bad')).toMatchObject({
      status: 409,
      json: { error: 'conflict', details: '23514: no' },
    });
    await replay(encodeURIComponent('a:m:b'));
    expect(services.calls.at(-1)).toBe('replayDead "a:m:b"');
  });

  it('discard dead letters, and log how many, not what', async () => {
    const token = FLUSH_SECRET;
    const one = (id: string) => call(`/flush/dead/${id}`, { method: 'DELETE', token });
    expect((await one(encodeURIComponent('a:m:b'))).json).toEqual({
      discarded: 1,
      bytes: 400,
      has_more: false,
    });
    expect(await one('unknown')).toMatchObject({ status: 404, json: { error: 'not_found' } });
    const session_id = randomUUID();
    const until = new Date().toISOString();
    const all = (body: object) => call('/flush/dead/discard', { method: 'POST', body, token });
    expect((await all({ session_id, until })).json).toEqual({
      discarded: 500,
      bytes: 90_000,
      has_more: true,
    });
    const unknown = await call('/flush/dead/discard', { method: 'POST', body: { session_id, until } });
    expect(unknown.status).toBe(401);
    // What nobody has seen isn't to be discarded.
    expect((await all({ session_id })).status).toBe(400);
    expect((await all({ session_id: 'all', until })).status).toBe(400);
    expect(services.calls).toEqual([
      'discardDead "a:m:b"',
      'discardDead "unknown"',
      `discardDeadOf "${session_id}" "${until}"`,
    ]);
    const event = { level: 'info', event: 'dead_letters_discarded' };
    expect(told.map((line) => JSON.parse(line))).toEqual([
      { ...event, session: null, letters: 1, bytes: 400 },
      { ...event, session: session_id, letters: 500, bytes: 90_000 },
    ]);
  });

  it('answer 503 when a store is out of reach', async () => {
    services.failures.set('flushSession', new StorageUnavailableError('postgres', 'HTTP status 500'));
    const path = `/flush/${randomUUID()}`;
    const { status, json } = await call(path, { method: 'POST', token: FLUSH_SECRET });
    expect(status).toBe(503);
    expect(json).toEqual({ error: 'server_error', message: 'postgres is out of reach, try again' });
    expect(logged.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ event: 'storage_unavailable', store: 'postgres', path }),
    ]);
  });

  it('hand a turn over to the sweeper, as it was asked for, and its answer back', async () => {
    const token = FLUSH_SECRET;
    const body = { scheduled_ms: 1_700_000_000_000 };
    expect(await call('/flush/turn', { token, body })).toMatchObject({ status: 200, json: { swept: true } });
    expect(services.calls).toEqual([`sweeper "POST /flush/turn" ${JSON.stringify(JSON.stringify(body))}`]);
    services.sweeper.fetch = async () =>
      Response.json({ error: 'bad_request', message: 'no' }, { status: 400 });
    expect(await call('/flush/turn', { token, raw: 'x' })).toMatchObject({
      status: 400,
      json: { error: 'bad_request', message: 'no' },
    });
    services.sweeper.fetch = () => Promise.reject(new Error('no such object'));
    expect(await call('/flush/turn', { token, body })).toMatchObject({
      status: 503,
      json: { error: 'server_error', message: 'the sweeper is out of reach, try again' },
    });
  });
});

describe('the sweeper', () => {
  const watched: Watched = {
    raised: { lag: 5_000 },
    failures: { turns: 0, reason: null },
    samples: [{ atMs: 1, dirtySessions: 2, oldestDirtyMs: 3, deadLetters: null, flushedSessions: 4 }],
  };
  const sweeper = createSweeper(
    () => {
      throw new StorageUnavailableError('redis', 'down');
    },
    45,
    { afterTurn: async () => {}, told: async () => watched },
  );
  const ask = (path: string, body?: string) =>
    sweeper.request(path, { method: 'POST', ...(body === undefined ? {} : { body }) });

  it.each([
    ['no body', undefined, 'validation_error'],
    ['nothing in it', '{}', 'validation_error'],
    ['something that is not JSON', 'x', 'bad_request'],
    ['a time that is none', '{"scheduled_ms":"now"}', 'validation_error'],
    ['half a millisecond', '{"scheduled_ms":0.5}', 'validation_error'],
  ])('takes no turn with %s', async (_, body, error) => {
    const answer = await ask('/flush/turn', body);
    expect([answer.status, await answer.json()]).toMatchObject([400, { error }]);
  });

  it('tells what it remembers', async () => {
    const answer = await sweeper.request('/watched');
    expect(watchedSchema.parse(await answer.json())).toEqual(watched);
  });

  it('says that a store is out of reach as the routes do', async () => {
    for (const answer of [await ask('/flush'), await ask('/flush/turn', '{"scheduled_ms":1}')]) {
      expect([answer.status, await answer.json()]).toEqual([
        503,
        { error: 'server_error', message: 'redis is out of reach, try again' },
      ]);
    }
  });
});

describe('the operator’s page', () => {
  const token = FLUSH_SECRET;
  const watched: Watched = {
    raised: { dead_letters: Date.parse('2026-01-02T03:04:05Z') },
    failures: { turns: 3, reason: 'postgres: no answer' },
    samples: [{ atMs: 1_000, dirtySessions: 2, oldestDirtyMs: 3, deadLetters: null, flushedSessions: 4 }],
  };
  const PAGE_FILE = '<!doctype html>';

  beforeEach(() => {
    services = fakeServices({
      ANONYMOUS_SESSIONS_PER_DAY: '500',
      ANONYMOUS_ENTRIES_PER_DAY: '20000',
      ANONYMOUS_COMMITS_PER_DAY: '250000',
      AI_ANONYMOUS_REQUESTS_PER_DAY: '200',
      AI_REQUESTS_PER_DAY: '1000',
    });
    services.sweeper.fetch = async (path, { method }) => {
      services.calls.push(`sweeper ${method} ${path}`);
      return Response.json(watched);
    };
    services.assets = {
      fetch: async (path) => {
        services.calls.push(`asset ${path}`);
        return new Response(PAGE_FILE, { headers: { 'content-type': 'text/html; charset=utf-8' } });
      },
    };
  });

  it('is the file, which anybody may have, with the headers of a page', async () => {
    const { status, text, headers } = await call('/admin');
    expect([status, text]).toEqual([200, PAGE_FILE]);
    expect(services.calls).toEqual(['asset /admin']);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "frame-ancestors 'none'",
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    });
    const policy = "default-src 'none'; script-src 'self'; frame-ancestors 'none'";
    services.assets.fetch = async () => new Response('', { headers: { 'content-security-policy': policy } });
    expect((await call('/admin')).headers.get('content-security-policy')).toBe(policy);
  });

  it.each([
    ['no file', null],
    ['a file of another name', new Response('gone', { status: 404 })],
  ])('is not found where a host has %s', async (_, file) => {
    services.assets.fetch = async () => file;
    expect(await call('/admin')).toMatchObject({ status: 404, json: { error: 'not_found' } });
  });

  it.each(['/admin/status', '/admin/history'])('%s is for the flush secret only', async (path) => {
    services = fakeServices({ METRICS_TOKEN: 'a-token-for-the-metrics' });
    for (const wrong of [
      undefined,
      '',
      `${FLUSH_SECRET}x`,
      'a-token-for-the-metrics',
      await sessionToken(),
    ]) {
      const refused = await call(path, wrong === undefined ? {} : { token: wrong });
      expect([wrong, refused.status, refused.json.error]).toEqual([wrong, 401, 'unauthorized']);
    }
    expect(services.calls).toEqual([]);
  });

  it('has its figures from one question to Redis and none to Postgres', async () => {
    const { status, json } = await call('/admin/status', { token });
    expect(status).toBe(200);
    expect(services.calls.sort()).toEqual(['stats', 'sweeper GET /watched']);
    expect(json).toEqual({
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      buffer: {
        dirty_sessions: 3,
        oldest_dirty_ms: 1_500,
        sweeper_lease_ms: 250,
        dead_letters: 1,
        dead_letter_bytes: 900,
        is_full: false,
        totals: {
          commits: 10,
          edits: 40,
          messages: 5,
          flushes: 2,
          flushed_sessions: 4,
          flushed_messages: 6,
          flush_failures: 7,
          dead_lettered: 8,
          dead_letters_refused: 9,
        },
      },
      budgets: [
        { name: 'sessions', used: 1, limit: 500, resets_at: expect.stringMatching(/T00:00:00.000Z$/) },
        expect.objectContaining({ name: 'entries', used: 2, limit: 20_000 }),
        expect.objectContaining({ name: 'commits', used: 3, limit: 250_000 }),
        expect.objectContaining({ name: 'ai_strangers', used: 4, limit: 200 }),
        expect.objectContaining({ name: 'ai', used: 5, limit: 1_000 }),
      ],
      alerts: [
        {
          name: 'dead_letters',
          level: 'warning',
          message: '1 dead letters wait to be looked at',
          since: '2026-01-02T03:04:05.000Z',
        },
        {
          name: 'failures',
          level: 'warning',
          message: 'the last 3 turns were cut short: postgres: no answer',
          since: null,
        },
      ],
    });
  });

  it('is asked every few seconds by several, for one question to Redis a second', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (let second = 0; second < 60; second++) {
        await Promise.all([call('/admin/status', { token }), call('/admin/status', { token })]);
        vi.advanceTimersByTime(1_000);
      }
      const of = (name: string) => services.calls.filter((asked) => asked.startsWith(name)).length;
      // The first two ask at once: nobody waits for another's request.
      expect([of('stats') <= 61, of('sweeper') <= 3]).toEqual([true, true]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('says so when Redis or the sweeper is out of reach', async () => {
    services.failures.set('stats', new StorageUnavailableError('redis', 'down'));
    services.sweeper.fetch = () => Promise.reject(new Error('no such object'));
    const { status, json } = await call('/admin/status', { token });
    expect(status).toBe(200);
    expect(json).toMatchObject({ buffer: null, budgets: [], alerts: [] });
    expect(await call('/admin/history', { token })).toMatchObject({
      status: 503,
      json: { error: 'server_error', message: 'the sweeper is out of reach, try again' },
    });
  });

  it('has the last day from the sweeper alone', async () => {
    const { status, json } = await call('/admin/history', { token });
    expect([status, json]).toEqual([
      200,
      {
        samples: [
          {
            at: '1970-01-01T00:00:01.000Z',
            dirty_sessions: 2,
            oldest_dirty_ms: 3,
            dead_letters: null,
            flushed_sessions: 4,
          },
        ],
      },
    ]);
    expect(services.calls).toEqual(['sweeper GET /watched']);
  });
});

describe('GET /live', () => {
  it('asks no store', async () => {
    for (let i = 0; i < 100; i++) {
      expect(await call('/live')).toMatchObject({ status: 200, json: { status: 'ok' } });
    }
    expect(services.calls).toEqual([]);
  });
});

describe('GET /health for a stranger', () => {
  it('does not ask Postgres, however often, and Redis once a minute', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (let second = 0; second < 300; second++) {
        const { status, json } = await call('/health');
        expect([status, json]).toEqual([
          200,
          { status: 'ok', redis: { ok: true, latency_ms: expect.any(Number) } },
        ]);
        vi.advanceTimersByTime(1_000);
      }
      expect(services.calls).toEqual(Array.from({ length: 5 }, () => 'redis'));
    } finally {
      vi.useRealTimers();
    }
  });

  it('says within a second that Redis is back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      services.failures.set('redis', new StorageUnavailableError('redis', 'down'));
      expect((await call('/health')).status).toBe(503);
      services.failures.clear();
      vi.advanceTimersByTime(1_000);
      expect((await call('/health')).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  it('tells a wrong token from none', async () => {
    for (const path of ['/health', '/metrics']) {
      expect(await call(path, { token: 'x' })).toMatchObject({
        status: 401,
        json: { error: 'unauthorized' },
      });
    }
    expect(services.calls).toEqual([]);
  });
});

describe('GET /health for those who may watch', () => {
  const token = FLUSH_SECRET;

  it('says how both stores are', async () => {
    const { status, json } = await call('/health', { token });
    expect(status).toBe(200);
    expect(json).toEqual({
      status: 'ok',
      redis: { ok: true, latency_ms: expect.any(Number) },
      postgres: { ok: true, latency_ms: expect.any(Number) },
    });
  });

  it.each(['redis', 'postgres'] as const)(
    'says when %s does not answer, and nothing internal',
    async (store) => {
      services.failures.set(store, new StorageUnavailableError(store, 'no route to db.internal:5432'));
      const { status, json } = await call('/health', { token });
      expect(status).toBe(503);
      expect(json).toMatchObject({
        status: 'unavailable',
        [store]: { ok: false, error: 'out of reach' },
      });

      app = createApp({ services: () => services });
      services.failures.set(store, new Error('connecting with password hunter2'));
      expect((await call('/health', { token })).json[store]).toMatchObject({ ok: false, error: 'failed' });
      expect(logged.join()).not.toContain('hunter2');
    },
  );

  it('asks the stores at most once a second', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (let i = 0; i < 5; i++) await call('/health', { token });
      expect(services.calls).toEqual(['redis', 'postgres']);
      vi.advanceTimersByTime(1_000);
      await Promise.all([call('/health', { token }), call('/health', { token }), call('/health', { token })]);
      expect(services.calls).toHaveLength(4);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('GET /metrics', () => {
  it('is Prometheus text, from one question to the buffer', async () => {
    const { status, headers, text } = await call('/metrics', { token: FLUSH_SECRET });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(services.calls).toEqual(['stats']);
    const samples = text.matchAll(/^# HELP (\S+) .+\n# TYPE \1 (counter|gauge)\n\1 (\S+)$/gm);
    const values = Object.fromEntries(
      [...samples].map(([, name, type, value]) => [name, `${type} ${value}`]),
    );
    expect(values).toEqual({
      backbeat_dirty_sessions: 'gauge 3',
      backbeat_oldest_dirty_age_seconds: 'gauge 1.5',
      backbeat_sweeper_lease_seconds: 'gauge 0.25',
      backbeat_dead_letters: 'gauge 1',
      backbeat_dead_letter_bytes: 'gauge 900',
      backbeat_redis_full: 'gauge 0',
      backbeat_commits_total: 'counter 10',
      backbeat_edits_total: 'counter 40',
      backbeat_messages_total: 'counter 5',
      backbeat_flushes_total: 'counter 2',
      backbeat_flushed_sessions_total: 'counter 4',
      backbeat_flushed_messages_total: 'counter 6',
      backbeat_flush_failures_total: 'counter 7',
      backbeat_dead_lettered_total: 'counter 8',
      backbeat_dead_letters_refused_total: 'counter 9',
    });
    expect(text.split('\n')).toHaveLength(3 * Object.keys(values).length + 1);
  });

  it('is for no stranger: by its own token, or the flush secret', async () => {
    services = fakeServices({ METRICS_TOKEN: 'a-token-for-the-metrics' });
    for (const token of ['', 'x', 'a-token-for-the-metric', await sessionToken()]) {
      expect((await call('/metrics', { token })).status).toBe(401);
    }
    const refused = await call('/metrics');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(services.calls).toEqual([]);
    for (const token of ['a-token-for-the-metrics', FLUSH_SECRET]) {
      expect((await call('/metrics', { token })).status).toBe(200);
    }
    // It opens nothing else.
    expect((await call('/flush', { method: 'POST', token: 'a-token-for-the-metrics' })).status).toBe(401);
    expect((await call('/flush/dead', { token: 'a-token-for-the-metrics' })).status).toBe(401);
  });
});

describe('errors', () => {
  it('of unknown routes are JSON', async () => {
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/api/v1/nope'],
      ['PUT', '/api/v1/sessions'],
      ['GET', '/flushed'],
    ]) {
      const { status, json } = await call(path ?? '', { method: method ?? '' });
      expect([path, status, json?.error]).toEqual([path, 404, 'not_found']);
    }
  });

  it('that nobody expected show nothing internal, and are logged without their message', async () => {
    services.failures.set('enter', new Error('Failed query … params: hunter2'));
    const { status, json } = await call('/api/v1/sessions', { method: 'POST' });
    expect(status).toBe(500);
    expect(json).toEqual({ error: 'server_error', message: 'something went wrong' });
    expect(logged).toHaveLength(1);
    expect(logged[0]).not.toContain('hunter2');
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      level: 'error',
      event: 'unexpected_error',
      path: '/api/v1/sessions',
      at: expect.arrayContaining([expect.stringContaining('app.test')]),
    });
  });

  it('of data that Postgres refuses are the caller’s', async () => {
    services.failures.set('enter', new WriteRefusedError('23514', 'constraint x'));
    expect(await call('/api/v1/sessions', { method: 'POST' })).toMatchObject({
      status: 400,
      json: { error: 'validation_error' },
    });
  });

  it('of the configuration name the variables, on every route', async () => {
    app = createApp({
      services: () => {
        throw new ConfigError('configuration: JWT_SECRET: missing');
      },
    });
    for (const path of ['/health', '/api/v1/sessions', '/nope']) {
      expect(await call(path)).toMatchObject({
        status: 500,
        json: { error: 'server_error', message: 'configuration: JWT_SECRET: missing' },
      });
    }
  });
});

it('every reply, a refusal too, tells browsers to take it for nothing else', async () => {
  for (const path of [
    '/health',
    '/docs',
    '/docs/style.css',
    '/metrics',
    '/flush/dead',
    '/api/v1/strudels',
    '/nope',
  ]) {
    const { headers } = await call(path);
    const has = Object.fromEntries(
      ['x-content-type-options', 'x-frame-options', 'referrer-policy'].map((name) => [
        name,
        headers.get(name),
      ]),
    );
    expect([path, has]).toEqual([
      path,
      { 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' },
    ]);
    const policy = headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; style-src 'self';.* frame-ancestors 'none'/);
  }
});

describe('CORS', () => {
  const preflight = (origin: string) =>
    call('/api/v1/sessions', {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization',
      },
    });

  it('lets any origin in when none are named', async () => {
    const { status, headers } = await preflight('https://any.test');
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-headers')).toBe('authorization');
  });

  it('lets only those in that are named, and shows them errors too', async () => {
    services = fakeServices({ ALLOWED_ORIGINS: 'https://a.test, https://b.test' });
    expect((await preflight('https://b.test')).headers.get('access-control-allow-origin')).toBe(
      'https://b.test',
    );
    expect((await preflight('https://c.test')).headers.get('access-control-allow-origin')).toBeNull();
    for (const path of ['/api/v1/sessions/nope', '/api/v1/nope']) {
      const { status, headers } = await call(path, { headers: { Origin: 'https://a.test' } });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(headers.get('access-control-allow-origin')).toBe('https://a.test');
    }
  });

  it('keeps the flush routes to servers', async () => {
    const { headers } = await call('/flush', {
      method: 'POST',
      token: FLUSH_SECRET,
      headers: { Origin: 'https://a.test' },
    });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('an address of a session to paste elsewhere', () => {
  const html = `<head>${socialTags(SITE_PREVIEW)}</head>`;
  const listed = (i: number) => ({
    id: randomUUID(),
    title: 'Night',
    isDiscoverable: true,
    createdAtMs: 0,
    lastActivityMs: 0,
    hostName: 'Ana',
    participantCount: i,
    isMember: false,
  });
  const directoryOf = (live: SessionDirectory['live']) =>
    ({ live }) satisfies Partial<SessionDirectory> as Partial<SessionDirectory> as SessionDirectory;
  const all = Array.from({ length: 250 }, (_, i) => listed(i));
  let asked: number;
  beforeEach(() => {
    asked = 0;
    services.assets = {
      fetch: async () => new Response(html, { headers: { 'content-type': 'text/html', etag: 'x' } }),
    };
    services.directory = directoryOf(async (_userId, { limit, offset }) => {
      asked += 1;
      return { items: all.slice(offset, offset + limit), total: all.length };
    });
  });

  it('is looked for in the whole public list, which is read once for all', async () => {
    const last = all.at(-1);
    const page = await call(`/s/${last?.id}`);
    expect(page.text).toContain('Ana is jamming: 249 here');
    expect(page.headers.get('etag')).toBeNull();
    expect(asked).toBe(3);
    for (let i = 0; i < 10; i++) await call(`/s/${randomUUID()}`);
    expect(asked).toBe(3);
  });

  it('is the page, also where its session can’t be looked for', async () => {
    const none = await call(`/s/${randomUUID()}`);
    expect(none.status).toBe(200);
    const before = asked;
    expect((await call('/s/nonsense')).text).toBe(none.text);
    expect(asked).toBe(before);
    services = fakeServices();
    services.assets = { fetch: async () => new Response(html) };
    services.directory = directoryOf(async () => {
      throw new StorageUnavailableError('postgres', 'down');
    });
    app = createApp({ services: () => services });
    const down = await call(`/s/${all[0]?.id}`);
    expect([down.status, down.text]).toEqual([200, none.text]);
    services.assets = { fetch: async () => null };
    expect((await call(`/s/${all[0]?.id}`)).status).toBe(404);
  });
});
