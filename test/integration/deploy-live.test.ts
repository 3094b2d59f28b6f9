/** The smoke test on a running system, and the last release beside this one, as they meet in a deploy. */
import { createServer } from 'node:http';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { explainMigration, problemWithDatabase } from '../../deploy/database.ts';
import { runSmokeTest, type SmokeTarget, smokeUser, waitUntilUp } from '../../deploy/smoke.ts';
import { listenOnLoopback } from '../../dev/loopback.ts';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { until } from '../../src/client/sdk/until.ts';
import { connectNeon } from '../../src/postgres/client.ts';
import { type OldRelease, previousRelease, startRelease } from '../support/release.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { PATIENCE_MS } from '../support/wait.ts';

let stack: Stack;
let scene: Scene;
let old: OldRelease;

beforeAll(async () => {
  stack = await startStack({ FLUSH_ALARM_MS: '1000' });
  scene = new Scene(stack);
  old = await startRelease(previousRelease(), stack);
});
afterAll(async () => {
  await old?.stop();
  await scene?.end();
  await stack?.stop();
});

const target = (over: Partial<SmokeTarget> = {}): SmokeTarget => ({
  url: stack.url,
  flushSecret: stack.flushSecret,
  stores: {
    databaseUrl: stack.databaseUrl,
    fetchEndpoint: stack.neonFetchEndpoint,
    redisUrl: stack.redisRestUrl,
    redisToken: stack.redisRestToken,
    keyPrefix: stack.keyPrefix,
  },
  ...over,
});

async function smoke(
  over: Partial<SmokeTarget> = {},
  watch: { signal?: AbortSignal; onLine?: (line: string) => void } = {},
): Promise<{ lines: string[]; error: Error | null }> {
  const lines: string[] = [];
  const note = (line: string) => {
    lines.push(line);
    watch.onLine?.(line);
  };
  const error = await runSmokeTest(target(over), { note, signal: watch.signal }).then(
    () => null,
    (failure: unknown) => (failure instanceof Error ? failure : new Error(String(failure))),
  );
  return { lines, error };
}

const NOTHING = { rows: 0, keys: [], dirty: [], active: [], dead: [] };

/** What is left of sessions: rows, their own keys, and their places in the keys that all share. */
async function left(): Promise<Record<keyof typeof NOTHING, unknown>> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  const { rows } = await client.query('select id from sessions');
  await client.end();
  const p = stack.keyPrefix;
  return {
    rows: rows.length,
    keys: await redis('KEYS', `${p}s:*`),
    dirty: await redis('ZRANGE', `${p}dirty`, '0', '-1'),
    active: await redis('ZRANGE', `${p}active`, '0', '-1'),
    dead: await redis('HKEYS', `${p}dead`),
  };
}

