/**
 * A session's history on the whole system: a version by each cause, as safe as a message, read by those who
 * may read the session, and restored as an edit of their own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { z } from 'zod';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { getVersion, listVersions, type restoreVersion } from '../../src/protocol/http/versions.ts';
import { MAX_CODE_BYTES, type ServerPayload } from '../../src/protocol/index.ts';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

const BEAT = 's("bd*2")';
const ANSWER = 's("bd*4")';

let provider: AiProvider;
let stack: Stack;
let scene: Scene;

beforeAll(async () => {
  provider = await startAiProvider();
  stack = await startStack({
    BACKBEAT_CRON_MS: '0',
    ANTHROPIC_API_KEY: 'sk-ant-of-the-test',
    ANTHROPIC_BASE_URL: provider.url,
    AI_PROVIDER: '',
    OPENAI_API_KEY: '',
  });
  scene = new Scene(stack);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
  await provider?.stop();
});

async function ask(token: string | null, path: string, method = 'GET') {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${stack.workerUrl}/api/v1/sessions/${path}`, { method, headers });
  const body: unknown = await response.json();
  return { status: response.status, body };
}

async function history(id: string, token: string, query = '') {
  const { status, body } = await ask(token, `${id}/versions${query}`);
  expect({ status, body }).toMatchObject({ status: 200 });
  return listVersions.reply.parse(body);
}

async function read(id: string, token: string, number: number) {
  return getVersion.reply.parse((await ask(token, `${id}/versions/${number}`)).body);
}

/** `cause code` of each version, the oldest first. */
async function told(id: string, token: string): Promise<string[]> {
  const { versions } = await history(id, token);
  const whole = await Promise.all(versions.map(({ number }) => read(id, token, number)));
  return whole.reverse().map(({ cause, code }) => `${cause} ${code}`);
}

async function play(client: RawClient, code: string) {
  const known = new Set(client.all('version').map(({ payload }) => payload.number));
  client.send('play', { code });
  const isNew = ({ number, cause }: ServerPayload<'version'>) => cause === 'played' && !known.has(number);
  return (await client.next('version', isNew)).payload;
}

/** As Postgres has them. */
const stored = (id: string) =>
  scene.rows<{ number: string; cause: string }>(
    'select number, cause from session_versions where session_id = $1 order by number',
    [id],
  );

