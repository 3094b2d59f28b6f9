/**
 * Who may come into a room, and what they may do there: each with the result that is
 * expected, on a running stack.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { listParticipants } from '../../src/protocol/http/people.ts';
import {
  clientMessageSchema,
  MAX_CONNECTIONS_PER_ADDRESS,
  MAX_CONNECTIONS_PER_USER,
  MAX_DISPLAY_NAME_CHARS,
  MAX_LISTED_PARTICIPANTS,
} from '../../src/protocol/index.ts';
import { People, type Place, type User } from '../support/people.ts';
import { addressOf, RawClient, type RawClientOptions, RefusedError } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

const ORIGIN = 'https://page.example';

let stack: Stack;
let scene: Scene;
let people: People;

beforeAll(async () => {
  stack = await startStack({ FLUSH_ALARM_MS: '1000', ALLOWED_ORIGINS: ORIGIN });
  scene = new Scene(stack);
  people = new People(stack, scene);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

type Options = Omit<RawClientOptions, 'roomUrl'>;

const join = (options: Options) => scene.enter(options);

const closed = () => people.session();

/** The refusal of a connection: status and error code. */
async function refusalOf(options: Options): Promise<[number, string]> {
  const failure = await RawClient.connect({ roomUrl: stack.roomUrl, ...options }).catch(
    (error: unknown) => error,
  );
  if (failure instanceof RawClient) failure.terminate();
  if (!(failure instanceof RefusedError)) throw new Error(`not refused: ${String(failure)}`);
  const body = JSON.parse(failure.body) as { error: string; message: string };
  expect(body.message).not.toBe('');
  return [failure.status, body.error];
}

/** What the same address says to a plain GET. */
async function explanationOf(options: Options): Promise<number> {
  const { headers = {} } = options;
  const response = await fetch(addressOf({ roomUrl: stack.roomUrl, ...options }), { headers });
  expect(await response.json()).toMatchObject({ error: expect.any(String), message: expect.any(String) });
  return response.status;
}

it('nameless participants are called by their role and told apart, in the room and in the list', async () => {
  const owner = await people.user('Ada');
  const sessionId = await people.session({ host: owner, isDiscoverable: true });
  const invite = (await people.invite(sessionId, 'co-author')).token;
  const host = await join({ sessionId, token: owner.token });
  const nameOf = (client: { state: { payload: { your_display_name: string } } }) =>
    client.state.payload.your_display_name;
  const [one, two] = await Promise.all([join({ sessionId, invite }), join({ sessionId, invite })]);
  expect([nameOf(one), nameOf(two)].sort()).toEqual(['Anonymous co-author', 'Anonymous co-author 2']);
  const viewer = await join({ sessionId });
  expect(nameOf(viewer)).toBe('Anonymous viewer');
  await host.next('user_joined', ({ display_name }) => display_name === 'Anonymous co-author 2');
  const second = nameOf(one) === 'Anonymous co-author' ? two : one;
  const tab = await join({ sessionId, token: second.state.payload.token ?? '', connectionId: 'tab' });
  expect(nameOf(tab)).toBe('Anonymous co-author 2');
  second.send('chat_message', { message: 'hello' });
  await host.next('chat_message', ({ display_name }) => display_name === 'Anonymous co-author 2');
  const names = async () => {
    const { body } = await people.ask(owner, 'GET', `${sessionId}/participants`);
    return listParticipants.reply
      .parse(body)
      .participants.map(({ display_name }) => display_name)
      .sort();
  };
  await vi.waitUntil(async () => (await names()).includes('Anonymous co-author 2'), WAIT);
  expect(await names()).toEqual(['Ada', 'Anonymous co-author', 'Anonymous co-author 2', 'Anonymous viewer']);
});

