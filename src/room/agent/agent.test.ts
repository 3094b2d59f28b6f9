import { APICallError } from 'ai';
import type { MockLanguageModelV3 } from 'ai/test';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { aiConfig, mockModel, partsOf, type StreamPart } from '../../../test/support/ai-model.ts';
import { createAgent } from './agent.ts';
import { AgentError, type AgentFailure } from './errors.ts';
import type { ModelChoice } from './models.ts';

const CODE = '```strudel\ns("bd*4")\n```';
const BROKEN = '```strudel\ns("bd*4"\n```';
const SECRET = 'sk-secret-of-a-person';

const input = { query: 'a beat', code: 's("hh")', history: [] };

function setUp(model: MockLanguageModelV3, config: Parameters<typeof aiConfig>[0] = {}) {
  const agent = createAgent(aiConfig(config), { makeModel: () => model, maxRetries: 0 });
  const deltas: [string, number][] = [];
  const abort = new AbortController();
  const ask = (over: Partial<ModelChoice> = {}) => {
    const choice = agent.choose({});
    if (!choice) throw new Error('no model');
    return agent.answer({ ...choice, ...over }, input, {
      signal: abort.signal,
      onDelta: (text, attempt) => deltas.push([text, attempt]),
    });
  };
  return { agent, ask, deltas, abort };
}

