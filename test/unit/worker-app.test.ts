import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/config.ts';
import {
  MAX_CODE_BYTES,
  MAX_DISPLAY_NAME_CHARS,
  MAX_FRAME_BYTES,
  MAX_TITLE_CHARS,
} from '../../src/protocol/limits.ts';
import {
  SessionNotFoundError,
  StorageUnavailableError,
  WriteRefusedError,
} from '../../src/sessions/errors.ts';
import { type SessionAccess, signSessionToken, verifySessionToken } from '../../src/sessions/token.ts';
import type { SessionMessage } from '../../src/sessions/types.ts';
import { createApp } from '../../src/worker/app.ts';
import { type FakeServices, FLUSH_SECRET, fakeServices, JWT_SECRET } from '../support/worker-services.ts';

let services: FakeServices;
let app: ReturnType<typeof createApp>;
let logged: string[];

beforeEach(() => {
  services = fakeServices();
  app = createApp({ services: () => services });
  logged = [];
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

async function userToken(claims: Record<string, unknown>, { secret = JWT_SECRET, expires = '1h' } = {}) {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}

function sessionToken(over: Partial<SessionAccess> = {}) {
  const access: SessionAccess = {
    sessionId: randomUUID(),
    userId: null,
    displayName: 'Ada',
    avatarUrl: null,
    role: 'host',
    ...over,
  };
  return signSessionToken(access, JWT_SECRET);
}

describe('POST /api/v1/sessions', () => {
  it('makes a session for an anonymous caller, whose token opens it as host', async () => {
    const { status, json, headers } = await call('/api/v1/sessions', { method: 'POST' });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(json).toMatchObject({
      session: { title: '', code: '', rev: 0, host_user_id: null, is_active: true, ended_at: null },
      role: 'host',
      display_name: 'Anonymous',
    });
    expect(json.session.created_at).toBe('2026-01-01T00:00:00.000Z');
    expect(await verifySessionToken(json.token, JWT_SECRET)).toEqual({
      sessionId: json.session.id,
      userId: null,
      displayName: 'Anonymous',
      avatarUrl: null,
      role: 'host',
    });
    expect(services.users.size).toBe(0);
  });

  it('makes it for a signed-in caller, under the name and picture of their token', async () => {
    const token = await userToken({ sub: 'auth|1', name: 'Ada', picture: 'https://x.test/a.png' });
    const { json } = await call('/api/v1/sessions', { token, body: { title: 'My jam', code: 's("bd")' } });
    const [[userId, profile] = []] = [...services.users];
    expect(profile).toEqual({ subject: 'auth|1', name: 'Ada', avatarUrl: 'https://x.test/a.png' });
    expect(json).toMatchObject({
      session: { title: 'My jam', code: 's("bd")', host_user_id: userId },
      display_name: 'Ada',
    });
    expect(await verifySessionToken(json.token, JWT_SECRET)).toMatchObject({
      userId,
      avatarUrl: 'https://x.test/a.png',
    });
  });

  it('takes a display name before the one of the token', async () => {
    const token = await userToken({ sub: 'auth|1', name: 'Ada' });
    const { json } = await call('/api/v1/sessions', { token, body: { display_name: 'DJ Ada' } });
    expect(json.display_name).toBe('DJ Ada');
  });

  it('makes do with a token whose name or picture is of no use', async () => {
    const long = `${'x'.repeat(MAX_DISPLAY_NAME_CHARS - 1)}🎵`;
    const cases: [Record<string, unknown>, string, string | null][] = [
      [{ name: '   ' }, 'Anonymous', null],
      [{ name: 7, picture: 'javascript:alert(1)' }, 'Anonymous', null],
      [{ name: long, picture: null }, 'x'.repeat(MAX_DISPLAY_NAME_CHARS - 1), null],
    ];
    for (const [claims, name, avatarUrl] of cases) {
      const token = await userToken({ sub: 'auth|1', ...claims });
      const { json, status } = await call('/api/v1/sessions', { method: 'POST', token });
      expect(status).toBe(201);
      expect(json.display_name).toBe(name);
      expect(await verifySessionToken(json.token, JWT_SECRET)).toMatchObject({ avatarUrl });
    }
  });

  it('refuses a token that is not valid, instead of taking its bearer for anonymous', async () => {
    const { exp: _, ...noExpiry } = { exp: 0, sub: 'auth|1' };
    const eternal = await new SignJWT(noExpiry)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(JWT_SECRET));
    const tokens = {
      forged: await userToken({ sub: 'auth|1' }, { secret: 'another-secret-of-length' }),
      expired: await userToken({ sub: 'auth|1' }, { expires: '-1s' }),
      nameless: await userToken({ name: 'Ada' }),
      'for a session': await sessionToken({ userId: randomUUID() }),
      eternal,
      garbage: 'garbage',
    };
    for (const [kind, token] of Object.entries(tokens)) {
      const { status, json, headers } = await call('/api/v1/sessions', { method: 'POST', token });
      expect([kind, status, json.error]).toEqual([kind, 401, 'unauthorized']);
      expect(headers.get('www-authenticate')).toBe('Bearer');
    }
    const basic = await call('/api/v1/sessions', {
      method: 'POST',
      headers: { Authorization: 'Basic eDp5' },
    });
    expect(basic.status).toBe(401);
    expect(services.calls).toEqual([]);
  });

  it.each([
    ['a title', { title: 't'.repeat(MAX_TITLE_CHARS) }, { title: 't'.repeat(MAX_TITLE_CHARS + 1) }],
    ['code', { code: 'é'.repeat(MAX_CODE_BYTES / 2) }, { code: `${'é'.repeat(MAX_CODE_BYTES / 2)}x` }],
    [
      'a name',
      { display_name: 'n'.repeat(MAX_DISPLAY_NAME_CHARS) },
      { display_name: 'n'.repeat(MAX_DISPLAY_NAME_CHARS + 1) },
    ],
    ['text that can be stored', { title: 'é\n🎵' }, { title: 'a\0b' }],
    ['pairs of surrogates', { code: '\u{1f3b5}' }, { code: '\ud83c' }],
    ['names that show', { display_name: ' x ' }, { display_name: ' \t' }],
  ])('has a limit on %s', async (_, good, bad) => {
    expect((await call('/api/v1/sessions', { body: good })).status).toBe(201);
    const { status, json } = await call('/api/v1/sessions', { body: bad });
    expect(status).toBe(400);
    expect(json).toMatchObject({
      error: 'validation_error',
      details: expect.stringContaining(Object.keys(bad)[0] ?? ''),
    });
  });

  it.each([
    ['{', 400, 'bad_request'],
    ['[]', 400, 'validation_error'],
    ['"x"', 400, 'validation_error'],
    ['{"title":7}', 400, 'validation_error'],
  ])('refuses the body %s', async (raw, status, error) => {
    expect(await call('/api/v1/sessions', { raw })).toMatchObject({ status, json: { error } });
  });

  it('has a limit on the body, also when its length is not announced', async () => {
    const fill = (bytes: number) => JSON.stringify({ unknown: 'x'.repeat(bytes - '{"unknown":""}'.length) });
    expect((await call('/api/v1/sessions', { raw: fill(MAX_FRAME_BYTES) })).status).toBe(201);
    const tooLarge = fill(MAX_FRAME_BYTES + 1);
    expect(await call('/api/v1/sessions', { raw: tooLarge })).toMatchObject({
      status: 413,
      json: { error: 'validation_error' },
    });
    const announced = { raw: tooLarge, headers: { 'content-length': String(tooLarge.length) } };
    expect((await call('/api/v1/sessions', announced)).status).toBe(413);
  });
});

describe('routes of one session', () => {
  it('show it to who has its token', async () => {
    const made = (await call('/api/v1/sessions', { body: { title: 'Jam' } })).json;
    const { status, json } = await call(`/api/v1/sessions/${made.session.id}`, { token: made.token });
    expect(status).toBe(200);
    expect(json.session).toEqual(made.session);
    const upper = await call(`/api/v1/sessions/${made.session.id.toUpperCase()}`, { token: made.token });
    expect(upper.status).toBe(200);
  });

  it('refuse everybody else', async () => {
    const { session } = (await call('/api/v1/sessions', { method: 'POST' })).json;
    for (const path of [`/api/v1/sessions/${session.id}`, `/api/v1/sessions/${session.id}/messages`]) {
      expect((await call(path)).status).toBe(401);
      expect((await call(path, { token: 'garbage' })).status).toBe(401);
      expect((await call(path, { token: await userToken({ sub: 'x' }) })).status).toBe(401);
      expect((await call(path, { token: await sessionToken() })).status).toBe(403);
    }
    expect(services.calls).toEqual(['createSession']);
  });

  it('say when there is none', async () => {
    const sessionId = randomUUID();
    const token = await sessionToken({ sessionId });
    expect(await call(`/api/v1/sessions/${sessionId}`, { token })).toMatchObject({
      status: 404,
      json: { error: 'not_found' },
    });
    expect(await call('/api/v1/sessions/not-a-uuid', { token })).toMatchObject({
      status: 400,
      json: { error: 'validation_error' },
    });
  });

  it('page through the history', async () => {
    const sessionId = randomUUID();
    const token = await sessionToken({ sessionId, role: 'co-author' });
    const types: SessionMessage['type'][] = ['chat', 'user_prompt', 'ai_response'];
    types.forEach((type, i) => {
      services.messages.push({
        id: randomUUID(),
        type,
        role: 'user',
        userId: null,
        displayName: 'Ada',
        avatarUrl: null,
        content: `m${i}`,
        isActionable: false,
        isCodeResponse: false,
        strudelId: null,
        createdAtMs: 1_000 + i,
      });
    });
    const path = `/api/v1/sessions/${sessionId}/messages`;
    const page = await call(`${path}?limit=2&before=5000`, { token });
    expect(page.status).toBe(200);
    expect(page.json.messages.map((m: { content: string }) => m.content)).toEqual(['m1', 'm2']);
    expect(page.json.messages[0]).toMatchObject({
      message_type: 'user_prompt',
      timestamp: 1_001,
      user_id: null,
    });
    expect(page.json.next).toBe(1_001);
    expect(services.calls).toEqual([`getMessages "${sessionId}" {"limit":2,"beforeMs":5000}`]);
    expect((await call(path, { token })).json.next).toBeNull();

    const viewer = await call(path, { token: await sessionToken({ sessionId, role: 'viewer' }) });
    expect(viewer.json.messages.map((m: { content: string }) => m.content)).toEqual(['m0']);

    for (const query of ['limit=0', 'limit=201', 'limit=x', 'before=-1', 'before=1.5']) {
      expect((await call(`${path}?${query}`, { token })).status).toBe(400);
    }
  });
});

describe('invites', () => {
  it('are made by the host, and let people join', async () => {
    const { session, token } = (await call('/api/v1/sessions', { method: 'POST' })).json;
    const expiresAt = '2030-01-01T00:00:00.000Z';
    const made = await call(`/api/v1/sessions/${session.id}/invite`, {
      token,
      body: { role: 'co-author', max_uses: 3, expires_at: '2030-01-01T02:00:00+02:00' },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      session_id: session.id,
      role: 'co-author',
      max_uses: 3,
      uses_count: 0,
      expires_at: expiresAt,
      created_at: '2026-01-01T00:00:00.000Z',
    });
    const joined = await call('/api/v1/sessions/join', {
      body: { invite_token: made.json.token, display_name: 'Bea' },
    });
    expect(joined.status).toBe(200);
    expect(joined.json).toMatchObject({ session_id: session.id, role: 'co-author', display_name: 'Bea' });
    expect(await verifySessionToken(joined.json.token, JWT_SECRET)).toMatchObject({
      sessionId: session.id,
      role: 'co-author',
      displayName: 'Bea',
      userId: null,
    });
  });

  it('are joined by signed-in people as themselves', async () => {
    const { session, token } = (await call('/api/v1/sessions', { method: 'POST' })).json;
    const invite = await call(`/api/v1/sessions/${session.id}/invite`, { token, body: { role: 'viewer' } });
    const joined = await call('/api/v1/sessions/join', {
      token: await userToken({ sub: 'auth|2', name: 'Cem' }),
      body: { invite_token: invite.json.token },
    });
    expect(joined.json.display_name).toBe('Cem');
    const [userId] = [...services.users.keys()];
    expect(await verifySessionToken(joined.json.token, JWT_SECRET)).toMatchObject({ userId, role: 'viewer' });
  });

  it('do not work when they are not valid, and cost no use for a bad token', async () => {
    const unknown = await call('/api/v1/sessions/join', { body: { invite_token: 'unknown' } });
    expect(unknown).toMatchObject({ status: 404, json: { error: 'not_found' } });
    for (const invite_token of ['', 'a b', 'x'.repeat(129), 7, undefined]) {
      expect((await call('/api/v1/sessions/join', { body: { invite_token } })).status).toBe(400);
    }
    const calls = services.calls.length;
    expect((await call('/api/v1/sessions/join', { token: 'x', body: { invite_token: 'y' } })).status).toBe(
      401,
    );
    expect(services.calls).toHaveLength(calls);
  });

  it('are not made by others, nor with nonsense in them', async () => {
    const sessionId = randomUUID();
    const path = `/api/v1/sessions/${sessionId}/invite`;
    for (const role of ['co-author', 'viewer'] as const) {
      const token = await sessionToken({ sessionId, role });
      expect((await call(path, { token, body: { role: 'viewer' } })).status).toBe(403);
    }
    expect((await call(path, { token: await sessionToken(), body: { role: 'viewer' } })).status).toBe(403);
    expect((await call(path, { body: { role: 'viewer' } })).status).toBe(401);
    const token = await sessionToken({ sessionId });
    for (const body of [
      {},
      { role: 'host' },
      { role: 'viewer', max_uses: 0 },
      { role: 'viewer', expires_at: 'soon' },
    ]) {
      expect((await call(path, { token, body })).status).toBe(400);
    }
    expect(services.calls).toEqual([]);
    services.failures.set('createInvite', new SessionNotFoundError(sessionId));
    expect((await call(path, { token, body: { role: 'viewer' } })).status).toBe(404);
  });
});

describe('the flush routes', () => {
  const routes: [string, string][] = [
    ['POST', '/flush'],
    ['POST', `/flush/${randomUUID()}`],
    ['GET', '/flush/dead'],
    ['POST', '/flush/dead/good/replay'],
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
    const swept = { sessions: 2, messages: 3, dead_letters: 0, busy: 0, transactions: 1 };
    expect((await call('/flush', { method: 'POST', token })).json).toEqual(swept);
    const id = randomUUID();
    const one = await call(`/flush/${id}`, { method: 'POST', token });
    expect(one.json).toEqual({ ...swept, flushed_rev: 7, is_dirty: false, was_forgotten: false });
    expect(services.calls).toEqual(['sweep', `flushSession "${id}"`]);
    expect((await call('/flush/nope', { method: 'POST', token })).status).toBe(400);
  });

  it('list and replay dead letters', async () => {
    const token = FLUSH_SECRET;
    expect((await call('/flush/dead?limit=10&cursor=7', { token })).json).toEqual({
      letters: [],
      next: '42',
    });
    expect(services.calls).toEqual(['listDead {"limit":10,"cursor":"7"}']);
    for (const query of ['limit=0', 'limit=501', 'cursor=x']) {
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

  it('answer 503 when a store is out of reach', async () => {
    services.failures.set('sweep', new StorageUnavailableError('postgres', 'HTTP status 500'));
    const { status, json } = await call('/flush', { method: 'POST', token: FLUSH_SECRET });
    expect(status).toBe(503);
    expect(json).toEqual({ error: 'server_error', message: 'postgres is out of reach, try again' });
    expect(logged.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ event: 'storage_unavailable', store: 'postgres', path: '/flush' }),
    ]);
  });
});

