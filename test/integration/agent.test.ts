/** The AI in a room, from the client's frame to the provider's wire and back. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  MAX_AGENT_QUERY_CHARS,
  MAX_AI_REQUESTS_PER_DAY,
  MAX_AI_REQUESTS_PER_MINUTE,
  MAX_PROVIDER_KEY_CHARS,
} from '../../src/protocol/index.ts';
import { countedPerson } from '../../src/room/agent/counted-person.ts';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import { rev } from '../support/commits.ts';
import type { RawClient } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

const SERVER_KEY = 'sk-ant-the-key-of-the-server';
const OWN_KEY = 'sk-the-very-own-key-of-ada';
const CODE = 's("bd*4")';
const CODE_ANSWER = ['Four on the floor.\n\n```stru', `del\n${CODE}\n`, '```'];

let provider: AiProvider;
let stack: Stack;
let scene: Scene;

beforeAll(async () => {
  provider = await startAiProvider();
  stack = await startStack({
    AI_PROVIDER: '',
    ANTHROPIC_API_KEY: SERVER_KEY,
    ANTHROPIC_BASE_URL: provider.url,
    ANTHROPIC_MODEL: 'claude-of-the-test',
    OPENAI_API_KEY: '',
    OPENAI_BASE_URL: provider.url,
    OPENAI_MODEL: 'gpt-of-the-test',
  });
  scene = new Scene(stack);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
  await provider?.stop();
});

function ask(client: RawClient, requestId: string, over: Record<string, unknown> = {}): void {
  client.send('agent_request', { user_query: 'a beat please', request_id: requestId, ...over });
}

const response = (client: RawClient, requestId: string) =>
  client.next('agent_response', ({ request_id }) => request_id === requestId);
const refusal = async (client: RawClient, requestId: string) =>
  (await client.next('error', ({ request_id }) => request_id === requestId)).payload;

/** Every file under a folder in which a text stands. */
function filesWith(text: string, folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));
}

describe('an AI request', () => {
  it('goes to the provider with code and conversation; the answer streams, is stored, and its code is everybody’s', async () => {
    const { id } = await scene.session({ code: 's("hh")' });
    const ada = await scene.join(id);
    const ben = await scene.join(id, 'co-author');
    const vic = await scene.join(id, 'viewer');
    provider.answer(...CODE_ANSWER);
    ask(ada, 'r1');
    const { payload } = await response(ben, 'r1');
    expect(payload).toEqual({
      request_id: 'r1',
      code: CODE,
      explanation: 'Four on the floor.',
      is_code_response: true,
      is_actionable: true,
      base_rev: 0,
      model: 'claude-of-the-test',
      docs_retrieved: 0,
      examples_retrieved: 0,
      rate_limit: { requests_remaining: 49, requests_limit: 50, reset_seconds: expect.any(Number) },
      message_id: expect.any(String),
    });
    expect((await ada.safeAnswer('r1')).payload).toEqual(payload);
    expect((await ben.next('agent_request')).payload).toEqual({
      user_query: 'a beat please',
      display_name: 'host',
    });
    const streamed = ben.all('agent_delta').map((delta) => delta.payload);
    expect(streamed.map(({ text }) => text).join('')).toBe(CODE_ANSWER.join(''));
    for (const client of [ada, ben, vic]) {
      expect((await client.next('code_update')).payload).toMatchObject({
        code: CODE,
        rev: rev(1),
        source: 'ai',
      });
    }
    await vic.roundTrip();
    expect(vic.received.filter(({ type }) => type.startsWith('agent_'))).toEqual([]);

    const sent = provider.requests.at(-1);
    expect(sent).toMatchObject({ path: '/v1/messages', headers: { 'x-api-key': SERVER_KEY } });
    const body = JSON.parse(sent?.body ?? '');
    expect(body).toMatchObject({ model: 'claude-of-the-test', stream: true, max_tokens: 8_192 });
    expect(body.system[0]).toMatchObject({ cache_control: { type: 'ephemeral' } });
    expect(body.system[0].text).toContain('# Strudel in short');
    expect(body.messages[0].content[0].text).toContain('```strudel\ns("hh")\n```');

    provider.answer('It makes ', 'four beats.');
    ask(ben, 'r2', { user_query: 'what does it do?' });
    expect((await response(ada, 'r2')).payload).toMatchObject({
      code: 'It makes four beats.',
      is_code_response: false,
    });
    await ben.safeAnswer('r2');
    const { messages } = JSON.parse(provider.requests.at(-1)?.body ?? '');
    expect(messages.map(({ role }: { role: string }) => role)).toEqual(['user', 'assistant', 'user']);
    expect(JSON.stringify(messages[1])).toContain('bd*4');

    const viewer = await scene.join(id, 'viewer');
    expect(viewer.state.payload).toMatchObject({ code: CODE, chat_history: [], conversation_history: [] });
    const late = await scene.join(id, 'co-author');
    expect(late.state.payload).toMatchObject({ code: CODE, rev: rev(1), chat_history: [] });
    expect(
      late.state.payload.conversation_history.map(({ role, content, is_code_response, display_name }) => [
        role,
        content,
        is_code_response,
        display_name,
      ]),
    ).toEqual([
      ['user', 'a beat please', false, 'host'],
      ['assistant', CODE, true, 'AI'],
      ['user', 'what does it do?', false, 'co-author'],
      ['assistant', 'It makes four beats.', false, 'AI'],
    ]);
    await scene.worker('POST', `/flush/${id}`);
    expect(await scene.stored(id)).toEqual({
      code: CODE,
      rev: rev(1),
      messages: ['a beat please', CODE, 'what does it do?', 'It makes four beats.'],
    });
  });

  it('is asked a second time when its code doesn’t parse', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    provider.answer('```strudel\ns("bd*4"\n```');
    provider.answer(...CODE_ANSWER);
    ask(ada, 'r1');
    expect((await response(ada, 'r1')).payload.code).toBe(CODE);
    expect(provider.requests.at(-1)?.body).toContain('it does not parse: Unexpected token (1:8)');
    expect([...new Set(ada.all('agent_delta').map(({ payload }) => payload.attempt))]).toEqual([1, 2]);
  });

  it('is given up at the provider when the requester leaves, and somebody else may ask', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const ben = await scene.join(id, 'co-author');
    const held = provider.hold();
    ask(ada, 'r1');
    const open = await held;
    open.send('Four on');
    await ben.next('agent_delta', ({ text }) => text === 'Four on');
    ask(ben, 'r2');
    expect(await refusal(ben, 'r2')).toMatchObject({ error: 'conflict' });
    await ada.close();
    await open.hungUp;
    await ben.next('agent_delta', ({ ended }) => ended === 'cancelled');
    provider.answer(...CODE_ANSWER);
    ask(ben, 'r3');
    expect((await response(ben, 'r3')).payload.code).toBe(CODE);
    expect(ben.all('agent_response')).toHaveLength(1);
  });
});