async function redis(...command: string[]): Promise<unknown> {
  const response = await fetch(stack.redisRestUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.redisRestToken}` },
    body: JSON.stringify(command),
  });
  const body: unknown = await response.json();
  return typeof body === 'object' && body !== null && 'result' in body ? body.result : body;
}

describe('the database', () => {
  it('answers, and has all migrations', async () => {
    // Makes its HTTP endpoint known.
    connectNeon({
      databaseUrl: stack.databaseUrl,
      fetchEndpoint: stack.neonFetchEndpoint,
      timeoutMs: 10_000,
    });
    expect(await problemWithDatabase(stack.databaseUrl)).toBeNull();
    expect(await explainMigration(stack.databaseUrl)).toBeNull();
  });

  it('that does not answer is told of, with the reason', async () => {
    expect(await problemWithDatabase('postgres://u:p@nowhere.invalid/d')).toMatch(
      /^DATABASE_URL: Postgres does not answer over HTTP: getaddrinfo/,
    );
  });
});

describe('the smoke test', () => {
  it('passes on a system that is well, and leaves nothing', async () => {
    await waitUntilUp(target(), { note: () => {} });
    const { lines, error } = await smoke();
    expect(error).toBeNull();
    expect(lines.map((line) => line.replace(/[0-9a-f-]{36}/, '<id>'))).toEqual([
      'session <id> made',
      'edit acknowledged',
      'flushed to Postgres',
      'read back as it was written',
      'removed',
    ]);
    expect(await left()).toEqual(NOTHING);
  });

  it('tells which part is not well, and leaves nothing then, either', async () => {
    const wrongSecret = await smoke({ flushSecret: 'not-the-secret' });
    expect(wrongSecret.error?.message).toMatch(/POST http\S+\/flush\/\S+: 401/);
    const nowhere = await smoke({ url: 'http://127.0.0.1:1' });
    expect(nowhere.error?.message).toMatch(/POST http:\/\/127.0.0.1:1\/api\/v1\/sessions: /);
    expect(await left()).toEqual(NOTHING);
  });

  it.each(['session ', 'edit acknowledged', 'flushed'])(
    'leaves nothing when it is stopped after: %s',
    async (after) => {
      const stop = new AbortController();
      const onLine = (line: string) => {
        if (line.startsWith(after)) stop.abort();
      };
      const { lines, error } = await smoke({}, { signal: stop.signal, onLine });
      expect(error?.message).toBe('the smoke test was stopped');
      expect(lines.at(-1)).toBe('removed');
      expect(await left()).toEqual(NOTHING);
    },
  );

  it('says first what went wrong, then what it could not remove', async () => {
    const { databaseUrl, ...stores } = target().stores;
    const elsewhere = {
      ...stores,
      databaseUrl: 'postgres://u:p@127.0.0.1:1/d',
      fetchEndpoint: 'http://127.0.0.1:1',
    };
    const { lines, error } = await smoke({ flushSecret: 'not-the-secret', stores: elsewhere });
    expect(error?.message).toMatch(/flush.*401/);
    expect(lines.at(-1)).toMatch(/^session \S+ could not be removed: bad port$/);
    const alone = await smoke({ stores: elsewhere });
    expect(alone.error?.message).toMatch(/^session \S+ could not be removed: /);
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query('delete from sessions');
    await client.end();
  });

  it('passes as a user, where strangers may make no sessions', async () => {
    const user = smokeUser({ JWT_SECRET: stack.jwtSecret });
    expect((await smoke({ user })).error).toBeNull();
    expect(smokeUser({ JWT_SECRET: stack.jwtSecret, JWKS_URL: 'https://id.example/keys' })).toBeNull();
    const { lines, error } = await smoke({ user: null, isOpenToStrangers: false });
    expect([error, lines]).toEqual([null, [expect.stringContaining('no session was made')]]);
  });

  it('waits for what comes up late, and not for ever', async () => {
    const answers = [503, 404, 200];
    const server = createServer((_, response) => {
      response.writeHead(answers.shift() ?? 200).end();
    });
    const url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
    const up = { url, flushSecret: 'secret' };
    const lines: string[] = [];
    const note = (line: string) => lines.push(line);
    await waitUntilUp(up, { note }, { pollMs: 10 });
    expect(answers).toEqual([]);
    // What is waited for is told at once, and then now and again.
    expect(lines).toEqual([expect.stringMatching(/\/health is not up yet \(0 s of 300 s\): 503/)]);
    answers.push(...new Array<number>(1_000).fill(503));
    await expect(waitUntilUp(up, { note }, { pollMs: 10, timeoutMs: 50 })).rejects.toThrow(
      'does not come up; its last answer: 503',
    );
    const stop = new AbortController();
    const waiting = waitUntilUp(up, { note, signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toThrow('was stopped');
    server.close();
  });
});

describe('the last release beside this one', () => {
  it('is the last tag; before the first one this commit stands in, so that the test itself is tested', () => {
    console.log(old.ref === 'HEAD' ? 'no release yet: HEAD stands in for it' : `last release: ${old.ref}`);
    expect(old.ref).toMatch(/^(HEAD|v\d+\.\d+\.\d+.*)$/);
  });

  it('works on the schema of this one: migrations come before the Worker', async () => {
    expect(await smoke({ url: old.url })).toMatchObject({ error: null });
    expect(await left()).toEqual(NOTHING);
  });

  it('hands a session over without losing what it acknowledged', async () => {
    const { id, token } = await scene.session({ code: '// before' });
    const join = (url: string) => new SessionClient({ url, sessionId: id, token, WebSocket });
    const before = join(old.url);
    const saved = (client: SessionClient, code: string) =>
      until(
        client,
        (shown) => shown.code === code && shown.edits.at(-1)?.status !== 'pending',
        `${code} to be saved`,
      );
    await until(before, ({ role }) => role !== null, 'the old room');
    before.edit('// by the old room');
    await saved(before, '// by the old room');

    // As its platform does when it replaces the room.
    before.close();
    const after = join(stack.url);
    await until(after, ({ code }) => code === '// by the old room', 'the new room to have it');
    after.edit('// by the new room');
    const { rev } = await saved(after, '// by the new room');
    await until(after, ({ flushedRev }) => flushedRev >= rev, 'the new room to flush', PATIENCE_MS);
    after.close();
    expect(await scene.stored(id)).toMatchObject({ code: '// by the new room', rev });
  });
});