describe('coming into a session', () => {
  /** An admitted caller has a role; a refused one a status and a code. */
  type Expected = { role: string; name?: string } | [status: number, error: string];
  type Scenario = [name: string, arrange: () => Promise<Options>, expected: Expected];

  const open = () => people.session({ isDiscoverable: true });
  const withPlace =
    (role: 'host' | 'co-author' | 'viewer', over = {}) =>
    async () => {
      const sessionId = await closed();
      return { sessionId, token: (await people.place(sessionId, role, over)).token };
    };
  const byInvite =
    (role: 'co-author' | 'viewer', over = {}) =>
    async () => {
      const sessionId = await closed();
      return { sessionId, invite: (await people.invite(sessionId, role, over)).token };
    };
  const ended = (come: () => Promise<Options>) => async () => {
    const options = await come();
    if (options.sessionId !== null) await people.end(options.sessionId);
    return options;
  };
  const asOwner = async () => {
    const host = await people.user('Ada');
    return { sessionId: await people.session({ host }), token: host.token };
  };
  const asStranger = async () => ({ sessionId: await closed(), token: (await people.user('Eve')).token });
  const removedUser = async (isDiscoverable = false) => {
    const sessionId = await people.session({ isDiscoverable });
    const user = await people.user('Eve');
    const place = await people.place(sessionId, 'viewer', { user });
    await people.remove(place);
    return { sessionId, user, place };
  };

  const scenarios: Scenario[] = [
    ['nobody, a closed session', async () => ({ sessionId: await closed() }), [401, 'unauthorized']],
    [
      'nobody, a discoverable one',
      async () => ({ sessionId: await open() }),
      { role: 'viewer', name: 'Anonymous viewer' },
    ],
    [
      'nobody but with a name, a discoverable one',
      async () => ({ sessionId: await open(), displayName: 'Zoë 🎹' }),
      { role: 'viewer', name: 'Zoë 🎹' },
    ],
    ['a wrong token', async () => ({ sessionId: await open(), token: 'x.y.z' }), [401, 'unauthorized']],
    [
      'an expired token',
      async () => ({ sessionId: await closed(), token: (await people.user('Eve', -60)).token }),
      [401, 'unauthorized'],
    ],
    [
      'an expired token, a discoverable one',
      async () => ({ sessionId: await open(), token: (await people.user('Eve', -60)).token }),
      { role: 'viewer', name: 'Anonymous viewer' },
    ],
    [
      'an expired token and an invite',
      async () => ({ ...(await byInvite('co-author')()), token: (await people.user('Eve', -60)).token }),
      { role: 'co-author', name: 'Anonymous co-author' },
    ],
    [
      'an expired token and an invite that is no good',
      async () => ({
        ...(await byInvite('co-author', { isRevoked: true })()),
        token: (await people.user('Eve', -60)).token,
      }),
      [401, 'unauthorized'],
    ],
    [
      'its owner with an expired token',
      async () => {
        const host = await people.user('Ada', -60);
        return { sessionId: await people.session({ host }), token: host.token };
      },
      [401, 'unauthorized'],
    ],
    [
      'a wrong token and an invite',
      async () => ({ ...(await byInvite('co-author')()), token: 'x.y.z' }),
      [401, 'unauthorized'],
    ],
    [
      'an expired token, a new session',
      async () => ({ sessionId: null, token: (await people.user('Eve', -60)).token }),
      [401, 'unauthorized'],
    ],
    ['a stranger, a closed session', asStranger, [403, 'forbidden']],
    [
      'a stranger, a discoverable one',
      async () => ({ sessionId: await open(), token: (await people.user('Eve')).token }),
      { role: 'viewer', name: 'Eve' },
    ],
    ['its owner', asOwner, { role: 'host', name: 'Ada' }],
    [
      'a user with a place in it',
      async () => {
        const sessionId = await closed();
        const user = await people.user('Ben');
        await people.place(sessionId, 'co-author', { user });
        return { sessionId, token: user.token };
      },
      { role: 'co-author', name: 'Ben' },
    ],
    ['a viewer’s session token', withPlace('viewer'), { role: 'viewer' }],
    ['a co-author’s session token', withPlace('co-author'), { role: 'co-author' }],
    ['a host’s session token', withPlace('host', { joinMethod: 'owner' }), { role: 'host' }],
    [
      'a session token of another session',
      async () => {
        const other = await people.place(await closed(), 'host');
        return { sessionId: await open(), token: other.token };
      },
      [403, 'forbidden'],
    ],
    ['a session token of an expired place', withPlace('viewer', { expiresInS: -60 }), [403, 'forbidden']],
    ['an invite to watch', byInvite('viewer'), { role: 'viewer', name: 'Anonymous viewer' }],
    ['an invite to write', byInvite('co-author', { maxUses: 1 }), { role: 'co-author' }],
    [
      'a user with an invite',
      async () => ({ ...(await byInvite('co-author')()), token: (await people.user('Ben')).token }),
      { role: 'co-author', name: 'Ben' },
    ],
    ['a used-up invite', byInvite('viewer', { maxUses: 3, uses: 3 }), [403, 'forbidden']],
    ['an expired invite', byInvite('viewer', { expiresInS: -60 }), [403, 'forbidden']],
    ['a revoked invite', byInvite('viewer', { isRevoked: true }), [403, 'forbidden']],
    [
      'an unknown invite',
      async () => ({ sessionId: await closed(), invite: 'nonsense' }),
      [403, 'forbidden'],
    ],
    [
      'another session’s invite',
      async () => ({
        sessionId: await closed(),
        invite: (await people.invite(await closed(), 'viewer')).token,
      }),
      [403, 'forbidden'],
    ],
    [
      'a known participant with an invite that is used up',
      async () => {
        const sessionId = await closed();
        const invite = await people.invite(sessionId, 'viewer', { maxUses: 1, uses: 1 });
        const { token } = await people.place(sessionId, 'viewer', {
          joinMethod: 'invite',
          inviteId: invite.id,
        });
        return { sessionId, token, invite: invite.token };
      },
      { role: 'viewer' },
    ],
    [
      'a participant whose invite has been revoked',
      async () => {
        const sessionId = await closed();
        const invite = await people.invite(sessionId, 'viewer', { isRevoked: true });
        const { token } = await people.place(sessionId, 'viewer', {
          joinMethod: 'invite',
          inviteId: invite.id,
        });
        return { sessionId, token };
      },
      [403, 'forbidden'],
    ],
    [
      'a guest of a session that is no longer discoverable',
      withPlace('viewer', { joinMethod: 'discovery' }),
      [403, 'forbidden'],
    ],
    [
      'a removed user',
      async () => {
        const { sessionId, user } = await removedUser();
        return { sessionId, token: user.token };
      },
      [403, 'forbidden'],
    ],
    [
      'a removed user, by their session token, though the session is discoverable',
      async () => {
        const { sessionId, place } = await removedUser(true);
        return { sessionId, token: place.token };
      },
      [403, 'forbidden'],
    ],
    [
      'a removed user with an invite',
      async () => {
        const { sessionId, user } = await removedUser();
        const invite = await people.invite(sessionId, 'co-author');
        return { sessionId, token: user.token, invite: invite.token };
      },
      [403, 'forbidden'],
    ],
    ['an ended session, its owner', ended(asOwner), [410, 'not_found']],
    ['an ended session, a co-author', ended(withPlace('co-author')), [410, 'not_found']],
    ['an ended session, an invite', ended(byInvite('viewer')), [410, 'not_found']],
    ['an ended session, nobody', ended(async () => ({ sessionId: await open() })), [410, 'not_found']],
    ['no such session', async () => ({ sessionId: randomUUID() }), [404, 'not_found']],
    ['a session id that is none', async () => ({ sessionId: 'nonsense' }), [400, 'bad_request']],
    [
      'a connection id that is none',
      async () => ({ sessionId: await open(), connectionId: 'a b' }),
      [400, 'bad_request'],
    ],
    [
      'the longest name',
      async () => ({ sessionId: await open(), displayName: 'x'.repeat(MAX_DISPLAY_NAME_CHARS) }),
      { role: 'viewer', name: 'x'.repeat(MAX_DISPLAY_NAME_CHARS) },
    ],
    [
      'a longer one',
      async () => ({ sessionId: await open(), displayName: 'x'.repeat(MAX_DISPLAY_NAME_CHARS + 1) }),
      [400, 'bad_request'],
    ],
    [
      'a page of an allowed origin',
      async () => ({ sessionId: await open(), headers: { origin: ORIGIN } }),
      { role: 'viewer' },
    ],
    [
      'a page of another origin',
      async () => ({ sessionId: await open(), headers: { origin: 'https://evil.example' } }),
      [403, 'forbidden'],
    ],
  ];

  it.each(scenarios)('%s', async (_name, arrange, expected) => {
    const options = await arrange();
    for (const address of ['room', 'ws'] as const) {
      // One use of an invite is had at one address; the other is another caller's.
      const asked = { ...(address === 'room' ? options : await arrange()), address };
      if (Array.isArray(expected)) {
        if (asked.headers === undefined) expect(await explanationOf(asked)).toBe(expected[0]);
        expect(await refusalOf(asked)).toEqual(expected);
      } else {
        if (asked.headers === undefined) expect(await explanationOf(asked)).toBe(426);
        const { state } = await join(asked);
        expect(state.payload).toMatchObject({
          your_role: expected.role,
          ...(expected.name === undefined ? {} : { your_display_name: expected.name }),
        });
        expect(state.session_id).toBe(asked.sessionId);
      }
    }
  });

  it('without a session id is a new session, whose host one is', async () => {
    const anonymous = await join({ sessionId: null, displayName: 'Ada' });
    expect(anonymous.state.payload).toMatchObject({
      code: '',
      rev: 0,
      your_role: 'host',
      your_display_name: 'Ada',
      participants: [{ user_id: null, display_name: 'Ada', role: 'host' }],
    });
    await anonymous.edit('s("bd")', 'r1');

    const user = await people.user('Ben');
    const signedIn = await join({ sessionId: null, token: user.token });
    expect(signedIn.state.payload).toMatchObject({
      your_role: 'host',
      participants: [{ user_id: user.id, display_name: 'Ben', role: 'host' }],
    });
    const [{ host_user_id } = { host_user_id: '' }] = await scene.rows<{ host_user_id: string }>(
      'select host_user_id from sessions where id = $1',
      [signedIn.state.session_id],
    );
    expect(host_user_id).toBe(user.id);
  });

  it('with a previous session starts with its code, if one may read that', async () => {
    const owner = await people.user('Ada');
    const previousSessionId = await people.session({ host: owner, code: 's("hh*8")' });
    const before = await join({ sessionId: previousSessionId, token: owner.token });
    // What was acknowledged a moment ago, too.
    await before.edit('s("hh*16")', 'r1');
    const mine = await join({ sessionId: null, token: owner.token, previousSessionId });
    expect(mine.state.payload.code).toBe('s("hh*16")');
    const stranger = await people.user('Eve');
    const theirs = await join({ sessionId: null, token: stranger.token, previousSessionId });
    expect(theirs.state.payload.code).toBe('');
    expect(await refusalOf({ sessionId: null, previousSessionId: 'nonsense' })).toEqual([400, 'bad_request']);
    expect(await explanationOf({ sessionId: null })).toBe(426);
    expect(await explanationOf({ sessionId: null, token: 'x.y.z' })).toBe(401);
    expect(await refusalOf({ sessionId: null, token: 'x.y.z' })).toEqual([401, 'unauthorized']);
  });

  it('without a session token brings one, to be the same participant with', async () => {
    const sessionId = await closed();
    const invite = await people.invite(sessionId, 'co-author', { maxUses: 1 });
    const ada = await join({ sessionId, invite: invite.token, displayName: 'Ada' });
    const token = ada.state.payload.token ?? '';
    const [{ participant_id } = { participant_id: undefined }] = ada.state.payload.participants;
    await ada.close();
    const back = await join({ sessionId, token, invite: invite.token });
    expect(back.state.payload).toMatchObject({
      your_role: 'co-author',
      your_display_name: 'Ada',
      participants: [{ participant_id }],
    });
    expect(back.state.payload.token).toBeUndefined();
    expect(await people.usesOf(invite)).toBe(1);
  });

  it('tells a client that knows only the oldest fields all it needs', async () => {
    const sessionId = await closed();
    const invite = await people.invite(sessionId, 'co-author');
    const old = await join({ sessionId, address: 'ws', invite: invite.token, displayName: 'Ada' });
    expect(old.state).toMatchObject({
      type: 'session_state',
      session_id: sessionId,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      payload: {
        code: '',
        your_role: 'co-author',
        participants: [{ user_id: null, display_name: 'Ada', role: 'co-author' }],
        chat_history: [],
      },
    });
    const other = await join({ sessionId, address: 'ws', invite: invite.token, displayName: 'Ben' });
    // Nothing but what is marked so in the protocol: no ids, no revisions.
    old.sendFrame(JSON.stringify({ type: 'code_update', session_id: sessionId, payload: { code: 'x' } }));
    expect((await other.next('code_update')).payload).toMatchObject({
      code: 'x',
      display_name: 'Ada',
      role: 'co-author',
    });
    old.sendFrame(JSON.stringify({ type: 'chat_message', payload: { message: 'hi' } }));
    expect((await other.next('chat_message')).payload).toMatchObject({ message: 'hi', display_name: 'Ada' });
    old.sendFrame(JSON.stringify({ type: 'ping' }));
    await old.next('pong');
    await old.close();
    expect((await other.next('user_left')).payload).toMatchObject({ display_name: 'Ada', role: 'co-author' });
  });

  it('leaves neither token nor invite in what the room keeps or logs', async () => {
    const sessionId = await closed();
    const invite = await people.invite(sessionId, 'viewer');
    const place: Place = await people.place(sessionId, 'viewer');
    await join({ sessionId, token: place.token, invite: invite.token });
    await join({ sessionId, invite: invite.token, address: 'ws' });
    await refusalOf({ sessionId: await closed(), token: place.token, invite: invite.token });
    expect(stack.logs()).not.toContain(place.token);
    expect(stack.logs()).not.toContain(invite.token);
  });
});

