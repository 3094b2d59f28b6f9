import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aiConfig } from '../../../test/support/ai-model.ts';
import { WAIT } from '../../../test/support/wait.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { MAX_AI_REQUESTS_PER_MINUTE } from '../../protocol/index.ts';
import { Desk, type DeskPorts } from './desk.ts';
import { DESK_PATHS, type SentDeskRequest } from './desk-request.ts';
import { type Agent, AgentError, createAgent } from './index.ts';

const STRANGER: SentDeskRequest['person'] = { kind: 'anonymous', id: 'n1', siteId: 's1' };
const OWN = { provider: 'openai', provider_api_key: 'sk-own' } as const;

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function setUp(over: Partial<DeskPorts> = {}) {
  const signals: AbortSignal[] = [];
  const answer = vi.fn<Agent['answer']>(async () => ({ kind: 'text', text: 'Yes.' }));
  const counted = {
    isAllowed: true,
    quota: { limit: 50, remaining: 49, resetMs: 1_000 },
    outage: null,
    isShared: false,
  };
  const limits = { take: vi.fn(async () => counted), giveBack: vi.fn(async () => counted) };
  const ports: DeskPorts = {
    agent: { choose: createAgent(aiConfig()).choose, answer: (...args) => answer(...args) },
    limits,
    strudels: { useWithAi: async () => ({ isForbidden: false }) },
    isForStrangers: true,
    subjectOf: async () => null,
    ...over,
  };
  const desk = new Desk(ports);
  const ask = (
    question: Partial<SentDeskRequest['question']> = {},
    {
      path = DESK_PATHS.whole,
      signal = null,
      ...who
    }: Partial<SentDeskRequest> & {
      path?: string;
      signal?: AbortSignal | null;
    } = {},
  ) => {
    const sent = { person: STRANGER, userId: null, question: { user_query: 'a beat', ...question }, ...who };
    return desk.handle(
      new Request(`https://object.internal${path}`, { method: 'POST', body: JSON.stringify(sent), signal }),
    );
  };
  /** Answers only when it is aborted. */
  const hang: Agent['answer'] = (_choice, _input, { signal }) =>
    new Promise((_, reject) => {
      signals.push(signal);
      signal.addEventListener('abort', () => reject(new AgentError('cancelled')));
    });
  return { ask, answer, limits, signals, hang };
}

const refusalOf = async (response: Response) => {
  const { error } = (await response.json()) as { error?: string };
  return [response.status, error];
};

describe('a desk', () => {
  it('asks the AI for people with an account only, where it is for those; a key of one’s own is free of that', async () => {
    const { ask, limits } = setUp({ isForStrangers: false });
    expect(await refusalOf(await ask())).toEqual([403, 'forbidden']);
    expect((await ask({}, { userId: 'u1', person: { kind: 'user', id: 'u1' } })).status).toBe(200);
    expect((await ask(OWN)).status).toBe(200);
    expect(limits.take).toHaveBeenCalledOnce();
  });

  it('counts the minute of each person apart, over both ways to be answered', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { ask } = setUp();
    for (let i = 0; i < MAX_AI_REQUESTS_PER_MINUTE; i += 1) {
      const path = i % 2 === 0 ? DESK_PATHS.whole : DESK_PATHS.stream;
      expect((await ask(OWN, { path })).status).toBe(200);
    }
    expect(await refusalOf(await ask(OWN))).toEqual([429, 'too_many_requests']);
    expect((await ask(OWN, { person: { kind: 'user', id: 'n1' } })).status).toBe(200);
    vi.setSystemTime(Date.now() + 60_000);
    expect((await ask(OWN)).status).toBe(200);
  });

  it('asks nothing while nobody can say whether the AI may be given the code', async () => {
    const strudel_id = crypto.randomUUID();
    const unavailable = () => Promise.reject(new StorageUnavailableError('postgres', 'gone'));
    const withoutPostgres = setUp({ strudels: { useWithAi: unavailable } });
    expect(await refusalOf(await withoutPostgres.ask({ strudel_id }))).toEqual([503, 'server_error']);
    expect((await withoutPostgres.ask()).status).toBe(200);
    const withoutRoom = setUp({ subjectOf: () => Promise.reject(new Error('no room')) });
    expect(await refusalOf(await withoutRoom.ask({ session_id: strudel_id }))).toEqual([503, 'server_error']);
    expect(withoutRoom.answer).not.toHaveBeenCalled();
    // Of a strudel that is gone counts what it said when its session loaded it.
    const gone = setUp({
      strudels: { useWithAi: async () => null },
      subjectOf: async () => ({ strudelId: strudel_id, wasForbidden: true }),
    });
    expect(await refusalOf(await gone.ask({ session_id: strudel_id }))).toEqual([403, 'no_ai']);
    expect(gone.limits.take).not.toHaveBeenCalled();
  });

  it('gives a question up when its caller has gone, and counts it', async () => {
    const { ask, answer, hang, signals, limits } = setUp();
    answer.mockImplementation(hang);
    const abort = new AbortController();
    const whole = ask({}, { signal: abort.signal });
    await vi.waitUntil(() => signals.length === 1, { ...WAIT, interval: 1 });
    abort.abort();
    expect(await refusalOf(await whole)).toEqual([503, 'ai_unavailable']);
    const stream = await ask({}, { path: DESK_PATHS.stream });
    await stream.body?.cancel();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(limits.giveBack).not.toHaveBeenCalled();
  });

  it('gives back what the provider didn’t answer, and tells nothing of an unexpected error', async () => {
    const { ask, answer, limits } = setUp();
    answer.mockRejectedValueOnce(new AgentError('provider_down'));
    expect(await refusalOf(await ask())).toEqual([503, 'ai_unavailable']);
    expect(limits.giveBack).toHaveBeenCalledOnce();
    answer.mockRejectedValue(new Error('quotes sk-secret'));
    const response = await ask({}, { path: DESK_PATHS.stream });
    const text = await response.text();
    expect(text).toContain('"error":"something went wrong"');
    expect(text).not.toContain('sk-secret');
    expect(vi.mocked(console.warn).mock.calls.join()).not.toContain('sk-secret');
  });
});
