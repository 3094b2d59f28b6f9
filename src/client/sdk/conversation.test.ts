import { describe, expect, it } from 'vitest';
import {
  FakeSocket,
  type FakeState,
  open,
  reconnected,
  useFakeSockets,
} from '../../../test/support/client.ts';
import type { SessionClient } from './session-client.ts';

useFakeSockets();

const answer = {
  is_code_response: false,
  is_actionable: true,
  base_rev: 5,
  model: 'a-model',
  docs_retrieved: 0,
  examples_retrieved: 0,
  rate_limit: { requests_remaining: 49, requests_limit: 50, reset_seconds: 60 },
};

/** The conversation in short: who, how it stands, what. */
function turns(client: SessionClient): string[] {
  return client.snapshot.conversation.map(
    ({ displayName, status, text, code, questions, problem }) =>
      `${displayName ?? 'AI'} ${status}: ${[text, code, ...questions, problem].filter(Boolean).join(' | ')}`,
  );
}

/** Asks, and the room takes it. */
async function asking(query = 'faster'): Promise<{ client: SessionClient; requestId: string }> {
  const client = await open();
  const requestId = client.ask(query) ?? '';
  FakeSocket.last.say('agent_request', { user_query: query, display_name: 'Ana' });
  return { client, requestId };
}

const delta = (request_id: string, text: string, more: object = {}) =>
  FakeSocket.last.say('agent_delta', { request_id, text, attempt: 1, ...more });

describe('asking the AI', () => {
  it('shows the question, the answer as it streams, and what it came to', async () => {
    const client = await open();
    const requestId = client.ask('faster') ?? '';
    expect(FakeSocket.last.sent('agent_request')).toEqual([
      { user_query: 'faster', request_id: requestId, editor_state: 'base' },
    ]);
    expect(turns(client)).toEqual(['Ana pending: faster']);
    FakeSocket.last.say('agent_request', { user_query: 'faster', display_name: 'Ana' });
    delta(requestId, 'Twice ');
    delta(requestId, 'as fast.');
    expect(turns(client)).toEqual(['Ana done: faster', 'AI streaming: Twice as fast.']);
    expect(client.snapshot).toMatchObject({ isAnswering: true, requestsLeft: null });
    FakeSocket.last.say('agent_response', {
      ...answer,
      request_id: requestId,
      is_code_response: true,
      code: 's("bd*8")',
      explanation: 'Twice as fast now.',
    });
    expect(turns(client)).toEqual(['Ana done: faster', 'AI done: Twice as fast now. | s("bd*8")']);
    expect(client.snapshot).toMatchObject({
      isAnswering: false,
      requestsLeft: { remaining: 49, limit: 50, resetSeconds: 60 },
    });
  });

  it('shows an answer in words, and questions that come back', async () => {
    const { client, requestId } = await asking();
    FakeSocket.last.say('agent_response', { ...answer, request_id: requestId, code: 'It is a beat.' });
    expect(turns(client).at(-1)).toBe('AI done: It is a beat.');
    expect(client.snapshot.conversation.at(-1)?.code).toBeNull();
    const again = client.ask('change it') ?? '';
    FakeSocket.last.say('agent_request', { user_query: 'change it', display_name: 'Ana' });
    FakeSocket.last.say('agent_response', {
      ...answer,
      request_id: again,
      is_actionable: false,
      clarifying_questions: ['Which part?', 'How much?'],
    });
    expect(turns(client).at(-1)).toBe('AI done: Which part? | How much?');
  });

  it('begins anew when the AI does', async () => {
    const { client, requestId } = await asking();
    delta(requestId, 'broken');
    delta(requestId, 'better', { attempt: 2 });
    expect(turns(client).at(-1)).toBe('AI streaming: better');
  });

  it('takes a key of one’s own along, for this request only', async () => {
    const client = await open();
    client.ask('one', { provider: 'openai', providerApiKey: 'sk-own' });
    client.ask('two');
    expect(FakeSocket.last.sent('agent_request')).toEqual([
      expect.objectContaining({ provider: 'openai', provider_api_key: 'sk-own' }),
      expect.not.objectContaining({ provider_api_key: expect.anything() }),
    ]);
    expect(JSON.stringify(client.snapshot)).not.toContain('sk-own');
  });

  it('sends first what was typed', async () => {
    const client = await open({ editIntervalMs: 10_000 });
    client.edit('one');
    client.edit('two');
    client.ask('faster');
    expect(FakeSocket.last.frames.map(({ type }) => type)).toEqual([
      'code_update',
      'code_update',
      'agent_request',
    ]);
  });

  it('refuses what the room would, and can’t be done without a connection', async () => {
    const client = await open();
    const errors: string[] = [];
    client.on('error', ({ message }) => errors.push(message));
    expect(client.ask('   ')).toBeNull();
    expect(client.ask('x'.repeat(4_001))).toBeNull();
    expect(client.ask('x', { provider: 'openai', providerApiKey: 'with a blank' })).toBeNull();
    FakeSocket.last.drop();
    expect(client.ask('x')).toBeNull();
    expect(errors).toEqual([
      'the question is blank',
      expect.stringMatching(/^the question .*4000/),
      'the key is not a key',
    ]);
    expect(client.snapshot.conversation).toEqual([]);
  });

  it('says in its place why there is no answer', async () => {
    const client = await open();
    const requestId = client.ask('faster');
    FakeSocket.last.say('error', { error: 'conflict', message: 'the AI is at work', request_id: requestId });
    expect(turns(client)).toEqual(['Ana failed: faster | the AI is at work']);
    expect(client.snapshot.isAnswering).toBe(false);
  });

  it('says why an answer broke off', async () => {
    const { client, requestId } = await asking();
    delta(requestId, 'Tw');
    delta(requestId, '', { ended: 'failed' });
    FakeSocket.last.say('error', { error: 'ai_unavailable', message: 'too slow', request_id: requestId });
    expect(turns(client)).toEqual(['Ana done: faster', 'AI failed: Tw | too slow']);
    expect(client.snapshot.isAnswering).toBe(false);
  });
});