describe('over HTTP', () => {
  const ask = (path: string, init?: RequestInit) => fetch(new URL(path, stack.url), init);

  it('one origin has the page, the API and its documentation, and nothing else', async () => {
    for (const [path, status, type] of [
      ['/', 200, 'text/html'],
      ['/docs', 200, 'text/html'],
      ['/health', 200, 'application/json'],
      ['/live', 200, 'application/json'],
      ['/metrics', 401, 'application/json'],
      ['/flush', 401, 'application/json'],
      ['/flush/turn', 401, 'application/json'],
      [`/api/v1/sessions/${randomUUID()}`, 401, 'application/json'],
      ['/api/v1/no-such-route', 404, 'application/json'],
      ['/apis', 404, 'application/json'],
      ['/docsx', 404, 'application/json'],
    ] as const) {
      const answer = await ask(path);
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
        path,
        status,
        expect.stringContaining(type),
      ]);
    }
    expect((await ask('/api/v1/sessions', { method: 'POST', body: '{}' })).status).toBe(201);
  });

  it('no caller can send a room a command, or ask it for a reservation', async () => {
    const sessionId = await people.session();
    const place = await people.place(sessionId, 'host');
    const ada = await join({ sessionId, token: place.token });
    const end = JSON.stringify({ kind: 'ended', reason: 'by a stranger' });
    for (const path of ['', '/command', '/reserve', '/%2Fcommand', '/../command', '%2Fcommand']) {
      for (const token of [stack.flushSecret, place.token]) {
        const answer = await ask(`/parties/main/${sessionId}${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}` },
          body: end,
        });
        expect([path, answer.status]).toEqual([path, 404]);
      }
    }
    for (const path of ['/command', '/reserve', '/parties/room/x', `/parties/session-room/${sessionId}`]) {
      expect([path, (await ask(path, { method: 'POST', body: end })).status]).toEqual([path, 404]);
    }
    await ada.edit('nothing has happened', 'r1');
  });

  it('tells pages of allowed origins why they can’t connect', async () => {
    const path = `/parties/main/${randomUUID()}`;
    const allowed = await ask(path, { headers: { origin: ORIGIN } });
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([404, ORIGIN]);
    const other = await ask(path, { headers: { origin: 'https://evil.example' } });
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });
});

