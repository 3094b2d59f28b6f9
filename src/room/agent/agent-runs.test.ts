import { describe, expect, it, vi } from 'vitest';
import { aiConfig } from '../../../test/support/ai-model.ts';
import { rev, STARTED_AT, settle, setUp as setUpSession } from '../../../test/support/live-session.ts';
import { participantsOf } from '../../../test/support/room.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { isSaid } from '../../domain/types.ts';
import type { WireChanges } from '../../merging/index.ts';
import {
  type AgentRequest,
  type ConversationEntry,
  MAX_AI_REQUESTS_PER_MINUTE,
  MAX_ANONYMOUS_AI_CHARS,
  type Role,
} from '../../protocol/index.ts';
import type { JoinedConnection } from '../connections/connection.ts';
import type { ConnectionState } from '../connections/connection-state.ts';
import { SharedEdits } from '../document/shared-edits.ts';
import { type AgentRoom, AgentRuns } from './agent-runs.ts';
import { type Agent, AgentError, type Answer, type CountedPerson, createAgent } from './index.ts';

const OWN_KEY = 'sk-own-key-of-a-person';

type AnswerCall = {
  args: Parameters<Agent['answer']>;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
};

function setUp(
  over: { dayLimit?: number; config?: Parameters<typeof aiConfig>[0]; isForStrangers?: boolean } = {},
) {
  const live = setUpSession();
  const members = new Map<string, JoinedConnection>();
  const calls: AnswerCall[] = [];
  const logged: string[] = [];
  const day = {
    used: 0,
    limit: over.dayLimit ?? 50,
    people: [] as CountedPerson[],
    /** What is given back waits for this. */
    givingBack: Promise.resolve(),
    outage: null as string | null,
    isShared: false,
  };
  const state = {
    strudelId: null as string | null,
    importedTurns: [] as ConversationEntry[],
    aiSubject: null as AgentRoom['strudel']['aiSubject'],
    forgetOrigin: vi.fn(),
  };
  const strudels = {
    useWithAi: vi.fn(async (): Promise<{ isForbidden: boolean } | null> => ({ isForbidden: false })),
  };

  const counted = () => ({
    isAllowed: day.used <= day.limit,
    quota: { limit: day.limit, remaining: Math.max(0, day.limit - day.used), resetMs: 7_200_000 },
    outage: day.outage,
    isShared: day.isShared,
  });
  const makeRuns = () =>
    new AgentRuns({
      ports: () => ({
        agent: {
          choose: createAgent(aiConfig(over.config)).choose,
          answer: (...args) =>
            new Promise((resolve, reject) => {
              const [, , { signal }] = args;
              signal.addEventListener('abort', () => reject(new AgentError('cancelled')));
              calls.push({ args, resolve, reject });
            }),
        },
        limits: {
          take: async (person) => {
            day.people.push(person);
            day.used += 1;
            return counted();
          },
          giveBack: async () => {
            await day.givingBack;
            day.used -= 1;
            return counted();
          },
        },
        strudels,
        countedPerson: async (member) => ({ kind: 'anonymous', id: member.id, siteId: 'site' }),
        isForStrangers: over.isForStrangers ?? true,
      }),
      log: (event, detail) => logged.push(`${event} ${detail}`),
    });
  let runs = makeRuns();

  const join = (id: string, role: Role, userId: string | null = null): JoinedConnection => {
    let current: ConnectionState = {
      participantId: userId ?? id,
      userId,
      displayName: id,
      avatarUrl: null,
      role,
      joinMethod: 'grant',
      inviteId: null,
      address: null,
      color: 0,
      isListed: true,
      edits: 'changes',
      sync: 0,
      sameText: null,
      seenMs: 0,
      isHidden: false,
      isAsked: false,
      chatTimes: [],
      switchTimes: [],
      agentTimes: [],
    };
    const member = {
      id,
      get state() {
        return current;
      },
      setState(next: ConnectionState) {
        current = next;
      },
    } as unknown as JoinedConnection;
    members.set(id, member);
    return member;
  };

  const participants = participantsOf(() => members.values());
  const authors = new Map<string, string>();
  const room: AgentRoom = {
    session: { open: async () => live.session },
    participants,
    edits: new SharedEdits({
      session: { live: live.session },
      participants,
      outbox: {
        broadcastEach: (type, payloadFor) => {
          for (const member of members.values()) {
            const payload = payloadFor(member);
            if (payload) live.sent.push({ to: member.id, type, payload });
          }
        },
        reply: (to, type, payload) => void live.sent.push({ to: to.id, type, payload }),
      },
      clock: live.clock,
    }),
    strudel: state,
    authors: { record: (id, author) => void authors.set(id, author) },
    outbox: {
      broadcast: (type, payload, except) => {
        for (const member of members.values()) {
          const isExcepted = typeof except === 'function' ? except(member) : member.id === except?.id;
          if (!isExcepted) live.sent.push({ to: member.id, type, payload });
        }
      },
      reply: (to, type, payload) => void live.sent.push({ to: to.id, type, payload }),
      refuse: (to, error, message, { requestId } = {}) =>
        void live.sent.push({ to: to.id, type: 'error', payload: { error, message, request_id: requestId } }),
    },
  };
  const ask = (sender: JoinedConnection, request: Partial<AgentRequest> = {}) =>
    runs.ask({ user_query: 'a beat', request_id: 'r1', ...request }, sender, room);
  /** Asks, and waits until the model has been asked. */
  const begin = async (sender: JoinedConnection, request: Partial<AgentRequest> = {}) => {
    const before = calls.length;
    const done = ask(sender, request);
    await vi.waitUntil(() => calls.length > before, { interval: 1, timeout: 30_000 });
    const call = calls[before];
    if (!call) throw new Error('not asked');
    return { done, call };
  };
  const to = (id: string, type?: string) =>
    live.sent
      .filter((sent) => sent.to === id && (type === undefined || sent.type === type))
      .map((s) => s.payload);
  return {
    ...live,
    ...{ calls, logged, day, state, strudels, members, join, ask, begin, to },
    left: (id: string) => {
      members.delete(id);
      runs.cancelFor(id);
    },
    /** The instance's memory is gone; connections and their states stay. */
    forget: () => {
      runs = makeRuns();
    },
  };
}

