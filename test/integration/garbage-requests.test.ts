/**
 * Whatever is asked over HTTP, of the API and of the rooms: a refusal that shows nothing internal
 * and changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Route } from '../../src/protocol/http/route.ts';
import { RESERVATION_HEADER } from '../../src/room/connections/grant.ts';
import { servedRoutes } from '../../src/worker/app.ts';
import { contentsOf } from '../support/contents.ts';
import {
  fuzz,
  fuzzTimeoutMs,
  INTERNAL,
  mutated,
  nastyText,
  nastyValue,
  rawBytes,
  rawText,
} from '../support/garbage.ts';
import { People, type User } from '../support/people.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';

const RUNS = 400;
const EACH_MS = 500;

let stack: Stack;
let scene: Scene;
let people: People;
let host: User;
let sessionId: string;
let secrets: string[];

beforeAll(async () => {
  stack = await startStack({ FLUSH_ALARM_MS: '60000' });
  scene = new Scene(stack);
  people = new People(stack, scene);
  host = await people.user('Ada');
  sessionId = await people.session({ host, code: 'start' });
  const { flushSecret, jwtSecret, redisRestToken, databaseUrl } = stack;
  secrets = [flushSecret, jwtSecret, redisRestToken, databaseUrl, new URL(databaseUrl).password];
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

/** Stands for the id of the host's session in a path. */
const THE_SESSION = '(the session)';

/** A request as an attacker makes it: to a route, with something wrong in it. */
interface Attack {
  operation: Route;
  pathTexts: string[];
  query: Record<string, string>;
  body: string | Buffer<ArrayBuffer> | null;
  /** `right`: what the route wants; else what the header says. */
  authorization: 'right' | 'none' | string;
  headers: Record<string, string>;
}

const BODIES: Record<string, object> = {
  'post /api/v1/sessions': { code: 'x', title: 't', display_name: 'Ada' },
  'put /api/v1/sessions/{id}': { title: 't', code: 'x' },
  'put /api/v1/sessions/{id}/discoverable': { is_discoverable: true },
  'post /api/v1/sessions/{id}/invite': { role: 'viewer', max_uses: 1, expires_at: '2030-01-01T00:00:00Z' },
  'post /api/v1/sessions/invite': { invite_token: 'x' },
  'post /api/v1/sessions/{id}/knocks': { display_name: 'Ada' },
  'post /api/v1/sessions/join': {
    invite_token: 'x',
    display_name: 'Ada',
    attempt: randomUUID(),
  },
  'patch /api/v1/sessions/{id}/participants/me': { display_name: 'Ada' },
  'patch /api/v1/sessions/{id}/participants/{participant_id}': { role: 'viewer' },
  'post /api/v1/strudels': {
    title: 't',
    code: 'c',
    tags: ['a'],
    description: null,
    is_public: false,
    conversation_history: [{ role: 'user', content: 'hi', is_actionable: false, is_code_response: false }],
  },
  'put /api/v1/strudels/{id}': { title: 't', code: 'c', tags: ['a'] },
};

/** What a header may carry at all. */
const headerText = nastyText.map((text) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 8_000));
const wellFormed = nastyText.map((text) => text.toWellFormed().slice(0, 2_000));

function attackOn(operation: Route): fc.Arbitrary<Attack> {
  const names = Object.keys(operation.query?.shape ?? {});
  const valid = BODIES[`${operation.method} ${operation.path}`];
  const body = fc.oneof(
    rawText,
    rawBytes,
    nastyValue.map((value) => JSON.stringify(value) ?? ''),
  );
  return fc.record({
    operation: fc.constant(operation),
    pathTexts: fc.array(fc.oneof(fc.constant(THE_SESSION), fc.uuid(), wellFormed), {
      minLength: 2,
      maxLength: 2,
    }),
    query: fc.dictionary(names.length === 0 ? fc.constant('x') : fc.constantFrom(...names), wellFormed, {
      maxKeys: 2,
    }),
    body: operation.method === 'get' ? fc.constant(null) : valid ? fc.oneof(mutated(valid), body) : body,
    authorization: fc.oneof(
      { weight: 6, arbitrary: fc.constant('right') },
      { weight: 1, arbitrary: fc.constant('none') },
      { weight: 2, arbitrary: headerText.map((text) => `Bearer ${text}`) },
      { weight: 1, arbitrary: headerText },
    ),
    headers: fc.dictionary(
      fc.constantFrom(
        'content-type',
        'origin',
        'cf-connecting-ip',
        RESERVATION_HEADER,
        'x-forwarded-for',
        'x-http-method-override',
      ),
      headerText,
      { maxKeys: 2 },
    ),
  });
}

