/** The AI over HTTP, without a room: from the caller's request to the provider's wire and back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type GenerateEvent, generated, generateEvent } from '../../src/protocol/http/agent.ts';
import { errorReply } from '../../src/protocol/http/shared.ts';
import { strudel } from '../../src/protocol/http/strudels.ts';
import {
  MAX_AI_REQUESTS_PER_DAY,
  MAX_AI_REQUESTS_PER_MINUTE,
  MAX_ANONYMOUS_AI_CHARS,
} from '../../src/protocol/index.ts';
import { countedPerson } from '../../src/room/agent/index.ts';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import { People } from '../support/people.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';

const OWN_KEY = 'sk-the-very-own-key-of-ada';
const CODE = 's("bd*4")';
const CODE_ANSWER = ['Four on the floor.\n\n```stru', `del\n${CODE}\n`, '```'];
const QUESTION = { user_query: 'a beat please', editor_state: 's("hh")' };

let provider: AiProvider;
let stack: Stack;
let scene: Scene;
let people: People;

beforeAll(async () => {
  provider = await startAiProvider();
  stack = await startStack({
    AI_PROVIDER: '',
    ANTHROPIC_API_KEY: 'sk-ant-the-key-of-the-server',
    ANTHROPIC_BASE_URL: provider.url,
    ANTHROPIC_MODEL: 'claude-of-the-test',
    OPENAI_API_KEY: '',
    OPENAI_BASE_URL: provider.url,
    OPENAI_MODEL: 'gpt-of-the-test',
  });
  scene = new Scene(stack);
  people = new People(stack, scene);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
  await provider?.stop();
});

interface Caller {
  token?: string;
  address?: string;
  signal?: AbortSignal;
}

/** Each test has a network of its own, so that none uses up another's minute. */
let networks = 0;
function network(): string {
  networks += 1;
  return `198.51.100.${networks}`;
}

async function ask(path: '' | '/stream', body: object, { token, address, signal }: Caller = {}) {
  return fetch(new URL(`/api/v1/agent/generate${path}`, stack.workerUrl), {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      'cf-connecting-ip': address ?? network(),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(signal ? { signal } : {}),
  });
}

async function answered(body: object, caller: Caller = {}) {
  const response = await ask('', body, caller);
  const json = await response.json();
  expect([response.status, json]).toEqual([200, json]);
  return generated.parse(json);
}

async function refused(body: object, caller: Caller = {}) {
  const replies = [];
  for (const path of ['', '/stream'] as const) {
    const response = await ask(path, body, caller);
    replies.push({ status: response.status, ...errorReply.parse(await response.json()) });
  }
  expect(replies[1]).toEqual(replies[0]);
  return replies[0];
}

/** The events of a stream as they come. */
async function* eventsOf(response: Response): AsyncGenerator<GenerateEvent> {
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  let text = '';
  for await (const part of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const events = `${text}${part}`.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      if (event.startsWith('data: ')) yield generateEvent.parse(JSON.parse(event.slice(6)));
      else expect(event).toBe(': ');
    }
  }
  expect(text).toBe('');
}

const allOf = async (response: Response) => {
  const events = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
};
const textOf = (events: readonly GenerateEvent[]) =>
  events.map((event) => (event.type === 'chunk' ? event.content : '')).join('');

