/** The Worker in workerd, on real stores behind the local fronts. */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../../src/client/sdk/call.ts';
import { createStorage, type Storage } from '../../src/compose.ts';
import { parseConfig, storageSchema } from '../../src/config.ts';
import type { SessionMessage } from '../../src/domain/types.ts';
import { createInvite, joinSession } from '../../src/protocol/http/people.ts';
import { createSession, getSession, listMessages } from '../../src/protocol/http/sessions.ts';
import { makeCommit, rev } from '../support/commits.ts';
import { makeMessage } from '../support/messages.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

let stack: Stack;
let storage: Storage;
let db: pg.Client;

beforeAll(async () => {
  // No cron of its own: what is flushed here, a test has flushed.
  stack = await startStack({
    BACKBEAT_CRON_MS: '0',
    FLUSH_ALARM_MS: '100',
    FLUSH_INTERVAL_MS: '200',
    POSTGRES_TIMEOUT_MS: '3000',
  });
  const config = parseConfig(storageSchema, {
    UPSTASH_REDIS_REST_URL: stack.redisRestUrl,
    UPSTASH_REDIS_REST_TOKEN: stack.redisRestToken,
    DATABASE_URL: stack.databaseUrl,
    NEON_FETCH_ENDPOINT: stack.neonFetchEndpoint,
    KEY_PREFIX: stack.keyPrefix,
  });
  storage = createStorage(config, { failures: 3, retryMs: 1_000 });
  db = await connect();
});
afterAll(async () => {
  await db?.end().catch(() => {});
  await stack?.stop();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  // A test stops the server under it.
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function ask(
  path: string,
  { method, body, token }: { method?: string; body?: unknown; token?: string } = {},
) {
  const response = await fetch(new URL(path, stack.workerUrl), {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, text, json: isJson ? JSON.parse(text) : null };
}

const flush = (path = '/flush') => ask(path, { method: 'POST', token: stack.flushSecret });
const newSession = async () => (await ask('/api/v1/sessions', { body: { title: 'Jam' } })).json;

const message = (content: string, position: number) => makeMessage({ content, position });

/** Commits to the buffer, as a room does. */
async function commit(sessionId: string, text: string, messages: SessionMessage[] = []) {
  await storage.buffer.commit(makeCommit({ sessionId, text, messages }));
}

async function stored(sessionId: string) {
  const { rows } = await db.query('select code, code_rev::float8 as rev from sessions where id = $1', [
    sessionId,
  ]);
  return rows[0];
}

async function metric(name: string): Promise<number> {
  // Metrics are kept for a second; a new answer is due after it.
  const { text } = await ask('/metrics', { token: stack.flushSecret });
  const line = text.split('\n').find((candidate) => candidate.startsWith(`backbeat_${name} `));
  return Number(line?.split(' ')[1]);
}

describe('a typed client', () => {
  it('knows what the routes take and answer', async () => {
    const origin = stack.workerUrl;
    const made = await call(createSession, { origin, body: { title: 'Typed', code: 's("bd")' } });
    expect(made.role).toBe('host');
    const { token } = made;
    const params = { id: made.id };
    expect((await call(getSession, { origin, token, params })).code).toBe('s("bd")');
    const invite = await call(createInvite, { origin, token, params, body: { role: 'viewer' } });
    const joined = await call(joinSession, { origin, body: { invite_token: invite.token } });
    expect(joined).toMatchObject({ session_id: made.id, role: 'viewer' });
    const page = await call(listMessages, { origin, token, params, query: { limit: 1 } });
    expect(page).toEqual({ messages: [], next: null, newer: null });
    const refused = { status: 400, code: 'validation_error', message: expect.stringContaining('Role') };
    // @ts-expect-error A role that there isn't.
    await expect(call(createInvite, { origin, token, params, body: { role: 'king' } })).rejects.toMatchObject(
      refused,
    );
    // @ts-expect-error The route has a parameter in its path.
    await expect(call(getSession, { origin, token })).rejects.toMatchObject({ status: 400 });
  });
});

describe('sessions', () => {
  it('are made, read, and joined by invite, at most as often as it allows', async () => {
    const made = await newSession();
    expect(made).toMatchObject({ role: 'host', title: 'Jam', rev: 0 });
    const { id, token, role: _, display_name: __, ...session } = made;
    expect((await ask(`/api/v1/sessions/${id}`, { token })).json).toMatchObject(session);
    const invite = await ask(`/api/v1/sessions/${id}/invite`, {
      token: made.token,
      body: { role: 'co-author', max_uses: 2 },
    });
    expect(invite.status).toBe(201);
    const join = () => ask('/api/v1/sessions/join', { body: { invite_token: invite.json.token } });
    const statuses = (await Promise.all([join(), join(), join(), join()])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, 200, 403, 403]);
  });

  it('belong to signed-in people who make them', async () => {
    const token = await new SignJWT({ sub: 'auth|ada', name: 'Ada' })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(stack.jwtSecret));
    const made = (await ask('/api/v1/sessions', { token, body: {} })).json;
    expect(made.title).not.toBe('');
    const { rows } = await db.query(
      'select u.subject from sessions s join users u on u.id = s.host_user_id where s.id = $1',
      [made.id],
    );
    expect(rows).toEqual([{ subject: 'auth|ada' }]);
  });

  it('show what is only in the buffer yet', async () => {
    const { token, ...session } = await newSession();
    await commit(session.id, 'buffered', [message('two', 2), message('one', 1)]);
    expect((await stored(session.id)).code).toBe('');
    const read = await ask(`/api/v1/sessions/${session.id}`, { token });
    expect(read.json).toMatchObject({ code: 'buffered', rev: rev(1) });
    const history = async () => {
      const { json } = await ask(`/api/v1/sessions/${session.id}/messages`, { token });
      return json.messages.map((m: { content: string }) => m.content);
    };
    expect(await history()).toEqual(['one', 'two']);
    await flush();
    expect(await history()).toEqual(['one', 'two']);
  });
});

describe('the flush', () => {
  it('needs its secret', async () => {
    for (const token of ['x', stack.jwtSecret]) {
      expect((await ask('/flush', { method: 'POST', token })).status).toBe(401);
    }
    expect((await ask('/flush', { method: 'POST' })).json).toMatchObject({ error: 'unauthorized' });
  });

  it('writes one session', async () => {
    const session = await newSession();
    await commit(session.id, 's("bd*4")', [message('hi', 1)]);
    const done = await flush(`/flush/${session.id}`);
    expect(done.status).toBe(200);
    expect(done.json).toMatchObject({
      sessions: 1,
      messages: 1,
      dead_letters: 0,
      flushed_rev: rev(1),
      is_dirty: false,
    });
    expect(await stored(session.id)).toEqual({ code: 's("bd*4")', rev: rev(1) });
    expect((await flush(`/flush/${session.id}`)).json).toMatchObject({ sessions: 0, flushed_rev: rev(1) });
  });

  it('writes many in one transaction, and metrics tell of it', async () => {
    await flush();
    const made = await Promise.all(Array.from({ length: 5 }, newSession));
    await Promise.all(made.map((session, i) => commit(session.id, `code ${i}`)));
    await expect.poll(() => metric('dirty_sessions'), { ...WAIT, interval: 300 }).toBe(5);
    const before = await metric('flushed_sessions_total');
    expect((await flush()).json).toMatchObject({ sessions: 5, transactions: 1, busy: 0 });
    for (const [i, session] of made.entries()) expect((await stored(session.id)).code).toBe(`code ${i}`);
    await expect.poll(() => metric('dirty_sessions'), { ...WAIT, interval: 300 }).toBe(0);
    expect(await metric('flushed_sessions_total')).toBe(before + 5);
  });

  it('puts what can’t be written aside, and writes it once it can be', async () => {
    const lost = randomUUID();
    const session = await newSession();
    await commit(lost, 'orphan');
    await commit(session.id, 'fine');
    expect((await flush()).json).toMatchObject({ dead_letters: 1 });
    expect((await stored(session.id)).code).toBe('fine');

    const dead = await ask('/flush/dead?limit=500', { token: stack.flushSecret });
    const [letter] = dead.json.letters.filter((l: { session_id: string }) => l.session_id === lost);
    expect(letter).toMatchObject({ kind: 'code', reason: { code: 'session_missing' } });
    const replay = () => flush(`/flush/dead/${encodeURIComponent(letter.id)}/replay`);
    expect((await replay()).status).toBe(409);
    await db.query(
      "insert into sessions (id, host_user_id) values ($1, '00000000-0000-0000-0000-000000000000')",
      [lost],
    );
    expect(await replay()).toMatchObject({ status: 200, json: { status: 'replayed' } });
    expect((await stored(lost)).code).toBe('orphan');
    expect((await replay()).status).toBe(404);
  });

  it('is done by the cron where a room should have done it', async () => {
    const session = await newSession();
    // No room has it: each turn ends at once, until the session has been dirty for twice as
    // long as an alarm takes.
    await commit(session.id, 'by cron');
    const afterTurn = async () => {
      await stack.control.cron();
      return (await stored(session.id)).code;
    };
    await expect.poll(afterTurn, WAIT).toBe('by cron');
  });
});

describe('a store out of reach', () => {
  it('is told by the health, refuses a flush, and loses nothing', async () => {
    const session = await newSession();
    await commit(session.id, 'kept');
    expect((await ask('/health', { token: stack.flushSecret })).status).toBe(200);
    await stack.control.stop('neonHttp');
    try {
      await expect
        .poll(async () => (await ask('/health', { token: stack.flushSecret })).status, {
          ...WAIT,
          interval: 300,
        })
        .toBe(503);
      expect((await ask('/health', { token: stack.flushSecret })).json).toMatchObject({
        redis: { ok: true },
        postgres: { ok: false },
      });
      expect(await flush()).toMatchObject({ status: 503, json: { error: 'server_error' } });
      expect(await ask('/api/v1/sessions', { method: 'POST' })).toMatchObject({ status: 503 });
    } finally {
      await stack.control.start('neonHttp');
    }
    await db.end().catch(() => {});
    db = await connect();
    expect((await flush()).status).toBe(200);
    expect((await stored(session.id)).code).toBe('kept');
  });
});

describe('odd requests', () => {
  it('get JSON', async () => {
    expect(await ask('/api/v1/nope')).toMatchObject({ status: 404, json: { error: 'not_found' } });
    const response = await fetch(new URL('/api/v1/sessions', stack.workerUrl), { method: 'POST', body: '{' });
    expect([response.status, await response.json()]).toMatchObject([400, { error: 'bad_request' }]);
    const large = await ask('/api/v1/sessions', { body: { title: 'x'.repeat(600 * 1024) } });
    expect(large).toMatchObject({ status: 413, json: { error: 'validation_error' } });
  });
});