describe('GET /health', () => {
  it('says how both stores are', async () => {
    const { status, json } = await call('/health');
    expect(status).toBe(200);
    expect(json).toEqual({
      status: 'ok',
      redis: { ok: true, latency_ms: expect.any(Number) },
      postgres: { ok: true, latency_ms: expect.any(Number) },
    });
  });

  it.each(['redis', 'postgres'] as const)('says when %s does not answer, and no secret', async (store) => {
    services.failures.set(store, new StorageUnavailableError(store, 'timed out'));
    const { status, json } = await call('/health');
    expect(status).toBe(503);
    expect(json).toMatchObject({
      status: 'unavailable',
      [store]: { ok: false, error: `${store}: timed out` },
    });

    app = createApp({ services: () => services });
    services.failures.set(store, new Error('connecting with password hunter2'));
    expect((await call('/health')).json[store]).toMatchObject({ ok: false, error: 'failed' });
    expect(logged.join()).not.toContain('hunter2');
  });

  it('asks the stores at most once a second', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      for (let i = 0; i < 5; i++) await call('/health');
      expect(services.calls).toEqual(['redis', 'postgres']);
      vi.advanceTimersByTime(1_000);
      await Promise.all([call('/health'), call('/health'), call('/health')]);
      expect(services.calls).toHaveLength(4);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('GET /metrics', () => {
  it('is Prometheus text, from one question to the buffer', async () => {
    const { status, headers, text } = await call('/metrics');
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
      backbeat_commits_total: 'counter 10',
      backbeat_edits_total: 'counter 40',
      backbeat_messages_total: 'counter 5',
      backbeat_flushes_total: 'counter 2',
      backbeat_flushed_sessions_total: 'counter 4',
      backbeat_flushed_edits_total: 'counter 39',
      backbeat_flushed_messages_total: 'counter 6',
      backbeat_flush_failures_total: 'counter 7',
      backbeat_dead_lettered_total: 'counter 8',
    });
    expect(text.split('\n')).toHaveLength(3 * Object.keys(values).length + 1);
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
    services.failures.set('createSession', new Error('Failed query … params: hunter2'));
    const { status, json } = await call('/api/v1/sessions', { method: 'POST' });
    expect(status).toBe(500);
    expect(json).toEqual({ error: 'server_error', message: 'something went wrong' });
    expect(logged).toHaveLength(1);
    expect(logged[0]).not.toContain('hunter2');
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      level: 'error',
      event: 'unexpected_error',
      path: '/api/v1/sessions',
      at: expect.arrayContaining([expect.stringContaining('worker-app.test')]),
    });
  });

  it('of data that Postgres refuses are the caller’s', async () => {
    services.failures.set('createSession', new WriteRefusedError('23514', 'constraint x'));
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
