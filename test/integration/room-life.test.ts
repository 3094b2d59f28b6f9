/**
 * What changes in a room while people are in it: standings, the end, code set over HTTP,
 * strudels, presence, outages.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { MAX_CONVERSATION_ENTRIES, MAX_STRUDEL_SWITCHES_PER_MINUTE } from '../../src/protocol/index.ts';
import { rev } from '../support/commits.ts';
import { People, type Place, type User } from '../support/people.ts';
import { type RawClient, RefusedError } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

let stack: Stack;
let scene: Scene;
let people: People;

beforeAll(async () => {
  // The room flushes when it is told to, not by itself.
  stack = await startStack({ FLUSH_ALARM_MS: '60000' });
  scene = new Scene(stack);
  people = new People(stack, scene);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

const statusOf = async (options: { sessionId: string; token?: string; invite?: string }) => {
  try {
    const client = await scene.enter(options);
    return client.state.payload.your_role;
  } catch (error) {
    if (error instanceof RefusedError) return error.status;
    throw error;
  }
};

describe('a participant’s own name', () => {
  it('is changed for all who are there, for what is said then, in Postgres, and for when they come back', async () => {
    const owner = await people.user('Ada');
    const sessionId = await people.session({ host: owner });
    const host = await scene.enter({ sessionId, token: owner.token });
    const place = await people.place(sessionId, 'viewer');
    const ben = await scene.enter({ sessionId, token: place.token });
    const rename = (by: { token: string }, display_name: string) =>
      people.ask(by, 'PATCH', `${sessionId}/participants/me`, { display_name });
    ben.send('chat_message', { message: 'before' });
    await host.next('chat_message', ({ display_name }) => display_name === 'viewer');
    expect((await rename(place, 'Ben')).status).toBe(200);
    await host.next('user_joined', ({ display_name }) => display_name === 'Ben');
    await ben.next('session_state', ({ your_display_name }) => your_display_name === 'Ben');
    ben.send('chat_message', { message: 'after' });
    await host.next('chat_message', ({ display_name }) => display_name === 'Ben');
    expect((await rename(owner, 'Ana')).status).toBe(200);
    await ben.next('user_joined', ({ display_name, role }) => display_name === 'Ana' && role === 'host');
    expect(await rename(place, ' ')).toMatchObject({ status: 400, body: { error: 'validation_error' } });
    // With the token from before, and in a new instance.
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.enter({ sessionId, token: place.token });
    expect(back.state.payload.your_display_name).toBe('Ben');
    expect(back.state.payload.chat_history.map(({ display_name }) => display_name)).toEqual([
      'viewer',
      'Ben',
    ]);
    const again = await scene.enter({ sessionId, token: owner.token });
    expect(again.state.payload.participants.map(({ display_name }) => display_name).sort()).toEqual([
      'Ana',
      'Ben',
    ]);
    const stored = await scene.rows<{ display_name: string }>(
      `select display_name from session_participants where session_id = $1
       union all select display_name from anonymous_participants where session_id = $1`,
      [sessionId],
    );
    expect(stored.map(({ display_name }) => display_name).sort()).toEqual(['Ana', 'Ben']);
  });
});

describe('what the host changes', () => {
  it('a new role: the person gets the state with it, the others hear of it, and it counts at once', async () => {
    const sessionId = await people.session();
    const place = await people.place(sessionId, 'viewer');
    const by = await people.place(sessionId, 'host');
    const host = await scene.enter({ sessionId, token: by.token });
    const ada = await scene.enter({ sessionId, token: place.token });
    const tab = await scene.enter({ sessionId, token: place.token });
    const change = (role: string) =>
      people.act(by, 'PATCH', `${sessionId}/participants/${place.participantId}`, { role });
    await change('co-author');
    for (const client of [ada, tab]) {
      await client.next('session_state', ({ your_role }) => your_role === 'co-author');
    }
    await host.next('user_joined', (p) => p.participant_id === place.participantId && p.role === 'co-author');
    expect(ada.all('user_joined')).toEqual([]);
    await ada.edit('mine', 'r1');
    // Saying it again says nothing new.
    await change('co-author');
    await change('viewer');
    await ada.next('session_state', (state) => state.your_role === 'viewer' && state.rev === rev(1));
    ada.send('code_update', { code: 'no more', request_id: 'r2' });
    await ada.next('error', ({ request_id, error }) => request_id === 'r2' && error === 'forbidden');
    expect(ada.all('session_state')).toHaveLength(3);
  });

  it('a removal: the person is told and sent away with all tabs, the others see them go, and they stay out', async () => {
    const sessionId = await people.session();
    const place = await people.place(sessionId, 'co-author');
    const by = await people.place(sessionId, 'host');
    const host = await scene.enter({ sessionId, token: by.token });
    const clients = [
      await scene.enter({ sessionId, token: place.token }),
      await scene.enter({ sessionId, token: place.token }),
    ];
    const remove = () => people.act(by, 'DELETE', `${sessionId}/participants/${place.participantId}`);
    await remove();
    for (const client of clients) {
      await client.next('error', ({ error }) => error === 'forbidden');
      expect(await client.sentAway()).toMatchObject({ code: 4403 });
    }
    await host.next('user_left', ({ participant_id }) => participant_id === place.participantId);
    await host.roundTrip();
    expect(host.all('user_left')).toHaveLength(1);
    expect(await statusOf({ sessionId, token: place.token })).toBe(403);
    await remove();
    await host.roundTrip();
    expect(host.all('user_left')).toHaveLength(1);
  });

  it('a revoked invite, the end of discovery, the end of live: each sends away whom it concerns, and nobody else', async () => {
    const sessionId = await people.session({ isDiscoverable: true });
    const invites = [await people.invite(sessionId, 'co-author'), await people.invite(sessionId, 'viewer')];
    const join = (options: { token?: string; invite?: string }) => scene.enter({ sessionId, ...options });
    const by = await people.place(sessionId, 'host', { joinMethod: 'owner' });
    const host = await join({ token: by.token });
    const granted = await people.place(sessionId, 'viewer');
    const byGrant = await join({ token: granted.token });
    const byFirst = await join({ invite: invites[0]?.token ?? '' });
    const bySecond = await join({ invite: invites[1]?.token ?? '' });
    const guest = await join({});

    await people.act(by, 'DELETE', `${sessionId}/invite/${invites[0]?.id}`);
    expect(await byFirst.sentAway()).toMatchObject({ code: 4403 });
    expect(await statusOf({ sessionId, token: byFirst.state.payload.token ?? '' })).toBe('viewer');

    await people.act(by, 'PUT', `${sessionId}/discoverable`, { is_discoverable: false });
    expect(await guest.sentAway()).toMatchObject({ code: 4403 });
    expect(await statusOf({ sessionId })).toBe(401);

    await bySecond.roundTrip();
    await byGrant.roundTrip();
    await people.act(by, 'POST', `${sessionId}/end-live`);
    for (const client of [byGrant, bySecond]) {
      expect((await client.next('session_ended')).payload).toEqual({
        reason: 'the live session is over',
        goes_on: true,
      });
      expect(await client.sentAway()).toMatchObject({ code: 1000 });
      expect(client.all('error')).toEqual([]);
    }
    await host.roundTrip();
    expect(host.all('session_ended')).toEqual([]);
    await host.edit('still here', 'r1');
    expect(await statusOf({ sessionId, token: bySecond.state.payload.token ?? '' })).toBe(403);
    expect(await statusOf({ sessionId, token: granted.token })).toBe(403);
    // Whom the host gives a place again may come back to it.
    await people.act(by, 'PATCH', `${sessionId}/participants/${granted.participantId}`, { role: 'viewer' });
    expect(await statusOf({ sessionId, token: granted.token })).toBe('viewer');
  });

  it('the end: what was accepted is acknowledged and saved, everybody is told and leaves, nobody comes back', async () => {
    const sessionId = await people.session();
    const place = await people.place(sessionId, 'host', { joinMethod: 'owner' });
    const host = await scene.enter({ sessionId, token: place.token });
    const viewer = await scene.enter({ sessionId, token: (await people.place(sessionId, 'viewer')).token });
    host.send('code_update', { code: 'the last edit', request_id: 'r1' });
    await viewer.next('code_update');
    await people.act(place, 'DELETE', sessionId);
    for (const client of [host, viewer]) {
      expect((await client.next('session_ended')).payload).toEqual({
        reason: 'the host has ended the session',
      });
      expect(await client.sentAway()).toMatchObject({ code: 1000 });
    }
    expect(host.all('ack').map(({ payload }) => payload.request_id)).toEqual(['r1']);
    await vi.waitUntil(async () => (await scene.stored(sessionId))?.code === 'the last edit', WAIT);
    await vi.waitUntil(async () => (await people.present(sessionId)).length === 0, WAIT);
    // Also when the room's instance is gone.
    expect(await statusOf({ sessionId, token: place.token })).toBe(410);
    await stack.control.kill('room');
    await stack.control.start('room');
    expect(await statusOf({ sessionId, token: place.token })).toBe(410);
    expect((await people.ask(place, 'PUT', sessionId, { code: 'too late' })).status).toBe(410);
  });
});

it('all of it in one session: everybody in the room feels at once what concerns them', async () => {
  const owner = await people.user('Ada');
  const api = (method: string, path: string, body?: object) => people.act(owner, method, path, body);
  const sessionId = await people.session({ host: owner, isDiscoverable: true });
  const invite = await people.invite(sessionId, 'viewer');
  const host = await scene.enter({ sessionId, token: owner.token });
  const [ben, cleo] = [await people.place(sessionId, 'viewer'), await people.place(sessionId, 'viewer')];
  const writer = await scene.enter({ sessionId, token: ben.token });
  const removed = await scene.enter({ sessionId, token: cleo.token });
  const invited = await scene.enter({ sessionId, invite: invite.token });
  const guest = await scene.enter({ sessionId });

  await api('PATCH', `${sessionId}/participants/${ben.participantId}`, { role: 'co-author' });
  await writer.next('session_state', ({ your_role }) => your_role === 'co-author');
  await writer.edit('by Ben', 'r1');
  await api('PUT', sessionId, { code: 'by the API' });
  expect((await writer.next('code_update')).payload).toMatchObject({ code: 'by the API', rev: rev(2) });
  expect((await host.next('code_update', (update) => update.rev === rev(2))).payload.display_name).toBe(
    'Ada',
  );
  await api('DELETE', `${sessionId}/participants/${cleo.participantId}`);
  expect(await removed.sentAway()).toMatchObject({ code: 4403 });
  await api('DELETE', `${sessionId}/invite/${invite.id}`);
  expect(await invited.sentAway()).toMatchObject({ code: 4403 });
  await api('PUT', `${sessionId}/discoverable`, { is_discoverable: false });
  expect(await guest.sentAway()).toMatchObject({ code: 4403 });
  await writer.roundTrip();
  await api('POST', `${sessionId}/end-live`);
  expect(await writer.sentAway()).toMatchObject({ code: 1000 });
  await host.roundTrip();
  await api('DELETE', sessionId);
  await host.next('session_ended');
  expect(await host.sentAway()).toMatchObject({ code: 1000 });
  expect(await statusOf({ sessionId, token: owner.token })).toBe(410);
  expect(await scene.stored(sessionId)).toMatchObject({ code: 'by the API', rev: rev(2) });
});

describe('code that is set over HTTP', () => {
  const arrange = async (over: { code?: string } = {}) => {
    const owner = await people.user('Ada');
    const sessionId = await people.session({ host: owner, ...over });
    const setCode = (code: string) => people.ask(owner, 'PUT', sessionId, { code });
    return { owner, sessionId, setCode };
  };

  it('is a revision among the others, seen by all, and committed when the answer comes', async () => {
    const { owner, sessionId, setCode } = await arrange();
    const ada = await scene.enter({ sessionId, token: owner.token });
    const ben = await scene.enter({ sessionId, token: (await people.place(sessionId, 'viewer')).token });
    const replies = [];
    for (let i = 1; i <= 5; i++) {
      ada.send('code_update', { code: `typed ${i}`, request_id: `r${i}` });
      replies.push(setCode(`set ${i}`));
    }
    for (const { status } of await Promise.all(replies)) expect(status).toBe(200);
    // By the time that all are answered, the last of them is in the buffer; what was typed
    // after it may not be.
    const committed = Number(await scene.redis('HGET', scene.key(`s:${sessionId}`), 'rev'));
    await ben.next('code_update', (update) => update.rev === rev(10));
    const seen = ben.all('code_update').map(({ payload }) => payload);
    expect(seen.map((update) => update.rev)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(rev));
    // What was typed at the same moment is merged with it, and may begin like it.
    const isOverHttp = ({ participant_id }: (typeof seen)[number]) => participant_id?.startsWith('http-');
    const set = seen.filter(isOverHttp);
    expect(set.map(({ code }) => code).sort()).toEqual(['set 1', 'set 2', 'set 3', 'set 4', 'set 5']);
    for (const update of set) expect(update).toMatchObject({ display_name: 'Ada', role: 'host' });
    expect(committed).toBeGreaterThanOrEqual(Math.max(...set.map(({ rev }) => rev)));
    // Their sender hears of those, as they are nobody's in the room.
    const heard = ada.all('code_update').map(({ payload }) => payload);
    expect(heard.filter(isOverHttp).map((update) => update.rev)).toEqual(set.map((update) => update.rev));
    await ada.next('ack', ({ request_id }) => request_id === 'r5');
    expect(await scene.redis('HGET', scene.key(`s:${sessionId}`), 'code')).toBe(seen.at(-1)?.code);
  });

  it('needs nobody in the room', async () => {
    const { owner, sessionId, setCode } = await arrange({ code: 'start' });
    expect(await setCode('set')).toMatchObject({
      status: 200,
      body: { code: 'set', rev: rev(1), message: expect.any(String) },
    });
    await scene.worker('POST', `/flush/${sessionId}`);
    expect(await scene.stored(sessionId)).toMatchObject({ code: 'set', rev: rev(1) });
    expect((await people.ask(owner, 'PUT', randomUUID(), { code: 'x' })).status).toBe(404);
    expect((await setCode('a\u0000b')).status).toBe(400);
  });
});

describe('a switch to another strudel', () => {
  let owner: User;
  const save = async (over: { code?: string; isPublic?: boolean; conversation?: string[] } = {}) => {
    const id = randomUUID();
    await scene.sql(
      'insert into strudels (id, user_id, title, code, is_public) values ($1, $2, $3, $4, $5)',
      [id, owner.id, 'Saved', over.code ?? 'saved code', over.isPublic ?? false],
    );
    for (const [i, content] of (over.conversation ?? []).entries()) {
      await scene.sql(
        `insert into strudel_messages (strudel_id, role, content, is_code_response, created_at)
         values ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
        [id, i % 2 === 0 ? 'user' : 'assistant', content, i % 2 === 1, i],
      );
    }
    return id;
  };
  const arrange = async () => {
    owner ??= await people.user('Ada');
    const sessionId = await people.session({ host: owner, code: 'start' });
    const ada = await scene.enter({ sessionId, token: owner.token });
    const ben = await scene.enter({ sessionId, token: (await people.place(sessionId, 'co-author')).token });
    return { sessionId, ada, ben };
  };
  const switchTo = async (client: RawClient, payload: object, requestId: string) => {
    client.send('switch_strudel', { ...payload, request_id: requestId });
    const state = client.next('session_state', ({ request_id }) => request_id === requestId);
    const error = client.next('error', ({ request_id }) => request_id === requestId);
    const first = await Promise.any([state, error]);
    void Promise.allSettled([state, error]);
    return first.payload;
  };

  it('saves the session first; then the strudel is everybody’s next revision, and the session’s conversation its own', async () => {
    const { sessionId, ada, ben } = await arrange();
    const id = await save({ code: 's("cp")', conversation: ['clap', 's("cp")'] });
    ada.send('chat_message', { message: 'before' });
    await ada.edit('unsaved', 'r1');
    const state = await switchTo(ada, { strudel_id: id }, 's1');
    // Nobody else flushes here: what was before is in Postgres because of the switch.
    expect(await scene.stored(sessionId)).toEqual({ code: 'unsaved', rev: rev(1), messages: ['before'] });
    expect(state).toMatchObject({
      code: 's("cp")',
      rev: rev(2),
      strudel_id: id,
      request_id: 's1',
      conversation_history: [
        { role: 'user', content: 'clap', is_code_response: false },
        { role: 'assistant', content: 's("cp")', is_code_response: true },
      ],
    });
    expect((await ben.next('code_update', (update) => update.rev === rev(2))).payload).toMatchObject({
      code: 's("cp")',
      source: 'loaded_strudel',
      strudel_id: id,
      display_name: 'Ada',
    });
    await ada.next('ack', (ack) => ack.request_id === 's1' && ack.rev === rev(2));
    // The requester gets it as well, as nobody has it yet.
    expect(ada.all('code_update').map(({ payload }) => payload.code)).toEqual(['s("cp")']);
    expect(ben.all('session_state')).toHaveLength(1);

    // The session stays about it, for who comes later, and when the room's instance is gone.
    await stack.control.kill('room');
    await stack.control.start('room');
    const back = await scene.enter({ sessionId, token: owner.token });
    expect(back.state.payload).toMatchObject({ code: 's("cp")', strudel_id: id });
    expect(back.state.payload.conversation_history.map(({ content }) => content)).toEqual([
      'clap',
      's("cp")',
    ]);
  });

  it('goes to scratch code, with its conversation, and back', async () => {
    const { ada, ben } = await arrange();
    const id = await save();
    await switchTo(ada, { strudel_id: id }, 's1');
    const history = [{ role: 'user', content: 'a scratch' }];
    const scratch = await switchTo(
      ben,
      { strudel_id: null, code: 'scratch', conversation_history: history },
      's2',
    );
    expect(scratch).toMatchObject({
      code: 'scratch',
      rev: rev(2),
      strudel_id: null,
      conversation_history: history,
    });
    expect((await ada.next('code_update', (update) => update.rev === rev(2))).payload.strudel_id).toBeNull();
    // Without code there is nothing to load: the session's stays.
    await switchTo(ada, { strudel_id: id }, 's3');
    expect(await switchTo(ben, { strudel_id: null }, 's4')).toMatchObject({
      code: 'saved code',
      rev: rev(3),
      strudel_id: null,
      conversation_history: [],
    });
  });

  it('finds one’s own strudels and public ones, and no other; a failure switches nothing', async () => {
    const { ada, ben } = await arrange();
    const own = await save({ code: 'own' });
    const open = await save({ code: 'open', isPublic: true });
    expect(await switchTo(ben, { strudel_id: own }, 's1')).toMatchObject({ error: 'not_found' });
    expect(await switchTo(ben, { strudel_id: randomUUID() }, 's2')).toMatchObject({ error: 'not_found' });
    expect(await switchTo(ben, { strudel_id: 'nonsense' }, 's3')).toMatchObject({
      error: 'validation_error',
    });
    expect(ada.all('code_update')).toEqual([]);
    expect(await switchTo(ben, { strudel_id: open }, 's4')).toMatchObject({
      code: 'open',
      rev: rev(1),
      strudel_id: open,
    });
    expect(await switchTo(ada, { strudel_id: own }, 's5')).toMatchObject({
      code: 'own',
      rev: rev(2),
      strudel_id: own,
    });
  });

  it('happens once, however often it is asked for', async () => {
    const { ada, ben } = await arrange();
    const id = await save({ code: 'mine' });
    await switchTo(ada, { strudel_id: id }, 's1');
    await ben.edit('theirs', 'r1');
    ada.send('switch_strudel', { strudel_id: id, request_id: 's1' });
    await vi.waitUntil(() => ada.all('session_state').length === 3, WAIT);
    expect(ada.all('session_state').at(-1)?.payload).toMatchObject({ code: 'theirs', rev: rev(2) });
    expect(ben.all('code_update')).toHaveLength(1);
  });

  it('is limited: in its conversation’s length, and in number', async () => {
    const { ada } = await arrange();
    const turns = (n: number) => Array.from({ length: n }, (_, i) => ({ role: 'user', content: `${i}` }));
    const most = await switchTo(
      ada,
      { strudel_id: null, code: 'x', conversation_history: turns(MAX_CONVERSATION_ENTRIES) },
      's0',
    );
    expect(most).toMatchObject({ rev: rev(1) });
    expect(
      await switchTo(
        ada,
        { strudel_id: null, conversation_history: turns(MAX_CONVERSATION_ENTRIES + 1) },
        'too long',
      ),
    ).toMatchObject({ error: 'validation_error' });
    for (let i = 1; i < MAX_STRUDEL_SWITCHES_PER_MINUTE; i++) {
      expect(await switchTo(ada, { strudel_id: null }, `s${i}`)).toMatchObject({ strudel_id: null });
    }
    expect(await switchTo(ada, { strudel_id: null }, 'one too many')).toMatchObject({
      error: 'too_many_requests',
    });
  });

  it('does not happen when the session can’t be saved', async () => {
    const { sessionId, ada, ben } = await arrange();
    await ada.edit('unsaved', 'r1');
    await stack.control.stop(stack.postgresPart);
    try {
      expect(await switchTo(ada, { strudel_id: null, code: 'x' }, 's1')).toMatchObject({
        error: 'server_error',
      });
      expect(ben.all('code_update').map(({ payload }) => payload.code)).toEqual(['unsaved']);
    } finally {
      await stack.control.start(stack.postgresPart);
    }
    expect(await switchTo(ada, { strudel_id: null, code: 'x' }, 's2')).toMatchObject({
      code: 'x',
      rev: rev(2),
    });
    expect(await scene.stored(sessionId)).toMatchObject({ code: 'unsaved' });
  });
});

describe('presence', () => {
  const isPresent = (sessionId: string, ...places: Place[]) => {
    const expected = places.map(({ participantId }) => participantId).sort();
    return vi.waitUntil(
      async () => JSON.stringify(await people.present(sessionId)) === JSON.stringify(expected),
      WAIT,
    );
  };

  it('is in the books soon after somebody has come or gone; a tab more or less doesn’t matter', async () => {
    const sessionId = await people.session();
    const user = await people.user('Ada');
    const ada = await people.place(sessionId, 'viewer', { user });
    const ben = await people.place(sessionId, 'viewer');
    const first = await scene.enter({ sessionId, token: ada.token });
    const second = await scene.enter({ sessionId, token: user.token });
    const other = await scene.enter({ sessionId, token: ben.token });
    await isPresent(sessionId, ada, ben);
    await first.close();
    await other.close();
    await isPresent(sessionId, ada);
    await second.close();
    await isPresent(sessionId);
  });

  it('is corrected by the next instance when the room was killed with everybody in it', async () => {
    const sessionId = await people.session();
    const [ada, ben] = [await people.place(sessionId, 'viewer'), await people.place(sessionId, 'viewer')];
    await scene.enter({ sessionId, token: ada.token });
    await scene.enter({ sessionId, token: ben.token });
    await isPresent(sessionId, ada, ben);
    await stack.control.kill('room');
    await stack.control.start('room');
    await scene.enter({ sessionId, token: ben.token });
    await isPresent(sessionId, ben);
  });
});

describe('while Postgres is out of reach', () => {
  it('a session token lets in, by what the room was told; nothing else does', async () => {
    const sessionId = await people.session();
    const invite = await people.invite(sessionId, 'viewer');
    const host = await people.place(sessionId, 'host', { joinMethod: 'owner' });
    const [removed, promoted, plain] = [
      await people.place(sessionId, 'viewer'),
      await people.place(sessionId, 'viewer'),
      await people.place(sessionId, 'viewer'),
    ];
    const invited = await people.place(sessionId, 'viewer', { joinMethod: 'invite', inviteId: invite.id });
    const user = await people.user('Eve');
    const ada = await scene.enter({ sessionId, token: host.token });
    await people.act(host, 'DELETE', `${sessionId}/participants/${removed.participantId}`);
    await people.act(host, 'PATCH', `${sessionId}/participants/${promoted.participantId}`, {
      role: 'co-author',
    });
    await people.act(host, 'DELETE', `${sessionId}/invite/${invite.id}`);
    const over = await people.session();
    const hostOfOver = await people.place(over, 'host', { joinMethod: 'owner' });
    await people.act(hostOfOver, 'DELETE', over);
    await stack.control.stop(stack.postgresPart);
    try {
      expect(await statusOf({ sessionId, token: plain.token })).toBe('viewer');
      expect(await statusOf({ sessionId, token: promoted.token })).toBe('co-author');
      expect(await statusOf({ sessionId, token: removed.token })).toBe(403);
      expect(await statusOf({ sessionId, token: invited.token })).toBe(403);
      expect(await statusOf({ sessionId: over, token: hostOfOver.token })).toBe(410);
      expect(await statusOf({ sessionId, token: user.token })).toBe(503);
      expect(await statusOf({ sessionId, invite: invite.token })).toBe(503);
      expect(await statusOf({ sessionId })).toBe(503);
      expect((await ada.edit('on and on', 'r1')).payload.durable).toBe('buffer');
    } finally {
      await stack.control.start(stack.postgresPart);
    }
    expect(await statusOf({ sessionId, token: user.token })).toBe(403);
    await vi.waitUntil(async () => (await people.present(sessionId)).includes(plain.participantId), WAIT);
  });
});