async function failure(promise: Promise<unknown>): Promise<AgentError> {
  const error = await promise.then(
    () => new Error('it was answered'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AgentError) return error;
  throw error;
}

/** Text of the messages of one request to the model. */
function askedOf(model: MockLanguageModelV3, call: number): string[] {
  return (model.doStreamCalls[call]?.prompt ?? []).map((message) =>
    typeof message.content === 'string'
      ? message.content
      : message.content.map((part) => ('text' in part ? part.text : '')).join(''),
  );
}

/** A stream that stays open until it is let go; `cancelled` says whether it was. */
function openStream(first: StreamPart[]) {
  const seen = { isCancelled: false };
  const stream = new ReadableStream<StreamPart>({
    start(controller) {
      for (const part of first) controller.enqueue(part);
    },
    cancel() {
      seen.isCancelled = true;
    },
  });
  return { stream, seen };
}

function refusal(statusCode: number): APICallError {
  return new APICallError({
    message: `the key ${SECRET} is wrong`,
    url: 'https://provider.example',
    requestBodyValues: { prompt: input.query },
    statusCode,
    responseBody: `{"error":"${SECRET}"}`,
  });
}

afterEach(() => {
  vi.useRealTimers();
});

describe('an answer', () => {
  it('streams piece by piece, and is read at its end', async () => {
    const model = mockModel({ pieces: ['Four on ', 'the floor.\n\n```stru', 'del\ns("bd*4")\n', '```'] });
    const { ask, deltas } = setUp(model);
    expect(await ask()).toEqual({ kind: 'code', code: 's("bd*4")', explanation: 'Four on the floor.' });
    expect(deltas.map(([text]) => text).join('')).toBe(`Four on the floor.\n\n${CODE}`);
    expect(deltas.length).toBe(4);
    expect(new Set(deltas.map(([, attempt]) => attempt))).toEqual(new Set([1]));
  });

  it('is asked for with the guide, the program and the bound of its length', async () => {
    const model = mockModel({ pieces: ['Yes.'] });
    const { ask } = setUp(model, { AI_MAX_OUTPUT_TOKENS: '777' });
    expect(await ask()).toEqual({ kind: 'text', text: 'Yes.' });
    const call = model.doStreamCalls[0];
    expect(call?.maxOutputTokens).toBe(777);
    expect(call?.prompt[0]).toMatchObject({
      role: 'system',
      providerOptions: { anthropic: { cacheControl: { type: 'ephemeral' } } },
    });
    const [instructions, request] = askedOf(model, 0);
    expect(instructions).toContain('# Strudel in short');
    expect(request).toContain('```strudel\ns("hh")\n```');
    expect(request).toContain('The request: a beat');
  });

  it('may be questions', async () => {
    const { ask } = setUp(mockModel({ pieces: ['? Which ', 'tempo?'] }));
    expect(await ask()).toMatchObject({ kind: 'questions', questions: ['Which tempo?'] });
  });
});

describe('code that can’t be used', () => {
  it('is asked for once more, with what is wrong with it', async () => {
    const model = mockModel({ pieces: [BROKEN] }, { pieces: [CODE] });
    const { ask, deltas } = setUp(model);
    expect(await ask()).toMatchObject({ kind: 'code', code: 's("bd*4")' });
    expect(deltas).toEqual([
      [BROKEN, 1],
      [CODE, 2],
    ]);
    expect(askedOf(model, 1).slice(-2)).toEqual([
      BROKEN,
      expect.stringContaining('it does not parse: Unexpected token (1:8)'),
    ]);
  });

  it('a second time is an error, and there is no third', async () => {
    for (const second of [BROKEN, '```strudel\ns("bd', '']) {
      const model = mockModel({ pieces: [BROKEN] }, { pieces: [second] });
      expect(await failure(setUp(model).ask())).toMatchObject({ failure: 'unusable', code: 'server_error' });
      expect(model.doStreamCalls).toHaveLength(2);
    }
  });

  it('or was cut off at the bound of its length, is asked for once more', async () => {
    const model = mockModel({ pieces: ['```strudel\ns("bd'], finish: 'length' }, { pieces: [CODE] });
    expect(await setUp(model).ask()).toMatchObject({ kind: 'code' });
    expect(askedOf(model, 1).at(-1)).toContain('cut off');
  });

  it('for lack of its mark is never taken for a program; a second time it is an explanation', async () => {
    const unmarked = 'Like this:\n```js\ns("bd")\n```';
    const marked = mockModel({ pieces: [unmarked] }, { pieces: [CODE] });
    expect(await setUp(marked).ask()).toMatchObject({ kind: 'code', code: 's("bd*4")' });
    const again = mockModel({ pieces: [unmarked] }, { pieces: [unmarked] });
    expect(await setUp(again).ask()).toEqual({ kind: 'text', text: unmarked });
  });

  it('nor ends, is stopped', async () => {
    const endless = openStream(partsOf(Array.from({ length: 50 }, () => 'x'.repeat(10_000))).slice(0, -2));
    const { ask } = setUp(mockModel({ stream: endless.stream }));
    expect(await failure(ask())).toMatchObject({ failure: 'unusable' });
  });
});

describe('a request that ends early', () => {
  it('is cancelled, at the provider too, when nobody waits any more', async () => {
    const open = openStream(partsOf(['Four on ']).slice(0, 3));
    const model = mockModel({ stream: open.stream });
    const { ask, abort, deltas } = setUp(model);
    const answer = failure(ask());
    await vi.waitUntil(() => deltas.length === 1, { timeout: 30_000 });
    abort.abort();
    expect(await answer).toMatchObject({ failure: 'cancelled' });
    expect(model.doStreamCalls[0]?.abortSignal?.aborted).toBe(true);
  });

  it('is not even sent when it was cancelled before', async () => {
    const model = mockModel();
    const { ask, abort } = setUp(model);
    abort.abort();
    expect(await failure(ask())).toMatchObject({ failure: 'cancelled' });
    expect(model.doStreamCalls).toEqual([]);
  });

  it('has a time limit, over both attempts', async () => {
    const open = openStream([]);
    const model = mockModel({ pieces: [BROKEN] }, { stream: open.stream });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const answer = failure(setUp(model, { AI_TIMEOUT_MS: '5000' }).ask());
    // Waiting moves the clock by its interval at each look.
    await vi.waitUntil(() => model.doStreamCalls.length === 2, { interval: 1, timeout: 30_000 });
    await vi.advanceTimersByTimeAsync(4_500);
    expect(model.doStreamCalls[1]?.abortSignal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(500);
    expect(await answer).toMatchObject({ failure: 'timeout', code: 'ai_unavailable' });
    expect(model.doStreamCalls[1]?.abortSignal?.aborted).toBe(true);
  });

  it('leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await setUp(mockModel({ pieces: ['Yes.'] })).ask();
    await failure(setUp(mockModel({ error: refusal(500) })).ask());
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a provider’s error', () => {
  const cases: [number | null, AgentFailure, string, string][] = [
    [400, 'request_refused', 'server_error', 'bad_request'],
    [401, 'key_refused', 'ai_unavailable', 'unauthorized'],
    [402, 'provider_limit', 'too_many_requests', 'too_many_requests'],
    [403, 'key_refused', 'ai_unavailable', 'unauthorized'],
    [404, 'request_refused', 'server_error', 'bad_request'],
    [408, 'provider_down', 'ai_unavailable', 'ai_unavailable'],
    [429, 'provider_limit', 'too_many_requests', 'too_many_requests'],
    [500, 'provider_down', 'ai_unavailable', 'ai_unavailable'],
    [529, 'provider_down', 'ai_unavailable', 'ai_unavailable'],
    [null, 'provider_down', 'ai_unavailable', 'ai_unavailable'],
  ];
  it.each(cases)('%s is told as %s, without its words', async (status, kind, code, ownCode) => {
    const error = () => (status === null ? new TypeError(`fetch failed with ${SECRET}`) : refusal(status));
    const ours = await failure(setUp(mockModel({ error: error() })).ask());
    const theirs = await failure(setUp(mockModel({ error: error() })).ask({ isOwnKey: true }));
    expect(ours).toMatchObject({ failure: kind, code, status });
    expect(theirs).toMatchObject({ failure: kind, code: ownCode, status });
    for (const told of [ours, theirs]) {
      expect(JSON.stringify([told, told.message, told.stack, told.cause])).not.toContain(SECRET);
    }
  });

  it('in the middle of the stream is told too', async () => {
    const parts: StreamPart[] = [
      ...partsOf(['Four']).slice(0, 3),
      { type: 'error', error: { type: 'overloaded_error', message: SECRET } },
    ];
    const stream = new ReadableStream<StreamPart>({
      start(controller) {
        for (const part of parts) controller.enqueue(part);
        controller.close();
      },
    });
    const { ask, deltas } = setUp(mockModel({ stream }));
    expect(await failure(ask())).toMatchObject({ failure: 'provider_down' });
    expect(deltas).toEqual([['Four', 1]]);
  });

  it('or a refusal to answer is told for what it is', async () => {
    const declined = mockModel({ pieces: ['I '], finish: 'content-filter' });
    expect(await failure(setUp(declined).ask())).toMatchObject({ failure: 'declined', code: 'bad_request' });
    const broken = mockModel({ pieces: ['I '], finish: 'error' });
    expect(await failure(setUp(broken).ask())).toMatchObject({ failure: 'provider_down' });
  });

  it('is repeated once when it may pass', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const passing = new APICallError({
      message: 'busy',
      url: 'https://provider.example',
      requestBodyValues: {},
      statusCode: 529,
      isRetryable: true,
    });
    const model = mockModel({ error: passing }, { pieces: ['Yes.'] });
    const agent = createAgent(aiConfig(), { makeModel: () => model });
    const choice = agent.choose({});
    if (!choice) throw new Error('no model');
    const { signal } = new AbortController();
    const answer = agent.answer(choice, input, { signal, onDelta: () => {} });
    await vi.waitUntil(() => model.doStreamCalls.length === 1, { timeout: 30_000 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await answer).toEqual({ kind: 'text', text: 'Yes.' });
  });

  it('is not printed by the SDK', async () => {
    const printed = [vi.spyOn(console, 'error'), vi.spyOn(console, 'warn'), vi.spyOn(console, 'info')];
    for (const spy of printed) spy.mockImplementation(() => {});
    await failure(setUp(mockModel({ error: refusal(400) })).ask());
    await setUp(mockModel({ pieces: ['Yes.'] })).ask();
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});

describe('the choice of a model', () => {
  const choose = (
    config: Parameters<typeof aiConfig>[0],
    wanted: Parameters<ReturnType<typeof createAgent>['choose']>[0] = {},
  ) => createAgent(aiConfig({ ANTHROPIC_API_KEY: '', ...config }), {}).choose(wanted);
  const none = { ANTHROPIC_API_KEY: undefined as unknown as string };

  it('takes the provider that has a key, or that is configured', () => {
    expect(choose({ ...none })).toBeNull();
    expect(choose({ ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'o' })).toMatchObject({
      provider: 'anthropic',
      apiKey: 'a',
      modelId: 'claude-sonnet-5',
      baseUrl: 'https://api.anthropic.com/v1',
      isOwnKey: false,
    });
    expect(choose({ ...none, OPENAI_API_KEY: 'o', OPENAI_MODEL: 'm' })).toMatchObject({
      provider: 'openai',
      apiKey: 'o',
      modelId: 'm',
    });
    expect(choose({ ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'o', AI_PROVIDER: 'openai' })).toMatchObject({
      provider: 'openai',
    });
    expect(choose({ ANTHROPIC_API_KEY: 'a', AI_PROVIDER: 'openai' })).toBeNull();
  });

  it('takes the provider and the key that a request brings', () => {
    expect(choose({ ANTHROPIC_API_KEY: 'a' }, { provider: 'openai' })).toBeNull();
    expect(choose({ ANTHROPIC_API_KEY: 'a' }, { provider: 'openai', apiKey: 'own' })).toMatchObject({
      provider: 'openai',
      apiKey: 'own',
      isOwnKey: true,
    });
    expect(choose({ ...none }, { provider: 'anthropic', apiKey: 'own' })).toMatchObject({ apiKey: 'own' });
  });
});