describe('what a message does', () => {
  /** `unavailable`: let through, to an AI that isn't there; `missing`: to a knock that isn't. */
  type Outcome = 'done' | 'refused' | 'nothing' | 'unavailable' | 'missing' | 'wrong';
  /** Rows: messages; columns: who sends them. */
  const table: [
    type: string,
    payload: object | undefined,
    Record<'viewer' | 'co-author' | 'host', Outcome>,
  ][] = [
    ['code_update', { code: 'x' }, { viewer: 'refused', 'co-author': 'done', host: 'done' }],
    // On a connection of whole texts nothing can be taken back.
    [
      'take_back',
      { rev: 1, turn: 1, changes: [], base_rev: 1, sync: 1, request_id: 'take_back' },
      { viewer: 'refused', 'co-author': 'wrong', host: 'wrong' },
    ],
    ['chat_message', { message: 'hi' }, { viewer: 'done', 'co-author': 'done', host: 'done' }],
    [
      'switch_strudel',
      { strudel_id: null, code: 'y' },
      { viewer: 'refused', 'co-author': 'done', host: 'done' },
    ],
    ['play', undefined, { viewer: 'refused', 'co-author': 'done', host: 'done' }],
    ['stop', undefined, { viewer: 'refused', 'co-author': 'done', host: 'done' }],
    ['cursor_position', { line: 1, col: 0 }, { viewer: 'nothing', 'co-author': 'done', host: 'done' }],
    [
      'agent_request',
      { user_query: 'a beat', request_id: 'agent_request' },
      { viewer: 'refused', 'co-author': 'unavailable', host: 'unavailable' },
    ],
    ['ping', undefined, { viewer: 'done', 'co-author': 'done', host: 'done' }],
    ['pong', undefined, { viewer: 'done', 'co-author': 'done', host: 'done' }],
    ['resync', undefined, { viewer: 'done', 'co-author': 'done', host: 'done' }],
    [
      'answer_knock',
      { knock_id: randomUUID(), role: 'viewer' },
      { viewer: 'refused', 'co-author': 'refused', host: 'missing' },
    ],
    ['no_such_type', {}, { viewer: 'refused', 'co-author': 'refused', host: 'refused' }],
  ];
  /** What shows that a message was taken: to everybody else, or to its sender. */
  const effects: Record<
    string,
    {
      to: 'others' | 'sender';
      type: 'code_update' | 'chat_message' | 'play' | 'stop' | 'cursor_position' | 'pong' | 'session_state';
    }
  > = {
    code_update: { to: 'others', type: 'code_update' },
    chat_message: { to: 'others', type: 'chat_message' },
    switch_strudel: { to: 'others', type: 'code_update' },
    play: { to: 'others', type: 'play' },
    stop: { to: 'others', type: 'stop' },
    cursor_position: { to: 'others', type: 'cursor_position' },
    ping: { to: 'sender', type: 'pong' },
    resync: { to: 'sender', type: 'session_state' },
  };

  it('is in the table, whatever there is', () => {
    const types = clientMessageSchema.options.map(({ shape }) => shape.type.value);
    expect(table.map(([type]) => type).sort()).toEqual([...types, 'no_such_type'].sort());
  });

  for (const role of ['viewer', 'co-author', 'host'] as const) {
    it(`of a ${role}`, async () => {
      const sessionId = await people.session();
      const watcher = await join({ sessionId, token: (await people.place(sessionId, 'host')).token });
      const sender = await join({ sessionId, token: (await people.place(sessionId, role)).token });
      for (const [type, payload, { [role]: outcome }] of table) {
        const effect = effects[type];
        const sees = effect?.to === 'sender' ? sender : watcher;
        const before = effect ? sees.all(effect.type).length : 0;
        const errors = sender.all('error').length;
        sender.send(type, payload, { request_id: type });
        if (outcome === 'done' && effect) {
          await vi.waitUntil(() => sees.all(effect.type).length > before, WAIT);
        }
        const isRefused = outcome !== 'done' && outcome !== 'nothing';
        if (isRefused) {
          const { payload: refusal } = await sender.next('error', ({ request_id }) => request_id === type);
          const why = {
            refused: 'forbidden',
            unavailable: 'ai_unavailable',
            missing: 'not_found',
            wrong: 'validation_error',
          }[outcome];
          expect(refusal.error, type).toBe(type === 'no_such_type' ? 'validation_error' : why);
        }
        await sender.roundTrip();
        await watcher.roundTrip();
        expect(sender.all('error').length - errors, type).toBe(isRefused ? 1 : 0);
        if (effect && effect.type !== 'pong') {
          expect(sees.all(effect.type).length - before, type).toBe(outcome === 'done' ? 1 : 0);
        }
      }
    });
  }

  it.each([
    [
      'a removed participant',
      (host: User, id: string, { participantId }: Place) =>
        people.act(host, 'DELETE', `${id}/participants/${participantId}`),
    ],
    ['anybody in an ended session', (host: User, id: string) => people.act(host, 'DELETE', id)],
  ])('of %s is nothing any more', async (_name, happens) => {
    const host = await people.user('Ada');
    const sessionId = await people.session({ host, code: 'start' });
    const place = await people.place(sessionId, 'host');
    const watcher = await join({ sessionId, token: (await people.place(sessionId, 'viewer')).token });
    const sender = await join({ sessionId, token: place.token });
    await happens(host, sessionId, place);
    for (const [type, payload] of table) sender.send(type, payload);
    await sender.sentAway();
    const seen = watcher.received.map(({ type }) => type);
    expect(seen).not.toContain('code_update');
    expect(seen).not.toContain('chat_message');
    await scene.worker('POST', `/flush/${sessionId}`);
    expect(await scene.stored(sessionId)).toMatchObject({ code: 'start', rev: 0, messages: [] });
  });
});