async function send({ operation, pathTexts, query, body, authorization, headers }: Attack) {
  const texts = pathTexts.map((text) => (text === THE_SESSION ? sessionId : text));
  const path = operation.path.replace(/\{\w+\}/g, () => encodeURIComponent(texts.shift() ?? 'x') || 'x');
  const url = new URL(path, stack.url);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const right = operation.access === 'flush' ? stack.flushSecret : host.token;
  const bearer = authorization === 'right' ? `Bearer ${right}` : authorization;
  const response = await fetch(url, {
    method: operation.method.toUpperCase(),
    headers: { ...headers, ...(bearer === 'none' ? {} : { authorization: bearer }) },
    ...(body === null ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function expectHarmless(status: number, text: string): void {
  expect(status).toBeLessThan(500);
  if (status < 400) return;
  expect(text).not.toMatch(INTERNAL);
  for (const secret of secrets) expect(text).not.toContain(secret);
}

const attack = fc.oneof(...servedRoutes().map(({ route }) => attackOn(route)));

it(
  'requests that are nearly right',
  async () => {
    let before = await contentsOf(scene);
    await fc.assert(
      fc.asyncProperty(attack, async (made) => {
        const { status, headers, text } = await send(made);
        expectHarmless(status, text);
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        const after = await contentsOf(scene);
        if (status >= 400) expect(after).toBe(before);
        before = after;
        // Now and then one is right after all, and the session has ended.
        if (status < 400 && made.operation.method === 'delete') {
          sessionId = await people.session({ host, code: 'start' });
          before = await contentsOf(scene);
        }
      }),
      fuzz(RUNS),
    );
    expect((await scene.worker('GET', '/health')).status).toBe(200);
    expect(stack.logs()).not.toMatch(/unexpected_error|Uncaught|TypeError/);
  },
  fuzzTimeoutMs(RUNS, EACH_MS),
);

it(
  'what only the Worker asks of a room, with and without its secret, and upgrades that are nearly right',
  async () => {
    sessionId = await people.session({ host, code: 'start' });
    const client = await scene.join(sessionId, 'host', { token: host.token });
    await scene.quiet();
    const before = await contentsOf(scene);
    const command = fc.oneof(
      mutated({ kind: 'set_code', code: 5, user_id: null, display_name: 'x', role: 'host' }),
      mutated({ kind: 'participant_changed', participant_id: randomUUID(), role: 'nobody' }),
      mutated({ kind: 'ended' }),
      rawText,
      rawBytes,
    );
    const names = ['_pk', 'token', 'invite', 'display_name', 'previous_session_id', 'session_id'] as const;
    const made = fc.record({
      body: command,
      isAuthorized: fc.boolean(),
      query: fc.dictionary(fc.constantFrom(...names), wellFormed, { minKeys: 1, maxKeys: 3 }),
      text: wellFormed,
      headers: fc.dictionary(fc.constantFrom('origin', RESERVATION_HEADER, 'cookie'), headerText, {
        maxKeys: 1,
      }),
      method: fc.constantFrom('GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'),
    });
    await fc.assert(
      fc.asyncProperty(made, async ({ body, isAuthorized, query, text, headers, method }) => {
        for (const path of ['', '/command', '/reserve']) {
          const told = await fetch(new URL(`/parties/main/${sessionId}${path}`, stack.url), {
            method: 'POST',
            headers: isAuthorized ? { authorization: `Bearer ${stack.flushSecret}` } : headers,
            body,
          });
          expect([path, told.status]).toEqual([path, 404]);
          expectHarmless(told.status, await told.text());
        }
        // Of a session that isn't there, so that nobody is let in.
        const nowhere = `/parties/main/${encodeURIComponent(text.replaceAll('/', '') || 'x')}`;
        for (const path of [nowhere, `/parties/main/${randomUUID()}`]) {
          const url = new URL(path, stack.url);
          for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
          const explained = await fetch(url, { method, headers });
          expectHarmless(explained.status, await explained.text());
          expect(explained.status).toBeGreaterThanOrEqual(400);
          const upgraded = await upgrade(url, headers);
          expectHarmless(upgraded.status, upgraded.text);
          expect(upgraded.status).toBeGreaterThanOrEqual(400);
        }
      }),
      fuzz(RUNS / 8),
    );
    await client.roundTrip();
    expect(client.all('code_update')).toEqual([]);
    await scene.quiet();
    expect(await contentsOf(scene)).toBe(before);
    expect(stack.logs()).not.toMatch(/unexpected_error|Uncaught|TypeError/);
  },
  fuzzTimeoutMs(RUNS, EACH_MS),
);

/** What a refused upgrade says. */
async function upgrade(url: URL, headers: Record<string, string>): Promise<{ status: number; text: string }> {
  const socket = new WebSocket(url.href.replace(/^http/, 'ws'), { headers });
  try {
    return await new Promise((resolve, reject) => {
      socket.once('open', () => resolve({ status: 101, text: '' }));
      socket.once('unexpected-response', async (_request, response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode ?? 0, text });
      });
      socket.once('error', reject);
    });
  } finally {
    socket.on('error', () => {});
    socket.terminate();
  }
}

it(
  'bytes that are no HTTP at all',
  async () => {
    const bytes = fc.oneof(
      rawBytes,
      nastyText.map((text) => Buffer.from(`GET /${text} HTTP/1.1\r\nhost: x\r\n\r\n`)),
      nastyText.map((text) => Buffer.from(`POST /flush HTTP/1.1\r\nhost: x\r\n${text}: ${text}\r\n\r\n`)),
      fc.constant(
        Buffer.from(
          'POST /flush HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nzz\r\n',
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (sent) => {
        const socket = connect(Number(new URL(stack.url).port), '127.0.0.1');
        let text = '';
        socket.on('data', (chunk) => {
          text += chunk;
        });
        socket.on('error', () => {});
        socket.end(sent);
        await new Promise((resolve) => socket.once('close', resolve));
        for (const secret of secrets) expect(text).not.toContain(secret);
      }),
      fuzz(RUNS / 8),
    );
    expect((await scene.worker('GET', '/health')).status).toBe(200);
    expect((await fetch(stack.url)).status).toBe(200);
  },
  fuzzTimeoutMs(RUNS, EACH_MS),
);