const CODE: Answer = { kind: 'code', code: 's("bd*4")', explanation: 'Four on the floor.' };

describe('a strudel of which the author says whether the AI may be given it', () => {
  const SUBJECT = { strudelId: 's1', wasForbidden: false };
  function withStrudel(subject = SUBJECT) {
    const scene = setUp();
    scene.state.strudelId = subject.strudelId;
    scene.state.aiSubject = subject;
    return { ...scene, ada: scene.join('ada', 'host', 'user-1') };
  }

  it('is given to it where they allow it, and asked about each time', async () => {
    const { ada, begin, strudels } = withStrudel();
    const { call, done } = await begin(ada);
    expect(strudels.useWithAi).toHaveBeenCalledExactlyOnceWith(['s1'], 'user-1');
    call.resolve(CODE);
    await done;
  });

  it.each([
    ['is not where they don’t', { isForbidden: true }, false],
    ['is not where it has been deleted since, and said so before', null, true],
  ])('%s, and that costs nobody a request', async (_, known, wasForbidden) => {
    const { ada, ask, to, calls, day, strudels } = withStrudel({ strudelId: 's1', wasForbidden });
    strudels.useWithAi.mockResolvedValue(known);
    await ask(ada, { provider: 'openai', provider_api_key: OWN_KEY });
    await ask(ada, { request_id: 'r2', editor_state: 'mine', conversation_history: [] });
    expect(to('ada', 'error')).toMatchObject([{ error: 'no_ai' }, { error: 'no_ai', request_id: 'r2' }]);
    expect([calls.length, day.used]).toEqual([0, 0]);
  });

  it('is not while nobody can say', async () => {
    const { ada, ask, to, calls, strudels } = withStrudel();
    strudels.useWithAi.mockRejectedValue(new StorageUnavailableError('postgres', 'gone'));
    await ask(ada);
    expect([calls.length, to('ada', 'error')]).toMatchObject([0, [{ error: 'server_error' }]]);
  });

  it('is not when the session turns to it while another was asked about', async () => {
    const { ada, ask, to, calls, state, day, strudels } = withStrudel();
    strudels.useWithAi.mockImplementation(async () => {
      state.strudelId = 's2';
      state.aiSubject = { strudelId: 's2', wasForbidden: true };
      return { isForbidden: false };
    });
    await ask(ada);
    expect([calls.length, day.used, to('ada', 'error')]).toMatchObject([0, 0, [{ error: 'conflict' }]]);
  });

  it('leaves no trace in scratch code that was empty', async () => {
    const { ada, begin, state } = setUpScratch();
    const { call, done } = await begin(ada, { editor_state: ' ' });
    expect(state.forgetOrigin).toHaveBeenCalledOnce();
    call.resolve(CODE);
    await done;
  });

  function setUpScratch() {
    const scene = setUp();
    return { ...scene, ada: scene.join('ada', 'host') };
  }
});