describe('a question over HTTP', () => {
  it('goes to the provider with code and conversation, and is answered whole', async () => {
    provider.answer(...CODE_ANSWER);
    const conversation_history = [
      { role: 'user', content: 'hats' },
      { role: 'assistant', content: 's("hh")' },
    ];
    const reply = await answered({ ...QUESTION, conversation_history, unknown: 'field' });
    expect(reply).toEqual({
      code: CODE,
      explanation: 'Four on the floor.',
      is_code_response: true,
      is_actionable: true,
      docs_retrieved: 0,
      examples_retrieved: 0,
      model: 'claude-of-the-test',
      rate_limit: { requests_remaining: 49, requests_limit: 50, reset_seconds: expect.any(Number) },
    });
    const { messages } = JSON.parse(provider.requests.at(-1)?.body ?? '');
    expect(JSON.stringify(messages)).toContain('a beat please');
    expect(messages.map(({ role }: { role: string }) => role)).toEqual(['user', 'assistant', 'user']);

    provider.answer('It makes ', 'four beats.');
    expect(await answered(QUESTION)).toMatchObject({ code: 'It makes four beats.', is_code_response: false });
    provider.answer('? Which tempo?\n? How long?');
    const questions = await answered(QUESTION);
    expect(questions).toMatchObject({
      is_actionable: false,
      clarifying_questions: ['Which tempo?', 'How long?'],
    });
    expect(questions).not.toHaveProperty('code');
  });

  it('streams its answer while it is written', async () => {
    const held = provider.hold();
    const response = await ask('/stream', QUESTION);
    const events = eventsOf(response);
    expect((await events.next()).value).toEqual({ type: 'refs', strudel_references: [], doc_references: [] });
    const open = await held;
    open.send('Four on the floor.\n\n```strudel\n');
    const first = (await events.next()).value;
    expect(first).toEqual({ type: 'chunk', content: 'Four on the floor.\n\n```strudel\n' });
    open.send(`${CODE}\n\`\`\``);
    open.end();
    const rest = [];
    for await (const event of events) rest.push(event);
    expect(textOf(rest)).toBe(`${CODE}\n\`\`\``);
    expect(rest.at(-1)).toMatchObject({
      type: 'done',
      content: CODE,
      code: CODE,
      is_code_response: true,
      model: 'claude-of-the-test',
    });
  });

  it('starts its pieces anew when the code couldn’t be used', async () => {
    provider.answer('```strudel\ns("bd*4"\n```');
    provider.answer(...CODE_ANSWER);
    const events = await allOf(await ask('/stream', QUESTION));
    const again = events.findIndex(({ type }) => type === 'restart');
    expect(textOf(events.slice(0, again))).toContain('s("bd*4"\n');
    expect(textOf(events.slice(again))).toBe(CODE_ANSWER.join(''));
    expect(events.at(-1)).toMatchObject({ type: 'done', content: CODE });
  });

  it('is given up at the provider when its caller goes away', async () => {
    const abort = new AbortController();
    const held = provider.hold();
    const response = await ask('/stream', QUESTION, { signal: abort.signal });
    const open = await held;
    open.send('Four on');
    const events = eventsOf(response);
    await events.next();
    expect((await events.next()).value).toEqual({ type: 'chunk', content: 'Four on' });
    abort.abort();
    await expect(events.next()).rejects.toThrow();
    await open.hungUp;
  });

  it('is told in our own words what goes wrong, and its key stays secret', async () => {
    const own = { ...QUESTION, provider: 'openai', provider_api_key: OWN_KEY };
    const error = { message: `Incorrect API key provided: ${OWN_KEY}` };
    provider.answer(...CODE_ANSWER);
    expect(await answered(own)).toMatchObject({
      model: 'gpt-of-the-test',
      rate_limit: { requests_limit: MAX_AI_REQUESTS_PER_MINUTE },
    });
    expect(provider.requests.at(-1)?.headers.authorization).toBe(`Bearer ${OWN_KEY}`);
    // The caller's own token is good: no 401.
    provider.refuse(401, { error });
    const response = await ask('', own);
    expect([response.status, await response.json()]).toEqual([
      403,
      { error: 'unauthorized', message: 'the AI provider doesn’t accept your key' },
    ]);
    provider.refuse(401, { error });
    expect((await allOf(await ask('/stream', own))).at(-1)).toEqual({
      type: 'error',
      error: 'the AI provider doesn’t accept your key',
      code: 'unauthorized',
    });
    provider.refuse(404, { error });
    expect((await ask('', QUESTION)).status).toBe(502);
    expect(stack.logs()).toContain('agent_failed');
    expect(stack.logs()).not.toContain(OWN_KEY);
  });
});

describe('what isn’t asked', () => {
  it('is refused before anything is sent, with its status', async () => {
    const sent = provider.requests.length;
    const malformed = [
      {},
      { ...QUESTION, user_query: ' ' },
      { ...QUESTION, editor_state: 5 },
      { ...QUESTION, provider: 'another' },
      { ...QUESTION, provider_api_key: OWN_KEY },
    ];
    for (const body of malformed) {
      expect(await refused(body)).toMatchObject({ status: 400, error: 'validation_error' });
    }
    expect(await refused({ ...QUESTION, editor_state: 'x'.repeat(MAX_ANONYMOUS_AI_CHARS) })).toMatchObject({
      status: 400,
      error: 'validation_error',
      message: expect.stringContaining('sign in'),
    });
    expect(await refused({ ...QUESTION, provider: 'openai' })).toMatchObject({
      status: 503,
      error: 'ai_unavailable',
    });
    for (const { token } of [await people.user('Eve', -60), { token: 'x.y.z' }]) {
      expect(await refused(QUESTION, { token })).toMatchObject({ status: 401, error: 'unauthorized' });
    }
    expect(provider.requests).toHaveLength(sent);
    // Other clients send what they don't have as empty, and ids of their own.
    provider.answer('Yes.');
    const empty = { provider: '', provider_api_key: '', strudel_id: '', session_id: null };
    await answered({ ...QUESTION, ...empty, conversation_history: null, forked_from_id: 'local-7' });
  });

  it('is what goes beyond the minute, of one network or of one user wherever they are', async () => {
    const user = await people.user('Ada');
    for (const caller of [{ address: network() }, { token: user.token }]) {
      for (let i = 0; i < MAX_AI_REQUESTS_PER_MINUTE; i += 1) {
        provider.answer('Yes.');
        await answered(QUESTION, caller);
      }
      expect(await refused(QUESTION, caller)).toMatchObject({
        status: 429,
        error: 'too_many_requests',
        message: expect.stringContaining('a minute'),
      });
    }
  });

  it('is what goes beyond the day, which rooms count, too', async () => {
    const address = network();
    const person = await countedPerson({ userId: null, address, connectionId: '' }, stack.jwtSecret);
    const counter = scene.key(`ai:anonymous:${person.id}:${Math.floor(Date.now() / 86_400_000)}`);
    await scene.redis('SET', counter, String(MAX_AI_REQUESTS_PER_DAY.anonymous - 2), 'EX', '86400');
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, headers: { 'cf-connecting-ip': address } });
    provider.answer('Yes.');
    ada.send('agent_request', { user_query: 'x', request_id: 'r1' });
    await ada.safeAnswer('r1');
    // What the provider doesn't answer isn't counted.
    provider.refuse(400, { error: { message: 'no' } });
    expect((await ask('', QUESTION, { address })).status).toBe(502);
    provider.answer('Yes.');
    expect((await answered(QUESTION, { address })).rate_limit).toMatchObject({ requests_remaining: 0 });
    expect(await refused(QUESTION, { address })).toMatchObject({
      status: 429,
      message: expect.stringContaining('a day'),
    });
    // A session token says who its bearer is: a stranger still, here.
    expect((await ask('', QUESTION, { address, token })).status).toBe(429);
  });
});