describe('a version', () => {
  it('is made by each cause, and of the text before it is replaced', async () => {
    const { id, token } = await scene.session({ code: 'at first' });
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    const ben = await scene.join(id, 'co-author');
    await ben.edit('typed 1', 'r1');
    /** Another text, in the stead of what came from there. */
    const typeOver = async (code: string, requestId: string, source: string) => {
      const { payload: heard } = await ben.next('code_update', (update) => update.source === source);
      ben.send('code_update', { code, request_id: requestId, base_rev: heard.rev });
      await ben.next('ack', ({ request_id }) => request_id === requestId);
    };
    ben.send('play', { code: 'typed 1' });
    const { payload } = await ada.next('version', ({ cause }) => cause === 'played');
    expect(payload).toMatchObject({ cause: 'played', display_name: 'co-author', rev: expect.any(Number) });
    await ben.edit('typed 2', 'r2');
    provider.answer(`\`\`\`strudel\n${ANSWER}\n\`\`\``);
    ada.send('agent_request', { user_query: 'a beat please', request_id: 'r3' });
    await ada.next('version', ({ cause }) => cause === 'answered');
    await typeOver('typed 3', 'r4', 'ai');
    ada.send('switch_strudel', { strudel_id: null, code: 'scratch', request_id: 'r5' });
    await ada.next('version', ({ cause }) => cause === 'switched');
    await typeOver('typed 4', 'r6', 'loaded_strudel');
    const restored = await ask(token, `${id}/versions/${payload.number}/restore`, 'POST');
    expect(restored).toMatchObject({ status: 200, body: { code: 'typed 1' } });
    await ada.next('version', ({ cause }) => cause === 'restored');
    const all = [
      'typed at first',
      'played typed 1',
      'typed typed 2',
      `answered ${ANSWER}`,
      'typed typed 3',
      'switched scratch',
      'typed typed 4',
      'restored typed 1',
    ];
    expect(await told(id, token)).toEqual(all);
    await scene.worker('POST', `/flush/${id}`);
    expect(await stored(id)).toHaveLength(all.length);
    expect(await told(id, token)).toEqual(all);
    // A client of whole texts isn't told.
    expect(ben.all('version')).toEqual([]);
    // Who, and when.
    const { versions } = await history(id, token);
    expect(versions.map(({ display_name: name }) => name).reverse()).toEqual([
      undefined,
      'co-author',
      'co-author',
      'Ada',
      'co-author',
      'Ada',
      'co-author',
      'Ada',
    ]);
    const messages = await ask(token, `${id}/messages`);
    expect(JSON.stringify(messages.body)).not.toContain('version');
    expect((await scene.join(id, 'viewer')).state.payload.chat_history).toEqual([]);
  });

  it('of what is typed is made a minute after the last, with nobody there and the room asleep', async () => {
    const { id, token } = await scene.session();
    const ben = await scene.join(id, 'co-author');
    await ben.edit(BEAT, 'r1');
    await ben.close();
    await vi.waitUntil(async () => (await stored(id)).length === 1, { timeout: 120_000, interval: 500 });
    expect(await told(id, token)).toEqual([`typed ${BEAT}`]);
    const { versions } = await history(id, token);
    expect(versions[0]?.display_name).toBe('co-author');
    await scene.quiet();
    expect(await scene.isDirty(id)).toBe(false);
  });

  it('of the most code, which can’t be made smaller, goes all the way', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    const noise = Array.from({ length: MAX_CODE_BYTES }, () =>
      String.fromCharCode(32 + Math.floor(Math.random() * 95)),
    ).join('');
    const { number } = await play(ada, noise);
    expect((await read(id, token, number)).code).toBe(noise);
    await scene.worker('POST', `/flush/${id}`);
    expect(await stored(id)).toHaveLength(1);
    expect((await read(id, token, number)).code).toBe(noise);
  });

  it('is listed by pages, across what is flushed and what isn’t', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    for (let i = 0; i < 6; i++) {
      ada.send('play', { code: `code ${i}` });
      await vi.waitUntil(async () => (await history(id, token)).pagination.total === i + 1, WAIT);
      if (i === 2) await scene.worker('POST', `/flush/${id}`);
    }
    const numbers = (await history(id, token)).versions.map(({ number }) => number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
    const pages = await Promise.all(
      [0, 2, 4].map((offset) => history(id, token, `?limit=2&offset=${offset}`)),
    );
    expect(pages.flatMap(({ versions }) => versions.map(({ number }) => number))).toEqual(numbers);
    expect(pages.map(({ pagination }) => [pagination.total, pagination.has_more])).toEqual([
      [6, true],
      [6, true],
      [6, false],
    ]);
  });
});

describe('a committed version', () => {
  it('outlives the room, killed before the flush, and is there once', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    const { number } = await play(ada, BEAT);
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.join(id, 'host', { token, edits: 'changes' });
    await vi.waitUntil(async () => (await stored(id)).length === 1, WAIT);
    expect(await stored(id)).toEqual([{ number: String(number), cause: 'played' }]);
    // The room that came after knows of it.
    back.send('play', { code: BEAT });
    await back.next('transport');
    const { number: other } = await play(back, 'another');
    expect((await history(id, token)).versions.map((version) => version.number)).toEqual([other, number]);
    expect(other).toBeGreaterThan(number);
  });

  it('is committed again when Redis has lost it', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    await play(ada, BEAT);
    await scene.redis('DEL', scene.key(`s:${id}`), scene.key(`s:${id}:m`));
    await scene.redis('ZREM', scene.key('dirty'), id);
    await vi.waitUntil(async () => (await stored(id)).length === 1, WAIT);
    expect(await told(id, token)).toEqual([`played ${BEAT}`]);
  });

  it('goes to Postgres while Redis is away, where it can be read and restored', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    await stack.control.stop('redisRest');
    try {
      const { number } = await play(ada, BEAT);
      expect((await read(id, token, number)).code).toBe(BEAT);
      expect((await history(id, token)).versions).toMatchObject([{ number }]);
      const unknown = await ask(token, `${id}/versions/${number + 1}`);
      // It may be in the buffer.
      expect(unknown.status).toBe(503);
    } finally {
      await stack.control.start('redisRest');
    }
    await vi.waitUntil(async () => (await ask(token, `${id}/versions/7`)).status === 404, WAIT);
  });

  it('that is damaged in Redis becomes a dead letter, and blocks nothing', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    await play(ada, 'first');
    const [[messageId, json]] = z
      .array(z.string())
      .transform((flat) => [[flat[0] ?? '', flat[1] ?? '']])
      .parse(await scene.redis('HGETALL', scene.key(`s:${id}:m`))) as [[string, string]];
    await scene.redis('HSET', scene.key(`s:${id}:m`), messageId, json.replace('played', 'stolen'));
    await play(ada, 'second');
    await scene.worker('POST', `/flush/${id}`);
    expect(await told(id, token)).toEqual(['played second']);
    const { body } = await scene.worker('GET', '/flush/dead');
    expect(JSON.stringify(body)).toContain('a version of session');
  });
});

