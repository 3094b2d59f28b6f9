/** The smoke test on a running system, and the last release beside this one, as they meet during a deploy. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { runSmokeTest, type SmokeTarget, waitUntilUp } from '../../deploy/smoke.ts';
import { SessionClient } from '../../src/client/session-client.ts';
import { until } from '../../src/client/until.ts';
import { type OldRelease, previousRelease, startRelease } from '../support/release.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';

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
  workerUrl: stack.workerUrl,
  roomUrl: stack.roomUrl,
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

async function smoke(over: Partial<SmokeTarget> = {}): Promise<{ lines: string[]; error: Error | null }> {
  const lines: string[] = [];
  const error = await runSmokeTest(target(over), (line) => lines.push(line)).then(
    () => null,
    (failure: unknown) => (failure instanceof Error ? failure : new Error(String(failure))),
  );
  return { lines, error };
}

/** Sessions and keys of sessions that are left. */
async function left(): Promise<{ rows: number; keys: unknown }> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  const { rows } = await client.query('select id from sessions');
  await client.end();
  const response = await fetch(stack.redisRestUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.redisRestToken}` },
    body: JSON.stringify(['KEYS', `${stack.keyPrefix}s:*`]),
  });
  const body: unknown = await response.json();
  return {
    rows: rows.length,
    keys: typeof body === 'object' && body !== null && 'result' in body ? body.result : body,
  };
}

describe('the smoke test', () => {
  it('passes on a system that is well, and leaves nothing', async () => {
    await waitUntilUp(target());
    const { lines, error } = await smoke();
    expect(error).toBeNull();
    expect(lines.map((line) => line.replace(/[0-9a-f-]{36}/, '<id>'))).toEqual([
      'session <id> made',
      'edit acknowledged as revision 1',
      'flushed to Postgres',
      'read back as it was written',
      'removed',
    ]);
    expect(await left()).toEqual({ rows: 0, keys: [] });
  });

  it('tells which part is not well, and leaves nothing then, either', async () => {
    const wrongSecret = await smoke({ flushSecret: 'not-the-secret' });
    expect(wrongSecret.error?.message).toMatch(/POST http\S+\/flush\/\S+: 401/);
    const noRooms = await smoke({ workerUrl: 'http://127.0.0.1:1' });
    expect(noRooms.error?.message).toMatch(/POST http:\/\/127.0.0.1:1\/api\/v1\/sessions: /);
    expect(await left()).toEqual({ rows: 0, keys: [] });
  });

  it('waits for what comes up late, and not for ever', async () => {
    const answers = [503, 404, 200];
    const server = createServer((_, response) => {
      response.writeHead(answers.shift() ?? 200).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const url = `http://127.0.0.1:${address === null || typeof address === 'string' ? 0 : address.port}`;
    await waitUntilUp({ workerUrl: url, roomUrl: url }, { pollMs: 10 });
    expect(answers).toEqual([]);
    answers.push(...new Array<number>(1_000).fill(503));
    await expect(
      waitUntilUp({ workerUrl: url, roomUrl: url }, { pollMs: 10, timeoutMs: 50 }),
    ).rejects.toThrow('does not come up; its last answer: 503');
    server.close();
  });
});

describe('the last release beside this one', () => {
  it('is the last tag; before the first one this commit stands in, so that the test itself is tested', () => {
    console.log(old.ref === 'HEAD' ? 'no release yet: HEAD stands in for it' : `last release: ${old.ref}`);
    expect(old.ref).toMatch(/^(HEAD|v\d+\.\d+\.\d+.*)$/);
  });

  it('works as old rooms with the new Worker', async () => {
    expect(await smoke({ roomUrl: old.roomUrl })).toMatchObject({ error: null });
  });

  it('works as the old Worker with new rooms', async () => {
    expect(await smoke({ workerUrl: old.workerUrl })).toMatchObject({ error: null });
    expect(await left()).toEqual({ rows: 0, keys: [] });
  });

  it('hands a session over without losing what it acknowledged, and flushes through the new Worker', async () => {
    const { id, token } = await scene.session({ code: '// before' });
    const join = (url: string) => new SessionClient({ url, sessionId: id, token, WebSocket });
    const before = join(old.roomUrl);
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
    const after = join(stack.roomUrl);
    await until(after, ({ code }) => code === '// by the old room', 'the new room to have it');
    after.edit('// by the new room');
    const { rev } = await saved(after, '// by the new room');
    await until(after, ({ flushedRev }) => flushedRev >= rev, 'the new room to flush', 20_000);
    after.close();
    expect(await scene.stored(id)).toMatchObject({ code: '// by the new room', rev });
  });
});