describe('a strudel that must not be given to the AI', () => {
  it('is not, nor what was made from it, nor the code of a session that has it loaded', async () => {
    const ada = await people.user('Ada');
    const saved = async (over: object) => {
      const response = await fetch(new URL('/api/v1/strudels', stack.workerUrl), {
        method: 'POST',
        headers: { authorization: `Bearer ${ada.token}` },
        body: JSON.stringify({ title: 'Mine', code: 's("cp")', is_public: true, ...over }),
      });
      return strudel.parse(await response.json());
    };
    const forbidden = await saved({ cc_signal: 'no-ai' });
    const fork = await saved({ forked_from: forbidden.id, cc_signal: 'cc-cr' });
    const allowed = await saved({ cc_signal: 'cc-cr' });
    const noAi = { status: 403, error: 'no_ai', message: expect.stringContaining('author') };
    const sent = provider.requests.length;
    for (const { id } of [forbidden, fork]) {
      expect(await refused({ ...QUESTION, strudel_id: id })).toEqual(noAi);
      expect(await refused({ ...QUESTION, forked_from_id: id })).toEqual(noAi);
    }
    const { id: session_id } = await scene.session({ code: 's("hh")' });
    const host = await scene.join(session_id);
    const turnTo = async (payload: object) => {
      const request_id = crypto.randomUUID();
      host.send('switch_strudel', { ...payload, request_id });
      await host.next('session_state', (state) => state.request_id === request_id);
    };
    const refusedInRoom = async (over: object = {}) => {
      const request_id = crypto.randomUUID();
      host.send('agent_request', { user_query: 'a beat', request_id, ...over });
      return (await host.next('error', (error) => error.request_id === request_id)).payload;
    };
    await turnTo({ strudel_id: fork.id });
    const own = { provider: 'openai', provider_api_key: OWN_KEY };
    expect(await refusedInRoom()).toMatchObject({ error: 'no_ai', message: noAi.message });
    expect(await refusedInRoom({ editor_state: 'mine', ...own })).toMatchObject({ error: 'no_ai' });
    expect(await refused({ ...QUESTION, session_id })).toEqual(noAi);
    // As scratch code it is still its author's.
    await turnTo({ strudel_id: null });
    expect(await refusedInRoom()).toMatchObject({ error: 'no_ai' });
    await stack.control.restart('room');
    expect(await refused({ ...QUESTION, session_id })).toEqual(noAi);
    expect(provider.requests).toHaveLength(sent);

    const again = await scene.join(session_id);
    again.send('switch_strudel', { strudel_id: null, code: 's("hh")', request_id: 's1' });
    await again.next('session_state', (state) => state.request_id === 's1');
    provider.answer('Yes.');
    again.send('agent_request', { user_query: 'a beat', request_id: 'r9' });
    await again.safeAnswer('r9');
    provider.answer('Yes.');
    await answered({ ...QUESTION, session_id, strudel_id: allowed.id });
    const stats = async ({ id }: { id: string }) => {
      const response = await fetch(new URL(`/api/v1/public/strudels/${id}/stats`, stack.workerUrl));
      return (await response.json()).stats;
    };
    // Loaded into a session, and given to the AI: both by people without an account.
    expect(await stats(fork)).toMatchObject({ total_uses: 1, unique_users: 0 });
    expect(await stats(allowed)).toMatchObject({ total_uses: 1, unique_users: 0 });
    expect(await stats(forbidden)).toMatchObject({ total_uses: 0, fork_count: 1 });
  });
});