describe('an AI request', () => {
  it('is shown to writers, streams to them, and its code becomes the session’s next revision for all', async () => {
    const { join, begin, to, session, commits, clock, acks } = setUp();
    const ada = join('ada', 'host', 'user-1');
    join('ben', 'co-author');
    join('vic', 'viewer');
    const { done, call } = await begin(ada);
    expect(to('ben')).toEqual([{ user_query: 'a beat', display_name: 'ada' }]);
    expect(call.args[1]).toEqual({ query: 'a beat', code: 'start', history: [] });
    const { onDelta } = call.args[2];
    onDelta('Four on ', 1);
    onDelta('the floor.', 1);
    await vi.waitUntil(() => to('ben', 'agent_delta').length === 1, { interval: 1, timeout: 30_000 });
    expect(to('ben', 'agent_delta')).toEqual([{ request_id: 'r1', text: 'Four on the floor.', attempt: 1 }]);
    call.resolve(CODE);
    await done;

    const response = {
      request_id: 'r1',
      code: 's("bd*4")',
      explanation: 'Four on the floor.',
      is_code_response: true,
      is_actionable: true,
      base_rev: STARTED_AT,
      model: 'claude-sonnet-5',
      docs_retrieved: 0,
      examples_retrieved: 0,
      rate_limit: { requests_remaining: 49, requests_limit: 50, reset_seconds: 7_200 },
      message_id: expect.any(String),
    };
    const update = {
      changes: [1, [4, '("bd*4")']],
      rev: rev(1),
      source: 'ai',
      display_name: 'ada',
      user_id: 'user-1',
      participant_id: 'user-1',
      role: 'host',
    };
    for (const writer of ['ada', 'ben']) {
      expect(to(writer, 'agent_response')).toEqual([response]);
      expect(to(writer, 'code_update')).toEqual([update]);
    }
    expect(to('vic')).toEqual([update]);
    expect(session.code).toBe('s("bd*4")');

    await clock.advance(1_000);
    const messages = commits.flatMap((commit) => commit.messages.filter(isSaid));
    expect(messages).toMatchObject([
      { type: 'user_prompt', role: 'user', userId: 'user-1', displayName: 'ada', content: 'a beat' },
      {
        type: 'ai_response',
        role: 'assistant',
        userId: null,
        displayName: 'AI',
        content: 's("bd*4")',
        isActionable: true,
        isCodeResponse: true,
        strudelId: null,
      },
    ]);
    const written = commits.findLast(({ code }) => code !== null);
    expect(written?.code).toMatchObject({ code: 's("bd*4")', rev: rev(1), editorId: 'user-1' });
    // The requester's own edits are acknowledged by revision; the AI's isn't one of them.
    expect(
      acks()
        .filter(({ to }) => to === 'ada')
        .map(({ payload }) => payload),
    ).toEqual(messages.map(({ id }) => ({ message_id: id, durable: 'buffer' })));
  });

  it('is answered on the code that it was asked about; what was typed since stays', async () => {
    const { join, begin, to, edit, session } = setUp();
    const ada = join('ada', 'host');
    edit('one\ntwo\nthree');
    // With a line that the room doesn't have yet.
    const { done, call } = await begin(ada, { editor_state: 'one\ntwo\nthree\nfour' });
    edit('one\ntwo\nthree, typed');
    edit('zero\none\ntwo\nthree, typed');
    call.resolve({ kind: 'code', code: 'one\r\nTWO\rthree\nfour', explanation: '' });
    await done;
    expect(session.code).toBe('zero\none\nTWO\nthree, typed');
    expect(to('ada', 'code_update')).toMatchObject([{ rev: rev(4), source: 'ai' }]);
    expect(to('ada', 'agent_response')).toMatchObject([{ code: 'one\nTWO\nthree\nfour', base_rev: rev(1) }]);
  });

  it('on code that has nothing to do with the session’s is answered, and the code stays', async () => {
    const { join, begin, to, edit, session } = setUp();
    const ada = join('ada', 'host');
    edit('one\ntwo\nthree');
    const { done, call } = await begin(ada, { editor_state: 's("bd two")\n.fast(2)' });
    edit('one, typed\ntwo\nthree');
    call.resolve({ kind: 'code', code: 's("hh two three")\n.fast(4)', explanation: '' });
    await done;
    expect(session.code).toBe('one, typed\ntwo\nthree');
    expect(to('ada', 'code_update')).toEqual([]);
    expect(to('ada', 'agent_response')).toMatchObject([
      { code: 's("hh two three")\n.fast(4)', is_code_response: true, is_applied: false },
    ]);
  });

  it('on code that the requester shows without what others typed just then is moved behind that', async () => {
    const { join, begin, edit, session } = setUp();
    const ada = join('ada', 'host');
    edit('one');
    const base = rev(1);
    const type = (connectionId: string, changes: WireChanges) =>
      session.edit({
        ...{ connectionId, participantId: connectionId, editorId: null },
        content: { kind: 'changes', changes, baseRev: base },
      });
    type('ben', [[0, 'b'], 3]);
    type('ada', [3, [0, 'a']]);
    // Neither was ever the session's: it shows Ada's edit without Ben's, which hasn't come to her.
    const { done, call } = await begin(ada, { editor_state: 'onea' });
    call.resolve({ kind: 'code', code: 'ONE a', explanation: '' });
    await done;
    expect(session.code).toBe('bONE a');
  });

  it('may be answered in words or with questions; the code stays', async () => {
    const { join, begin, to, session } = setUp();
    const ada = join('ada', 'host');
    const first = await begin(ada);
    first.call.resolve({ kind: 'text', text: 'It splits\0 them.' });
    await first.done;
    const second = await begin(ada, { request_id: 'r2' });
    second.call.resolve({ kind: 'questions', questions: ['Which tempo?'], text: 'Which tempo?' });
    await second.done;
    expect(to('ada', 'agent_response')).toMatchObject([
      { code: 'It splits\ufffd them.', is_code_response: false, is_actionable: true },
      { clarifying_questions: ['Which tempo?'], is_code_response: false, is_actionable: false },
    ]);
    expect(to('ada', 'agent_response')[1]).not.toHaveProperty('code');
    expect(session.rev).toBe(STARTED_AT);
  });

  it('carries the session’s conversation about the same strudel, or the one it brings', async () => {
    const { join, begin, say, state } = setUp();
    const ada = join('ada', 'host');
    say('chat is not part of it');
    const first = await begin(ada, { user_query: 'one' });
    first.call.resolve(CODE);
    await first.done;
    const second = await begin(ada, { user_query: 'two' });
    expect(second.call.args[1]).toEqual({
      query: 'two',
      code: 's("bd*4")',
      history: [
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 's("bd*4")' },
      ],
    });
    second.call.resolve(CODE);
    await second.done;
    state.strudelId = 'another';
    state.importedTurns = [{ role: 'user', content: 'of the other strudel' }];
    const third = await begin(ada, { user_query: 'three' });
    expect(third.call.args[1].history).toEqual(state.importedTurns);
    third.call.resolve(CODE);
    await third.done;
    const own = [{ role: 'user' as const, content: 'mine' }];
    const fourth = await begin(ada, { user_query: 'four', conversation_history: own });
    expect(fourth.call.args[1].history).toEqual(own);
  });

  it('is one at a time in a session', async () => {
    const { join, ask, begin, to, calls } = setUp();
    const ada = join('ada', 'host');
    const ben = join('ben', 'co-author');
    const { done, call } = await begin(ada);
    await ask(ben, { request_id: 'r2' });
    expect(to('ben', 'error')).toMatchObject([{ error: 'conflict', request_id: 'r2' }]);
    expect(calls).toHaveLength(1);
    call.resolve(CODE);
    await done;
    await begin(ben, { request_id: 'r3' });
    expect(calls).toHaveLength(2);
  });

  it('without a key for it is refused, and counts for nothing', async () => {
    const { join, ask, to, day } = setUp();
    await ask(join('ada', 'host'), { provider: 'openai' });
    expect(to('ada')).toMatchObject([{ error: 'ai_unavailable', request_id: 'r1' }]);
    expect(day.used).toBe(0);
  });

  it('with a key of one’s own goes to that provider, counts for no day, and shows the key to nobody', async () => {
    const { join, begin, sent, day, logged, commits, clock, to } = setUp({ dayLimit: 0 });
    const ada = join('ada', 'host');
    join('ben', 'co-author');
    const own = { provider: 'openai', provider_api_key: OWN_KEY } as const;
    const first = await begin(ada, own);
    expect(first.call.args[0]).toMatchObject({ provider: 'openai', apiKey: OWN_KEY, isOwnKey: true });
    first.call.resolve(CODE);
    await first.done;
    expect(to('ada', 'agent_response')).toMatchObject([
      {
        rate_limit: { requests_limit: MAX_AI_REQUESTS_PER_MINUTE, requests_remaining: 9, reset_seconds: 60 },
      },
    ]);
    const second = await begin(ada, own);
    second.call.reject(new AgentError('key_refused', { isOwnKey: true, status: 401 }));
    await second.done;
    expect(to('ada', 'error')).toMatchObject([{ error: 'unauthorized' }]);
    await clock.advance(1_000);
    expect(logged).toEqual(['agent_failed openai: key_refused (401), own key']);
    expect(day.people).toEqual([]);
    expect(JSON.stringify([sent, logged, commits, [...ada.state.agentTimes]])).not.toContain(OWN_KEY);
  });
});