describe('the number of connections', () => {
  const from = (address: string) => ({ headers: { 'cf-connecting-ip': address } });
  const attempt = (options: Options) =>
    join(options).then(
      () => 'in',
      (error: unknown) => (error instanceof RefusedError ? error.status : String(error)),
    );

  it(`of one person is ${MAX_CONNECTIONS_PER_USER}, however many come at once`, async () => {
    const sessionId = await people.session();
    for (const { token } of [
      await people.place(sessionId, 'viewer'),
      await people.place(sessionId, 'viewer', { user: await people.user('Ada') }),
    ]) {
      const burst = await Promise.all(
        Array.from({ length: MAX_CONNECTIONS_PER_USER + 3 }, () => attempt({ sessionId, token })),
      );
      expect(burst.filter((outcome) => outcome === 'in')).toHaveLength(MAX_CONNECTIONS_PER_USER);
      expect(burst.filter((outcome) => outcome === 429)).toHaveLength(3);
    }
    // Others have theirs.
    expect(await attempt({ sessionId, token: (await people.place(sessionId, 'viewer')).token })).toBe('in');
  });

  it(`from one address is ${MAX_CONNECTIONS_PER_ADDRESS}, however many come at once; none is used up by a refusal`, async () => {
    const sessionId = await people.session();
    const here = from('192.0.2.7');
    const places = await Promise.all(
      Array.from({ length: MAX_CONNECTIONS_PER_ADDRESS + 3 }, () => people.place(sessionId, 'co-author')),
    );
    const burst = await Promise.all(places.map(({ token }) => attempt({ sessionId, token, ...here })));
    expect(burst.filter((outcome) => outcome === 'in')).toHaveLength(MAX_CONNECTIONS_PER_ADDRESS);
    expect(burst.filter((outcome) => outcome === 429)).toHaveLength(3);
    expect(await explanationOf({ sessionId, token: places[0]?.token ?? '', ...here })).toBe(429);
    const invite = await people.invite(sessionId, 'co-author', { maxUses: 1 });
    expect(await attempt({ sessionId, invite: invite.token, ...here })).toBe(429);
    expect(await people.usesOf(invite)).toBe(0);
    expect(await attempt({ sessionId, invite: invite.token, ...from('192.0.2.8') })).toBe('in');
    // Those who only watch have a limit of their own.
    const watcher = await people.place(sessionId, 'viewer');
    expect(await attempt({ sessionId, token: watcher.token, ...here })).toBe('in');
  });

  it('leaves room for a client that is back before its old socket is gone, and for the next when one has left', async () => {
    const sessionId = await people.session();
    const { token } = await people.place(sessionId, 'viewer');
    const connectionId = randomUUID();
    const clients = [await join({ sessionId, token, connectionId })];
    while (clients.length < MAX_CONNECTIONS_PER_USER) clients.push(await join({ sessionId, token }));
    expect(await attempt({ sessionId, token })).toBe(429);
    expect(await attempt({ sessionId, token, connectionId })).toBe('in');
    expect(await attempt({ sessionId, token })).toBe(429);
    await clients[1]?.close();
    await vi.waitUntil(async () => (await attempt({ sessionId, token })) === 'in', WAIT);
  });
});