describe('the history', () => {
  it('is read by those who may read the session, and restored by those who may write it', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    const { number } = await play(ada, BEAT);
    const [ben, vic] = [await scene.token(id, 'co-author'), await scene.token(id, 'viewer')];
    const other = await scene.session();
    const at = (path: string) => `${id}/versions${path}`;
    for (const reader of [token, ben, vic]) {
      expect((await history(id, reader)).versions).toHaveLength(1);
      expect((await read(id, reader, number)).code).toBe(BEAT);
    }
    const restore = (by: string | null, n: number | string) => ask(by, at(`/${n}/restore`), 'POST');
    expect((await restore(vic, number)).status).toBe(403);
    expect((await restore(ben, number)).status).toBe(200);
    for (const path of ['', `/${number}`]) {
      expect((await ask(null, at(path))).status).toBe(401);
      expect((await ask(other.token, at(path))).status).toBe(403);
    }
    expect((await restore(null, number)).status).toBe(401);
    expect((await ask(token, at(`/${number + 9}`))).status).toBe(404);
    expect((await restore(token, number + 9)).status).toBe(404);
    for (const wrong of ['x', '-1', '0', '1.5']) {
      expect((await ask(token, at(`/${wrong}`))).status).toBe(400);
      expect((await restore(token, wrong)).status).toBe(400);
    }
    // No other session's.
    expect((await ask(other.token, `${other.id}/versions/${number}`)).status).toBe(404);
  });

  it('stays readable after the session’s end, and nothing can be restored then', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    const { number } = await play(ada, BEAT);
    expect((await ask(token, id, 'DELETE')).status).toBe(200);
    expect((await read(id, token, number)).code).toBe(BEAT);
    expect((await history(id, token)).versions).toHaveLength(1);
    expect((await ask(token, `${id}/versions/${number}/restore`, 'POST')).status).toBe(410);
  });
});

describe('a restore', () => {
  it('is an edit for everybody, of the requester’s own for their client, who can take it back', async () => {
    const { id, token } = await scene.session();
    const clients = [token, await scene.token(id, 'co-author')].map(
      (bearer) =>
        new SessionClient({
          url: stack.roomUrl,
          sessionId: id,
          token: bearer,
          WebSocket: WebSocket as never,
        }),
    );
    const [ada, ben] = clients;
    if (!ada || !ben) throw new Error('two clients');
    try {
      await vi.waitUntil(() => clients.every(({ snapshot }) => snapshot.role !== null), WAIT);
      const versions: number[] = [];
      ada.on('version', ({ number }) => versions.push(number));
      ada.edit(BEAT);
      ada.play({ code: BEAT });
      await vi.waitUntil(() => versions.length === 1 && ben.snapshot.code === BEAT, WAIT);
      ben.edit('something else');
      await vi.waitUntil(() => ada.snapshot.code === 'something else', WAIT);
      const changes = clients.map((client) => {
        const seen: { source: string | undefined; isOwnRequest: boolean }[] = [];
        client.on('change', ({ source, isOwnRequest }) => seen.push({ source, isOwnRequest }));
        return seen;
      });
      const { body } = await ask(token, `${id}/versions/${versions[0]}/restore`, 'POST');
      const { code } = body as z.infer<typeof restoreVersion.reply>;
      expect(code).toBe(BEAT);
      await vi.waitUntil(() => clients.every(({ snapshot }) => snapshot.code === BEAT), WAIT);
      expect(changes).toEqual([
        [{ source: 'restored', isOwnRequest: true }],
        [{ source: 'restored', isOwnRequest: false }],
      ]);
      await vi.waitUntil(() => versions.length === 3, WAIT);
      expect(await told(id, token)).toEqual([`played ${BEAT}`, 'typed something else', `restored ${BEAT}`]);
    } finally {
      for (const client of clients) client.close();
    }
  });
});