describe('an answer nobody waits for', () => {
  it('is cancelled when the requester leaves, and the next may ask', async () => {
    const { join, begin, left, to, session, commits, clock } = setUp();
    const ada = join('ada', 'host');
    const ben = join('ben', 'co-author');
    const { done, call } = await begin(ada);
    call.args[2].onDelta('Four on ', 1);
    left('ben-who-never-asked');
    expect(call.args[2].signal.aborted).toBe(false);
    left('ada');
    expect(call.args[2].signal.aborted).toBe(true);
    await done;
    expect(to('ben', 'agent_delta')).toEqual([
      { request_id: 'r1', text: 'Four on ', attempt: 1 },
      { request_id: 'r1', text: '', attempt: 1, ended: 'cancelled' },
    ]);
    expect(to('ben', 'agent_response')).toEqual([]);
    expect(session.rev).toBe(STARTED_AT);
    await clock.advance(1_000);
    expect(commits.flatMap(({ messages }) => messages).map(({ type }) => type)).toEqual(['user_prompt']);
    await begin(ben, { request_id: 'r2' });
  });

  it('changes nothing when the requester has become a viewer, or the session is about another strudel', async () => {
    const { join, begin, to, state, session } = setUp();
    const ada = join('ada', 'co-author');
    const first = await begin(ada);
    ada.setState({ ...ada.state, role: 'viewer' });
    first.call.resolve(CODE);
    await first.done;
    ada.setState({ ...ada.state, role: 'co-author' });
    const second = await begin(ada, { request_id: 'r2' });
    state.strudelId = 'another';
    second.call.resolve(CODE);
    await second.done;
    expect(to('ada', 'error')).toMatchObject([{ request_id: 'r1' }, { request_id: 'r2' }]);
    expect(to('ada', 'agent_response')).toEqual([]);
    expect(session.rev).toBe(STARTED_AT);
  });

  it('goes on when the requester is back on a new connection under the same id', async () => {
    const { join, begin, to } = setUp();
    const { done, call } = await begin(join('ada', 'host'));
    join('ada', 'host');
    call.resolve(CODE);
    await done;
    expect(to('ada', 'agent_response')).toHaveLength(1);
  });

  it('so it does when that happened while the session was loading', async () => {
    const { join, begin, to } = setUp();
    const first = join('ada', 'host');
    const begun = begin(first);
    // As the room does with a connection that another one has replaced.
    first.setState(null);
    join('ada', 'host');
    const { done, call } = await begun;
    call.resolve(CODE);
    await done;
    expect(to('ada', 'agent_response')).toHaveLength(1);
  });
});