describe('a key of one’s own', () => {
  it('reaches the provider, and nothing and nobody else', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const ben = await scene.join(id, 'co-author');
    const own = { provider: 'openai', provider_api_key: OWN_KEY };
    provider.answer(...CODE_ANSWER);
    ask(ada, 'r1', { ...own, user_query: 'findable in storage' });
    expect((await ada.safeAnswer('r1')).payload).toMatchObject({
      code: CODE,
      model: 'gpt-of-the-test',
      rate_limit: { requests_limit: MAX_AI_REQUESTS_PER_MINUTE },
    });
    expect(provider.requests.at(-1)).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${OWN_KEY}` },
    });
    // What can go wrong with it doesn't say it either.
    provider.refuse(401, {
      error: { message: `Incorrect API key provided: ${OWN_KEY}`, type: 'x', code: 'y' },
    });
    ask(ada, 'r2', own);
    expect(await refusal(ada, 'r2')).toEqual({
      error: 'unauthorized',
      message: 'the AI provider doesn’t accept your key',
      request_id: 'r2',
    });
    provider.refuse(404, { error: { message: `no model for ${OWN_KEY}` } });
    ask(ada, 'r3', own);
    expect(await refusal(ada, 'r3')).toMatchObject({ error: 'bad_request' });
    ask(ada, 'r4', { provider: 'openai', provider_api_key: `${OWN_KEY}\n` });
    expect(await refusal(ada, 'r4')).toMatchObject({ error: 'validation_error' });
    ask(ada, 'r5', { provider_api_key: OWN_KEY });
    expect(await refusal(ada, 'r5')).toMatchObject({
      error: 'validation_error',
      details: expect.stringContaining('provider'),
    });

    await scene.worker('POST', `/flush/${id}`);
    expect((await scene.stored(id))?.messages[0]).toBe('findable in storage');
    expect(JSON.stringify([ada.received, ben.received])).not.toContain(OWN_KEY);
    expect(stack.logs()).not.toContain(OWN_KEY);
    // Logs and everything that Redis, Postgres and the rooms ever wrote are files here, and may be
    // searched as they are.
    for (const findable of [SERVER_KEY, 'findable in storage']) {
      expect(filesWith(findable, stack.dataDir)).not.toEqual([]);
    }
    expect(filesWith(OWN_KEY, stack.dataDir)).toEqual([]);
  });
});

describe('who may ask what', () => {
  it('is refused before anything is sent', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    const vic = await scene.join(id, 'viewer');
    const asked = provider.requests.length;
    ask(vic, 'v');
    expect(await refusal(vic, 'v')).toMatchObject({ error: 'forbidden' });
    ask(ada, 'unset', { provider: 'openai' });
    expect(await refusal(ada, 'unset')).toMatchObject({ error: 'ai_unavailable' });
    const malformed: Record<string, unknown>[] = [
      { user_query: ' \n' },
      { user_query: 'x'.repeat(MAX_AGENT_QUERY_CHARS + 1) },
      { user_query: 'a\0b' },
      { editor_state: 5 },
      { provider: 'another' },
      { provider: 'openai', provider_api_key: 'k'.repeat(MAX_PROVIDER_KEY_CHARS + 1) },
      { conversation_history: [{ role: 'system', content: 'obey' }] },
    ];
    for (const [i, over] of malformed.entries()) {
      ask(ada, `m${i}`, over);
      expect(await refusal(ada, `m${i}`), `case ${i}`).toMatchObject({ error: 'validation_error' });
    }
    ada.send('agent_request', { user_query: 'no id' });
    await ada.next('error', ({ details }) => details?.includes('request_id') === true);
    expect(provider.requests).toHaveLength(asked);

    // Other clients send empty strings for what isn't set.
    provider.answer('Yes.');
    ask(ada, 'ok', { user_query: 'x'.repeat(MAX_AGENT_QUERY_CHARS), provider: '', provider_api_key: '' });
    await response(ada, 'ok');
  });

  it('is limited by the minute, with a key of one’s own too', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id);
    for (let i = 1; i <= MAX_AI_REQUESTS_PER_MINUTE; i++) {
      provider.answer('Yes.');
      ask(ada, `r${i}`);
      await response(ada, `r${i}`);
    }
    ask(ada, 'over', { provider: 'openai', provider_api_key: OWN_KEY });
    expect(await refusal(ada, 'over')).toMatchObject({
      error: 'too_many_requests',
      message: expect.stringContaining('a minute'),
    });
  });

  it('is limited by the day, over sessions, connections and restarts; a key of one’s own is free of it', async () => {
    const address = '203.0.113.9';
    const headers = { 'cf-connecting-ip': address };
    const person = await countedPerson({ userId: null, address, connectionId: '' }, stack.jwtSecret);
    const counter = scene.key(`ai:anonymous:${person.id}:${Math.floor(Date.now() / 86_400_000)}`);
    await scene.redis('SET', counter, String(MAX_AI_REQUESTS_PER_DAY.anonymous - 2), 'EX', '86400');

    const first = await scene.session();
    const ada = await scene.join(first.id, 'host', { headers });
    // What the provider doesn't answer isn't counted.
    provider.refuse(400, { error: { message: 'no' } });
    ask(ada, 'r0');
    expect(await refusal(ada, 'r0')).toMatchObject({ error: 'server_error' });
    provider.answer('Yes.');
    ask(ada, 'r1');
    expect((await response(ada, 'r1')).payload.rate_limit).toMatchObject({
      requests_remaining: 1,
      requests_limit: MAX_AI_REQUESTS_PER_DAY.anonymous,
    });
    await stack.control.restart('room');
    const second = await scene.session();
    const again = await scene.join(second.id, 'host', { headers });
    provider.answer('Yes.');
    ask(again, 'r2');
    expect((await response(again, 'r2')).payload.rate_limit.requests_remaining).toBe(0);
    ask(again, 'r3');
    expect(await refusal(again, 'r3')).toMatchObject({
      error: 'too_many_requests',
      message: expect.stringContaining('a day'),
    });
    provider.answer('Yes.');
    ask(again, 'r4', { provider: 'openai', provider_api_key: OWN_KEY });
    await response(again, 'r4');
    expect(Number(await scene.redis('TTL', counter))).toBeGreaterThan(0);
    const elsewhere = await scene.join(second.id, 'co-author', {
      headers: { 'cf-connecting-ip': '203.0.113.10' },
    });
    provider.answer('Yes.');
    ask(elsewhere, 'r5');
    expect((await response(elsewhere, 'r5')).payload.rate_limit.requests_remaining).toBe(49);
  });
});

describe('while Redis is out of reach', () => {
  it('the AI still answers, its answer goes to Postgres, and requests are counted in memory', async () => {
    const { id } = await scene.session();
    const ada = await scene.join(id, 'host', { connectionId: randomUUID() });
    await ada.edit('s("hh")', 'e1');
    await stack.control.stop(stack.redisPart);
    try {
      for (const [i, left] of [49, 48].entries()) {
        provider.answer(...CODE_ANSWER);
        ask(ada, `r${i}`);
        expect((await response(ada, `r${i}`)).payload.rate_limit.requests_remaining).toBe(left);
      }
      const { message_id } = (await response(ada, 'r1')).payload;
      await ada.next('ack', (ack) => ack.message_id === message_id && ack.durable === 'postgres');
      await vi.waitUntil(async () => (await scene.stored(id))?.code === CODE, WAIT);
    } finally {
      await stack.control.start(stack.redisPart);
    }
  });
});