describe('others’ requests', () => {
  it('are seen, also from the middle on, and cost one nothing', async () => {
    const client = await open();
    FakeSocket.last.say('agent_request', { user_query: 'slower', display_name: 'Ben' });
    delta('theirs', 'Half');
    expect(turns(client)).toEqual(['Ben done: slower', 'AI streaming: Half']);
    expect(client.snapshot.isAnswering).toBe(true);
    FakeSocket.last.say('agent_response', { ...answer, request_id: 'theirs', code: 'Half as fast.' });
    expect(client.snapshot).toMatchObject({ isAnswering: false, requestsLeft: null });
    delta('later', 'and on');
    expect(turns(client).at(-1)).toBe('AI streaming: and on');
    delta('later', '', { ended: 'cancelled' });
    expect(turns(client).at(-1)).toBe('AI cancelled: and on');
  });

  it('aren’t taken for one’s own', async () => {
    const client = await open();
    const requestId = client.ask('faster') ?? '';
    FakeSocket.last.say('agent_request', { user_query: 'slower', display_name: 'Ben' });
    FakeSocket.last.say('error', { error: 'conflict', message: 'busy', request_id: requestId });
    delta('theirs', 'Half');
    expect(turns(client)).toEqual(['Ana failed: faster | busy', 'Ben done: slower', 'AI streaming: Half']);
  });
});

describe('the history', () => {
  const history: FakeState['conversation_history'] = [
    {
      id: 'm1',
      role: 'user',
      content: 'a beat',
      is_code_response: false,
      display_name: 'Ben',
      timestamp: 1,
    },
    {
      id: 'm2',
      role: 'assistant',
      content: 's("bd")',
      is_code_response: true,
      display_name: 'AI',
      timestamp: 2,
    },
  ];

  it('is what the room tells, and what streams goes on below it', async () => {
    const { client, requestId } = await asking();
    delta(requestId, 'Twice');
    FakeSocket.last.state({ conversation_history: history });
    expect(turns(client)).toEqual(['Ben done: a beat', 'AI done: s("bd")', 'AI streaming: Twice']);
  });

  it('after a lost connection has what it has; a question that nobody heard stays', async () => {
    const client = await open();
    client.ask('unheard');
    FakeSocket.last.drop();
    expect(client.snapshot.isAnswering).toBe(false);
    (await reconnected()).hello({ conversation_history: history });
    expect(turns(client)).toEqual([
      'Ben done: a beat',
      'AI done: s("bd")',
      'Ana failed: unheard | The connection was lost before it was answered.',
    ]);
  });

  it('is another one for another strudel', async () => {
    const { client, requestId } = await asking();
    FakeSocket.last.say('agent_response', { ...answer, request_id: requestId, code: 'yes' });
    FakeSocket.last.say('code_update', {
      code: 'other',
      rev: 6,
      user_id: null,
      display_name: 'Ben',
      role: 'co-author',
      source: 'loaded_strudel',
      strudel_id: '99999999-2222-4333-8444-555555555555',
    });
    expect(turns(client)).toEqual([]);
  });
});