describe('a failure', () => {
  it('is told to the requester, its end to the other writers, and it isn’t counted', async () => {
    const { join, begin, to, day, logged } = setUp();
    const ada = join('ada', 'host');
    join('ben', 'co-author');
    const { done, call } = await begin(ada);
    expect(day.used).toBe(1);
    call.args[2].onDelta('half', 2);
    call.reject(new AgentError('provider_down', { status: 529 }));
    await done;
    expect(to('ada', 'error')).toEqual([
      { error: 'ai_unavailable', message: expect.stringContaining('out of reach'), request_id: 'r1' },
    ]);
    expect(to('ben', 'agent_delta').at(-1)).toEqual({
      request_id: 'r1',
      text: '',
      attempt: 2,
      ended: 'failed',
    });
    expect(to('ben', 'error')).toEqual([]);
    expect(day.used).toBe(0);
    expect(logged).toEqual(['agent_failed anthropic: provider_down (529)']);
  });

  it('leaves room for the next request from the moment it is told', async () => {
    const { join, begin, ask, sent, calls } = setUp();
    const ada = join('ada', 'host');
    const { call } = await begin(ada);
    const told = vi.spyOn(sent, 'push');
    const again: Promise<void>[] = [];
    told.mockImplementation((message) => {
      if (message.type === 'error' && again.length === 0) again.push(ask(ada, { request_id: 'r2' }));
      return Array.prototype.push.call(sent, message);
    });
    call.reject(new AgentError('provider_down'));
    await vi.waitUntil(() => calls.length === 2, { interval: 1, timeout: 30_000 });
    await settle();
    // The first one's end has not opened the way for a third.
    await ask(ada, { request_id: 'r3' });
    expect(sent.at(-1)?.payload).toMatchObject({ error: 'conflict', request_id: 'r3' });
  });

  it('that cost something, or was wanted, is counted', async () => {
    const { join, begin, day, left } = setUp();
    for (const failure of ['unusable', 'timeout', 'declined'] as const) {
      const { done, call } = await begin(join('ada', 'host'));
      call.reject(new AgentError(failure));
      await done;
    }
    const { done } = await begin(join('ada', 'host'));
    left('ada');
    await done;
    expect(day.used).toBe(4);
  });

  it('of storage that takes no more messages is told before the model is asked', async () => {
    const { join, ask, to, say, calls, day } = setUp();
    const ada = join('ada', 'host');
    // The first goes to storage at once; the others wait for their turn.
    say('m', 'other');
    await settle();
    for (let i = 0; i < 1_000; i++) say(`m${i}`, 'other');
    await ask(ada);
    expect(to('ada')).toMatchObject([{ error: 'server_error', request_id: 'r1' }]);
    expect(calls).toEqual([]);
    expect(day.used).toBe(0);
  });
});