describe('many at once', () => {
  it('a hundred on an invite of ten uses: exactly ten are in', async () => {
    const sessionId = await people.session();
    const invite = await people.invite(sessionId, 'co-author', { maxUses: 10 });
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () =>
        join({ sessionId, address: 'ws', invite: invite.token }).then(
          ({ state }) => state.payload.your_role,
          (error: unknown) => (error instanceof RefusedError ? error.status : String(error)),
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'co-author')).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === 403)).toHaveLength(90);
    expect(await people.usesOf(invite)).toBe(10);
    const late = await join({ sessionId, token: (await people.place(sessionId, 'viewer')).token });
    expect(late.state.payload.participants).toHaveLength(11);
  });

  it('two tabs of a new user on one invite: both are in, as one participant', async () => {
    const sessionId = await people.session();
    const invite = await people.invite(sessionId, 'co-author');
    for (const name of ['Ada', 'Ben', 'Cleo']) {
      const { token } = await people.user(name);
      const tabs = await Promise.all([1, 2].map(() => join({ sessionId, token, invite: invite.token })));
      const present = tabs.map(({ state }) =>
        state.payload.participants.filter((p) => p.display_name === name),
      );
      expect(new Set(present.flat().map((p) => p.participant_id)).size).toBe(1);
      expect(tabs.map(({ state }) => state.payload.your_role)).toEqual(['co-author', 'co-author']);
    }
    expect(await people.usesOf(invite)).toBe(3);
  });

  it('a hundred join to watch: all are in, those who are listed are announced, the others are counted, and all are recorded as present', async () => {
    const sessionId = await people.session();
    const places = await Promise.all(Array.from({ length: 100 }, () => people.place(sessionId, 'viewer')));
    const first = await join({ sessionId, token: places[0]?.token ?? '' });
    const clients = await Promise.all(places.slice(1).map(({ token }) => join({ sessionId, token })));
    expect(clients).toHaveLength(99);
    const announced = () => new Set(first.all('user_joined').map(({ payload }) => payload.participant_id));
    const watching = () => first.all('audience').at(-1)?.payload.watching;
    await vi.waitUntil(() => watching() === 100 - MAX_LISTED_PARTICIPANTS, WAIT);
    expect(announced().size).toBe(MAX_LISTED_PARTICIPANTS - 1);
    expect(first.all('user_joined')).toHaveLength(MAX_LISTED_PARTICIPANTS - 1);
    const everybody = places.map(({ participantId }) => participantId).sort();
    await vi.waitUntil(async () => (await people.present(sessionId)).length === 100, WAIT);
    expect(await people.present(sessionId)).toEqual(everybody);
  });
});