describe('limits', () => {
  it('take ten requests a minute of one person, over their connections and over hibernation', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
    try {
      const { join, ask, to, forget, day } = setUp({ config: {}, dayLimit: 0 });
      const one = join('one', 'host', 'user-1');
      const two = join('two', 'host', 'user-1');
      const other = join('other', 'host', 'user-2');
      // Refused by the day, so they end at once; they count in the minute all the same.
      for (let i = 1; i < MAX_AI_REQUESTS_PER_MINUTE; i++) await ask(one);
      await ask(two);
      expect(day.used).toBe(MAX_AI_REQUESTS_PER_MINUTE);
      await ask(two);
      await ask(one);
      expect(to('two').at(-1)).toMatchObject({
        error: 'too_many_requests',
        message: expect.stringMatching(/minute/),
      });
      expect(day.used).toBe(MAX_AI_REQUESTS_PER_MINUTE);
      await ask(other);
      expect(day.used).toBe(MAX_AI_REQUESTS_PER_MINUTE + 1);
      vi.setSystemTime(1_000_000 + 59_999);
      forget();
      await ask(two);
      expect(day.used).toBe(MAX_AI_REQUESTS_PER_MINUTE + 1);
      vi.setSystemTime(1_000_000 + 60_000);
      await ask(two);
      expect(day.used).toBe(MAX_AI_REQUESTS_PER_MINUTE + 2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('let strangers ask nothing, or a little, on the operator’s key; others and own keys as much as ever', async () => {
    const long = 'x'.repeat(MAX_ANONYMOUS_AI_CHARS);
    const { join, ask, begin, to, day, calls } = setUp();
    const stranger = join('stranger', 'host');
    await ask(stranger, { editor_state: long });
    expect(to('stranger', 'error')).toMatchObject([
      { error: 'validation_error', message: expect.stringMatching(/20000 characters/) },
    ]);
    expect([day.used, calls]).toEqual([0, []]);
    const { call, done } = await begin(join('ada', 'host', 'user-1'), { editor_state: long });
    call.resolve(CODE);
    await done;
    const shut = setUp({ isForStrangers: false });
    await shut.ask(shut.join('stranger', 'host'));
    expect(shut.to('stranger', 'error')).toMatchObject([
      { error: 'forbidden', message: expect.stringMatching(/account/) },
    ]);
    const own = await shut.begin(shut.join('owner', 'host'), {
      editor_state: long,
      provider: 'openai',
      provider_api_key: 'own-key',
    });
    own.call.resolve(CODE);
    await own.done;
  });

  it('don’t count a failed request, also when the next one comes before Redis has given it back', async () => {
    const { join, begin, to, day } = setUp({ dayLimit: 1 });
    let give = () => {};
    day.givingBack = new Promise((resolve) => {
      give = resolve;
    });
    const ada = join('ada', 'host');
    const first = await begin(ada);
    first.call.reject(new AgentError('provider_down'));
    await vi.waitUntil(() => to('ada', 'error').length > 0);
    const second = begin(ada, { request_id: 'r2' });
    await settle();
    give();
    const { call, done } = await second;
    call.resolve(CODE);
    await Promise.all([first.done, done]);
    expect(to('ada', 'error')).toHaveLength(1);
    expect(to('ada', 'agent_response')).toMatchObject([{ rate_limit: { requests_remaining: 0 } }]);
  });

  it('of all together say so', async () => {
    const { join, ask, to, day } = setUp({ dayLimit: 0 });
    day.isShared = true;
    await ask(join('ada', 'host'));
    expect(to('ada', 'error')).toMatchObject([
      { error: 'too_many_requests', message: expect.stringMatching(/this server has answered/) },
    ]);
  });

  it('of the day refuse with the time to wait, and log when Redis can’t count', async () => {
    const { join, begin, ask, to, day, logged, calls } = setUp({ dayLimit: 1 });
    const ada = join('ada', 'host');
    const { done, call } = await begin(ada);
    call.resolve(CODE);
    await done;
    expect(to('ada', 'agent_response')).toMatchObject([
      { rate_limit: { requests_remaining: 0, requests_limit: 1 } },
    ]);
    day.outage = 'redis: out of reach';
    await ask(ada, { request_id: 'r2' });
    expect(to('ada', 'error')).toMatchObject([
      { error: 'too_many_requests', message: expect.stringMatching(/1 AI requests a day; the next in 2 h/) },
    ]);
    expect(calls).toHaveLength(1);
    expect(logged).toEqual(['ai_limit_in_memory redis: out of reach']);
    await settle();
  });
});
