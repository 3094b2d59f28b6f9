/**
 * What the routes of sessions take, do and answer: the Worker's app over real stores. Who may call them
 * is in `access-routes`.
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { verifySessionToken } from '../../src/access/session-token.ts';
import { numberIn } from '../../src/domain/revision.ts';
import type { SaidMessage } from '../../src/domain/types.ts';
import { DEFAULT_TITLE } from '../../src/domain/types.ts';
import { SYSTEM_USER_ID } from '../../src/postgres/schema.ts';
import {
  MAX_CODE_BYTES,
  MAX_DISPLAY_NAME_CHARS,
  MAX_FRAME_BYTES,
  MAX_RENAMES_PER_HOUR,
  MAX_TITLE_CHARS,
} from '../../src/protocol/limits.ts';
import { RoomUnavailableError } from '../../src/worker/room-client.ts';
import { type Api, type Call, startApi } from '../support/api.ts';
import { makeCommit } from '../support/commits.ts';
import { makeMessage } from '../support/messages.ts';
import { WAIT } from '../support/wait.ts';
import { JWT_SECRET } from '../support/worker-services.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api?.stop();
});
beforeEach(() => {
  api.told.length = 0;
  api.failRooms(null);
  // The log of what a test makes fail.
  vi.spyOn(console, 'error').mockImplementation(() => {});
});

const call = (path: string, init?: Call) => api.call(`/api/v1/sessions${path}`, init);
const make = async (body: object = {}, token?: string) => (await call('', { body, token })).json;
/** What rooms were told, without whom it was about. */
const told = () => api.told.map(({ request }) => request);

/** Every entry of a paged list. */
async function everything(path: string, key: string, token: string | null, limit = 2) {
  const entries: { id: string }[] = [];
  for (;;) {
    const offset = entries.length;
    const query = `${path.includes('?') ? '&' : '?'}limit=${limit}&offset=${offset}`;
    const { status, json } = await call(`${path}${query}`, { token });
    expect(status).toBe(200);
    expect(json[key].length).toBeLessThanOrEqual(limit);
    entries.push(...json[key]);
    const { total, has_more, ...asked } = json.pagination;
    expect(asked).toEqual({ limit, offset });
    expect(has_more).toBe(entries.length < total);
    if (!has_more) return entries;
  }
}

describe('making a session', () => {
  it('tells its room, and doesn’t depend on that', async () => {
    const { id } = await make();
    expect(api.created).toContain(id);
    api.failRooms(new RoomUnavailableError('no answer'));
    try {
      expect((await call('', { body: {} })).status).toBe(201);
    } finally {
      api.failRooms(null);
    }
  });

  it('needs nothing: an anonymous caller gets a token that opens it as host', async () => {
    const { status, json, headers } = await call('', { method: 'POST' });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(json).toMatchObject({
      code: '',
      rev: 0,
      host_user_id: SYSTEM_USER_ID,
      is_active: true,
      is_discoverable: false,
      role: 'host',
      display_name: 'Anonymous host',
    });
    expect(json).not.toHaveProperty('ended_at');
    expect(new Date(json.created_at).toISOString()).toBe(json.created_at);
    expect(await verifySessionToken(json.token, JWT_SECRET)).toMatchObject({
      sessionId: json.id,
      userId: null,
      displayName: 'Anonymous host',
      avatarUrl: null,
      role: 'host',
    });
    expect((await call(`/${json.id}`, { token: json.token })).status).toBe(200);
  });

  it('is done for a signed-in caller, under the name and picture of their token', async () => {
    const token = await api.userToken(randomUUID(), { name: 'Ada', picture: 'https://x.test/a.png' });
    const made = await make({ title: 'My jam', code: 's("bd")' }, token);
    const { token: sessionToken, role, display_name, ...session } = made;
    expect(session).toMatchObject({ title: 'My jam', code: 's("bd")', host_user_id: expect.any(String) });
    expect(session.host_user_id).not.toBe(SYSTEM_USER_ID);
    expect([role, display_name]).toEqual(['host', 'Ada']);
    expect(await verifySessionToken(sessionToken, JWT_SECRET)).toMatchObject({
      userId: session.host_user_id,
      avatarUrl: 'https://x.test/a.png',
    });
    const { participants, ...read } = (await call(`/${session.id}`, { token })).json;
    expect(read).toEqual(session);
    expect(participants).toMatchObject([{ display_name: 'Ada', role: 'host', status: 'left' }]);
    expect((await make({ display_name: 'DJ Ada' }, token)).display_name).toBe('DJ Ada');
  });

  it('makes do with a token whose name or picture is of no use', async () => {
    const long = `${'x'.repeat(MAX_DISPLAY_NAME_CHARS - 1)}🎵`;
    const cases: [Record<string, unknown>, string][] = [
      [{ name: '   ' }, 'Anonymous host'],
      [{ name: 7, picture: 'javascript:alert(1)' }, 'Anonymous host'],
      [{ name: long, picture: null }, 'x'.repeat(MAX_DISPLAY_NAME_CHARS - 1)],
    ];
    for (const [claims, name] of cases) {
      const made = await make({}, await api.userToken(randomUUID(), claims));
      expect(made.display_name).toBe(name);
      expect(await verifySessionToken(made.token, JWT_SECRET)).toMatchObject({ avatarUrl: null });
    }
  });

  it('refuses a token that is not valid, instead of taking its bearer for anonymous', async () => {
    const secret = new TextEncoder().encode(JWT_SECRET);
    const tokens = {
      eternal: await new SignJWT({ sub: 'x' }).setProtectedHeader({ alg: 'HS256' }).sign(secret),
      nobody: await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(secret),
      garbage: 'garbage',
    };
    for (const [kind, token] of Object.entries(tokens)) {
      const { status, json, headers } = await call('', { method: 'POST', token });
      expect([kind, status, json.error]).toEqual([kind, 401, 'unauthorized']);
      expect(headers.get('www-authenticate')).toBe('Bearer');
    }
    const basic = await call('', { method: 'POST', headers: { Authorization: 'Basic eDp5' } });
    expect(basic.status).toBe(401);
  });

  it('copies the code of a session that the caller may read, and of no other', async () => {
    const ada = await api.userToken();
    const { token, ...previous } = await make({ code: 'mine' }, ada);
    const body = { previous_session_id: previous.id.toUpperCase() };
    expect((await make(body, ada)).code).toBe('mine');
    expect((await make(body, token)).code).toBe('mine');
    expect((await make({ ...body, code: 'given' }, ada)).code).toBe('given');
    expect((await make(body)).code).toBe('');
    expect((await make(body, await api.userToken())).code).toBe('');
    expect((await make({ previous_session_id: randomUUID() }, ada)).code).toBe('');
  });

  it.each([
    ['a title', { title: 't'.repeat(MAX_TITLE_CHARS) }, { title: 't'.repeat(MAX_TITLE_CHARS + 1) }],
    ['code', { code: 'é'.repeat(MAX_CODE_BYTES / 2) }, { code: `${'é'.repeat(MAX_CODE_BYTES / 2)}x` }],
    [
      'a name',
      { display_name: 'n'.repeat(MAX_DISPLAY_NAME_CHARS) },
      { display_name: 'n'.repeat(MAX_DISPLAY_NAME_CHARS + 1) },
    ],
    ['text that can be stored', { title: 'é\n🎵' }, { title: 'a\0b' }],
    ['pairs of surrogates', { code: '\u{1f3b5}' }, { code: '\ud83c' }],
    ['names that show', { display_name: ' x ' }, { display_name: ' \t' }],
  ])('has a limit on %s', async (_, good, bad) => {
    expect((await call('', { body: good })).status).toBe(201);
    const { status, json } = await call('', { body: bad });
    expect(status).toBe(400);
    expect(json).toMatchObject({
      error: 'validation_error',
      details: expect.stringContaining(Object.keys(bad)[0] ?? ''),
    });
  });

  it.each([
    ['{', 400, 'bad_request'],
    ['[]', 400, 'validation_error'],
    ['"x"', 400, 'validation_error'],
    ['{"title":7}', 400, 'validation_error'],
  ])('refuses the body %s', async (raw, status, error) => {
    expect(await call('', { raw })).toMatchObject({ status, json: { error } });
  });

  it('has a limit on the body, also when its length is not announced', async () => {
    const fill = (bytes: number) => JSON.stringify({ unknown: 'x'.repeat(bytes - '{"unknown":""}'.length) });
    expect((await call('', { raw: fill(MAX_FRAME_BYTES) })).status).toBe(201);
    const tooLarge = fill(MAX_FRAME_BYTES + 1);
    expect(await call('', { raw: tooLarge })).toMatchObject({
      status: 413,
      json: { error: 'validation_error' },
    });
    const announced = { raw: tooLarge, headers: { 'content-length': String(tooLarge.length) } };
    expect((await call('', announced)).status).toBe(413);
  });
});

describe('reading a session', () => {
  it('goes by its id in any case', async () => {
    const { token, ...session } = await make();
    const upper = await call(`/${session.id.toUpperCase()}`, { token });
    expect(upper.status).toBe(200);
    expect(upper.json.id).toBe(session.id);
  });

  it('pages through its history, of which viewers see the chat', async () => {
    const { token, ...session } = await make();
    const types: SaidMessage['type'][] = ['chat', 'user_prompt', 'ai_response'];
    const messages = types.map((type, i) =>
      makeMessage({ type, content: `m${i}`, createdAtMs: 1_000 - i, position: 10 + i }),
    );
    await api.services.repository.commit(makeCommit({ sessionId: session.id, messages }));
    const read = async (query: string, as = token) =>
      (await call(`/${session.id}/messages${query}`, { token: as })).json;
    const page = await read('?limit=2&before=13');
    expect(page.messages).toMatchObject([
      { content: 'm1', messageType: 'user_prompt', createdAt: '1970-01-01T00:00:00.999Z' },
      { content: 'm2', messageType: 'ai_response', sessionID: session.id },
    ]);
    expect(page.messages[0]).not.toHaveProperty('userID');
    expect(page.next).toBe(11);
    const rest = await read(`?limit=2&before=${page.next}`);
    expect([rest.messages.length, rest.next]).toEqual([1, null]);
    const viewer = await api.place(session.id, 'viewer');
    expect((await read('', viewer.token)).messages).toMatchObject([{ content: 'm0' }]);
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=x',
      'before=-1',
      'before=1.5',
      'before=1&after=1',
      'after=x',
      'type=version',
    ]) {
      expect((await call(`/${session.id}/messages?${query}`, { token })).status).toBe(400);
    }
  });
});

describe('the history of a session of which a part is flushed', () => {
  /** Every third message is the AI's. The first seven are in Postgres, the others in the buffer. */
  async function arrange() {
    const { token, ...session } = await make();
    const messages = Array.from({ length: 12 }, (_, i) =>
      makeMessage({ type: i % 3 === 2 ? 'user_prompt' : 'chat', content: `m${i}`, position: 10 + i }),
    );
    const { repository, flusher } = api.services;
    const commit = (from: number, to: number) => {
      const count = from + 1;
      const expectedLast = from === 0 ? 0 : numberIn(1, 1);
      const part = messages.slice(from, to);
      return repository.commit(makeCommit({ sessionId: session.id, messages: part, count, expectedLast }));
    };
    await commit(0, 7);
    await flusher.flushSession(session.id);
    await commit(7, 12);
    const read = async (query: string) => (await call(`/${session.id}/messages?${query}`, { token })).json;
    return { read };
  }
  type Page = { messages: { content: string; position: number }[]; next: number; newer: number };
  const contentOf = ({ messages }: Page) => messages.map(({ content }) => content);
  const all = Array.from({ length: 12 }, (_, i) => `m${i}`);

  it.each([1, 2, 5, 6, 11, 12, 13])('is read whole in pages of %i, backwards and onwards', async (limit) => {
    const { read } = await arrange();
    let page: Page = await read(`limit=${limit}`);
    expect(page.newer).toBeNull();
    let backwards = contentOf(page);
    let pages = 1;
    while (page.next !== null) {
      page = await read(`limit=${limit}&before=${page.next}`);
      expect(page.newer).toBe(page.messages.at(-1)?.position);
      backwards = [...contentOf(page), ...backwards];
      pages += 1;
    }
    expect([backwards, pages]).toEqual([all, Math.ceil(12 / limit)]);
    const onwards: string[] = [];
    for (let after: number | null = 0; after !== null; after = page.newer) {
      page = await read(`limit=${limit}&after=${after}`);
      onwards.push(...contentOf(page));
    }
    expect(onwards).toEqual(all);
    const beyond = await read('after=99');
    expect(beyond).toEqual({ messages: [], next: null, newer: null });
  });

  it('is read without what was said with the AI', async () => {
    const { read } = await arrange();
    const page = await read('limit=5&type=chat');
    expect(contentOf(page)).toEqual(['m4', 'm6', 'm7', 'm9', 'm10']);
    expect(contentOf(await read(`limit=5&type=chat&before=${page.next}`))).toEqual(['m0', 'm1', 'm3']);
  });
});

describe('lists of sessions', () => {
  it('have what is one’s own, paged, all or what goes on', async () => {
    const ada = await api.userToken();
    const made: string[] = [];
    for (let i = 0; i < 3; i++) made.push((await make({ title: `jam ${i}` }, ada)).id);
    await call(`/${made[0]}`, { method: 'DELETE', token: ada });
    const ids = async (query: string) => (await everything(query, 'sessions', ada)).map(({ id }) => id);
    expect(new Set(await ids(''))).toEqual(new Set(made));
    expect(new Set(await ids('?active_only=true'))).toEqual(new Set(made.slice(1)));
    const { sessions } = (await call('?active_only=false', { token: ada })).json;
    expect(sessions.find(({ id }: { id: string }) => id === made[0])).toMatchObject({
      title: 'jam 0',
      code: '',
      is_active: false,
      ended_at: expect.any(String),
      participants: [{ display_name: 'Ada', role: 'host' }],
    });
    for (const query of ['active_only=yes', 'limit=0', 'limit=101', 'offset=-1', 'offset=x']) {
      expect((await call(`?${query}`, { token: ada })).status).toBe(400);
    }
  });

  it('have the last one', async () => {
    const ada = await api.userToken();
    expect(await call('/last', { token: ada })).toMatchObject({ status: 404, json: { error: 'not_found' } });
    const { id } = await make({}, ada);
    expect((await call('/last', { token: ada })).json).toMatchObject({ id, is_member: true });
  });

  it('have live ones for everybody', async () => {
    const ada = await api.userToken(randomUUID(), { name: 'Ada L.' });
    const { token, ...session } = await make({ title: 'open', is_discoverable: true }, ada);
    expect(session.is_discoverable).toBe(true);
    for (const { id, token: by } of [await make(), await make()]) {
      await call(`/${id}/discoverable`, { method: 'PUT', token: by, body: { is_discoverable: true } });
    }
    const here = await api.place(session.id, 'viewer');
    await api.services.people.recordPresence(session.id, [here.id]);
    const live = await everything('/live', 'sessions', null);
    expect(live).toHaveLength(3);
    expect(live.find(({ id }) => id === session.id)).toMatchObject({
      title: 'open',
      host_name: 'Ada L.',
      participant_count: 1,
      is_discoverable: true,
      is_member: false,
    });
    const seenByAda = (await everything('/live', 'sessions', ada)) as { id: string; is_member?: boolean }[];
    expect(seenByAda.filter((one) => one.is_member).map(({ id }) => id)).toEqual([session.id]);
    await call(`/${session.id}/discoverable`, { method: 'PUT', token, body: { is_discoverable: false } });
    // The list is kept for a moment.
    const shown = async () => (await everything('/live', 'sessions', null)).map(({ id }) => id);
    await expect.poll(shown, WAIT).not.toContain(session.id);
  });
});

describe('changing a session', () => {
  it('gives it a title, and code by its room', async () => {
    const { token, ...session } = await make({ code: 'old' });
    const put = (body: object, as = token) => call(`/${session.id}`, { method: 'PUT', token: as, body });
    const renamed = await put({ title: 'new' });
    expect(renamed.json).toEqual({ title: 'new', message: expect.any(String) });
    expect((await put({ title: ' ' })).json.title).toBe(DEFAULT_TITLE);
    expect(told()).toEqual([]);
    const both = await put({ title: 'newer', code: 'new code' });
    expect(both.json).toEqual({
      title: 'newer',
      code: 'new code',
      rev: numberIn(1, 1),
      message: expect.any(String),
    });
    const coAuthor = await api.place(session.id, 'co-author', 'Bea');
    expect((await put({ code: 'hers' }, coAuthor.token)).json).toMatchObject({
      code: 'hers',
      rev: numberIn(2, 1),
    });
    expect(told()).toEqual([
      { kind: 'set_code', code: 'new code', user_id: null, display_name: 'Anonymous host', role: 'host' },
      { kind: 'set_code', code: 'hers', user_id: null, display_name: 'Bea', role: 'co-author' },
    ]);
    // One who may not do half of it does none of it.
    expect((await put({ title: 'no', code: 'no' }, coAuthor.token)).status).toBe(403);
    expect((await call(`/${session.id}`, { token })).json).toMatchObject({
      title: 'newer',
      code: 'hers',
    });
    for (const body of [{}, { title: 't'.repeat(MAX_TITLE_CHARS + 1) }, { code: 'a\0' }, { title: null }]) {
      expect((await put(body)).status).toBe(400);
    }
  });

  it('asks to be tried again when the room is out of reach', async () => {
    const { token, ...session } = await make({ code: 'old' });
    api.failRooms(new RoomUnavailableError('no answer'));
    const put = () => call(`/${session.id}`, { method: 'PUT', token, body: { code: 'new' } });
    expect(await put()).toMatchObject({ status: 503, json: { error: 'server_error' } });
    api.failRooms(null);
    expect((await put()).json).toMatchObject({ code: 'new', rev: numberIn(1, 1) });
  });
});

describe('invites', () => {
  const invite = async (id: string, token: string, body: object = { role: 'co-author' }) =>
    (await call(`/${id}/invite`, { token, body })).json;
  const join = (inviteToken: unknown, init: { token?: string; display_name?: string } = {}) =>
    call('/join', {
      token: init.token,
      body: { invite_token: inviteToken, display_name: init.display_name },
    });

  it('for one let in whose answer was lost on its way, once they try again, and nobody else', async () => {
    const { id, token } = await make();
    const { token: secret } = await invite(id, token, { role: 'co-author', max_uses: 1 });
    const attempt = randomUUID();
    const tried = (of: string) =>
      call('/join', { body: { invite_token: secret, display_name: 'Bea', attempt: of } });
    const [lost, again] = [await tried(attempt), await tried(attempt)];
    const participantOf = async ({ json }: typeof lost) =>
      (await verifySessionToken(json.token, JWT_SECRET))?.participantId;
    expect([lost.status, again.status]).toEqual([200, 200]);
    expect(await participantOf(again)).toBe(await participantOf(lost));
    expect((await tried(randomUUID())).status).toBe(403);
    const { tokens } = (await call(`/${id}/invite`, { token })).json;
    expect(tokens).toMatchObject([{ uses_count: 1 }]);
    // A host's word goes before it.
    const participantId = await participantOf(lost);
    await call(`/${id}/participants/${participantId}`, { method: 'DELETE', token });
    expect((await tried(attempt)).status).toBe(403);
  });

  it('are made by the host, and let people join', async () => {
    const { token, ...session } = await make();
    const made = await call(`/${session.id}/invite`, {
      token,
      body: { role: 'co-author', max_uses: 3, expires_at: '2090-01-01T02:00:00+02:00' },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      session_id: session.id,
      role: 'co-author',
      max_uses: 3,
      uses_count: 0,
      expires_at: '2090-01-01T00:00:00.000Z',
      created_at: expect.any(String),
    });
    const joined = await join(made.json.token, { display_name: 'Bea' });
    expect(joined.json).toMatchObject({ session_id: session.id, role: 'co-author', display_name: 'Bea' });
    expect(await verifySessionToken(joined.json.token, JWT_SECRET)).toMatchObject({
      sessionId: session.id,
      role: 'co-author',
      displayName: 'Bea',
      userId: null,
    });
    const user = await api.userToken(randomUUID(), { name: 'Cem' });
    const asCem = await join(made.json.token, { token: user });
    expect(asCem.json.display_name).toBe('Cem');
    expect((await call(`/${session.id}`, { token: user })).status).toBe(200);
    // Coming back uses nothing.
    await join(made.json.token, { token: user });
    await join(made.json.token, { token: joined.json.token });
    const { tokens } = (await call(`/${session.id}/invite`, { token })).json;
    expect(tokens).toEqual([{ ...made.json, uses_count: 2 }]);
  });

  it('do not work when they are not valid', async () => {
    expect(await join('unknown')).toMatchObject({ status: 403, json: { error: 'forbidden' } });
    for (const bad of ['', 'a b', 'x'.repeat(129), 7, undefined]) expect((await join(bad)).status).toBe(400);
    const { token, ...session } = await make();
    const path = `/${session.id}/invite`;
    for (const body of [
      {},
      { role: 'host' },
      { role: 'viewer', max_uses: 0 },
      { role: 'viewer', max_uses: 1.5 },
      { role: 'viewer', expires_at: 'soon' },
    ]) {
      expect((await call(path, { token, body })).status).toBe(400);
    }
    const past = await invite(session.id, token, { role: 'viewer', expires_at: '2020-01-01T00:00:00Z' });
    expect((await join(past.token)).status).toBe(403);
  });

  it('are listed page by page, and revoked: whoever came by one has to leave', async () => {
    const { token, ...session } = await make();
    const made = [
      await invite(session.id, token),
      await invite(session.id, token),
      await invite(session.id, token),
    ];
    const list = async () => (await everything(`/${session.id}/invite`, 'tokens', token)).map(({ id }) => id);
    expect(new Set(await list())).toEqual(new Set(made.map(({ id }) => id)));
    const bea = (await join(made[1].token)).json.token;
    const revoke = () => call(`/${session.id}/invite/${made[1].id}`, { method: 'DELETE', token });
    api.failRooms(new RoomUnavailableError('no answer'));
    expect((await revoke()).status).toBe(503);
    // It is revoked, and asking again tells the room.
    expect((await call(`/${session.id}`, { token: bea })).status).toBe(403);
    api.failRooms(null);
    expect((await revoke()).status).toBe(200);
    expect(api.told).toEqual([
      { sessionId: session.id, request: { kind: 'invite_revoked', invite_id: made[1].id } },
    ]);
    expect(await list()).not.toContain(made[1].id);
    expect((await join(made[1].token)).status).toBe(403);
  });
});

describe('participants', () => {
  it('are listed for everybody inside, the removed ones only for hosts', async () => {
    const ada = await api.userToken(randomUUID(), { name: 'Ada', picture: 'https://x.test/a.png' });
    const session = await make({}, ada);
    const places = [];
    for (const role of ['co-author', 'viewer', 'viewer'] as const)
      places.push(await api.place(session.id, role));
    const [coAuthor, viewer, removed] = places.map(({ id }) => id);
    await call(`/${session.id}/participants/${removed}`, { method: 'DELETE', token: ada });
    await api.services.people.recordPresence(session.id, [viewer ?? '']);
    const list = async (token: string) => everything(`/${session.id}/participants`, 'participants', token);
    const all = await list(ada);
    expect(all).toHaveLength(4);
    expect(all.find(({ id }) => id === removed)).toMatchObject({ removed_at: expect.any(String) });
    expect(all.find(({ id }) => id === viewer)).toMatchObject({ status: 'active', role: 'viewer' });
    expect(all.find(({ id }) => id === coAuthor)).toMatchObject({ status: 'left' });
    expect(all.find(({ id }) => id === coAuthor)).not.toHaveProperty('user_id');
    expect(all.find((person) => 'role' in person && person.role === 'host')).toMatchObject({
      display_name: 'Ada',
      avatar_url: 'https://x.test/a.png',
      user_id: session.host_user_id,
    });
    const seen = await list(places[1]?.token ?? '');
    expect(seen.map(({ id }) => id)).not.toContain(removed);
    expect(seen).toHaveLength(3);
  });

  it('are given roles, sent away and taken back, and the room hears of each', async () => {
    const { token, ...session } = await make();
    const bea = await api.place(session.id, 'viewer', 'Bea');
    const path = `/${session.id}/participants/${bea.id}`;
    const patch = (body: object) => call(path, { method: 'PATCH', token, body });
    expect((await patch({ role: 'co-author' })).json).toMatchObject({
      id: bea.id,
      role: 'co-author',
      display_name: 'Bea',
    });
    expect((await call(path, { method: 'DELETE', token })).json).toEqual({ message: expect.any(String) });
    expect((await call(`/${session.id}`, { token: bea.token })).status).toBe(403);
    expect((await patch({ role: 'viewer' })).json).not.toHaveProperty('removed_at');
    expect((await call(`/${session.id}`, { token: bea.token })).status).toBe(200);
    const who = { participant_id: bea.id };
    expect(told()).toEqual([
      { kind: 'participant_changed', ...who, role: 'co-author' },
      { kind: 'participant_removed', ...who },
      { kind: 'participant_changed', ...who, role: 'viewer' },
    ]);
    expect((await patch({ role: 'owner' })).status).toBe(400);
    expect((await patch({})).status).toBe(400);
  });

  it('change their own name, which the room hears and their next token says, and nobody else’s', async () => {
    const ada = await api.userToken(randomUUID(), { name: 'Ada' });
    const { token: asHost, ...session } = await make({}, ada);
    const bea = await api.place(session.id, 'viewer', 'Bea');
    const me = `/${session.id}/participants/me`;
    const rename = (token: string | undefined, body: object) => call(me, { method: 'PATCH', token, body });
    const names = async () => {
      const list = await everything(`/${session.id}/participants`, 'participants', ada);
      return list.map((person) => ('display_name' in person ? person.display_name : null));
    };
    const renamed = await rename(bea.token, { display_name: 'Bea ♪', participant_id: randomUUID() });
    expect(renamed.json).toMatchObject({ id: bea.id, display_name: 'Bea ♪', role: 'viewer' });
    expect(await names()).toEqual(['Ada', 'Bea ♪']);
    // By the token of their own, too, and by the session's: they are one.
    expect((await rename(ada, { display_name: 'Ana' })).json).toMatchObject({ display_name: 'Ana' });
    expect((await rename(asHost, { display_name: 'Ania' })).status).toBe(200);
    expect(await names()).toEqual(['Ania', 'Bea ♪']);
    expect(told()).toMatchObject([
      { kind: 'participant_renamed', participant_id: bea.id, display_name: 'Bea ♪' },
      { kind: 'participant_renamed', display_name: 'Ana' },
      { kind: 'participant_renamed', display_name: 'Ania' },
    ]);
    const [before, after] = await Promise.all(
      [bea.token, renamed.json.token].map((token) => verifySessionToken(token, JWT_SECRET)),
    );
    expect(after).toEqual({ ...before, displayName: 'Bea ♪' });
  });

  it('keep their name where the new one isn’t a name, or is one too many within the hour', async () => {
    const session = await make();
    const bea = await api.place(session.id, 'viewer', 'Bea');
    const rename = (display_name: unknown) =>
      call(`/${session.id}/participants/me`, { method: 'PATCH', token: bea.token, body: { display_name } });
    const tooLong = 'x'.repeat(MAX_DISPLAY_NAME_CHARS + 1);
    for (const name of ['', '  ', tooLong, 'a\u0000b', '\ud800', null, 7, undefined]) {
      expect(await rename(name)).toMatchObject({ status: 400, json: { error: 'validation_error' } });
    }
    for (let i = 0; i < MAX_RENAMES_PER_HOUR; i += 1) {
      expect((await rename(i === 0 ? tooLong.slice(1) : `Bea ${i}`)).status).toBe(200);
    }
    const refused = await rename('one more');
    expect(refused).toMatchObject({ status: 429, json: { error: 'too_many_requests' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(told()).toHaveLength(MAX_RENAMES_PER_HOUR);
    expect(await everything(`/${session.id}/participants`, 'participants', session.token)).toContainEqual(
      expect.objectContaining({ display_name: `Bea ${MAX_RENAMES_PER_HOUR - 1}` }),
    );
  });

  it('who came without an account by a link that still works can come back: its host is told which link', async () => {
    const { token, ...session } = await make();
    const open = async (body: object) => (await call(`/${session.id}/invite`, { token, body })).json;
    const remove = async (id: string) =>
      (await call(`/${session.id}/participants/${id}`, { method: 'DELETE', token })).json;
    const join = async (invite: string, as?: string) => {
      const joined = (await call('/join', { body: { invite_token: invite }, token: as })).json;
      return String((await verifySessionToken(joined.token, JWT_SECRET))?.participantId);
    };
    const many = await open({ role: 'viewer' });
    const once = await open({ role: 'viewer', max_uses: 1 });
    expect(await remove(await join(many.token))).toEqual({
      open_invite_id: many.id,
      message: expect.stringMatching(/invite.*can be used again.*revoke it/),
    });
    // Nothing to close: the link is used up, or the one who came by it is known.
    expect(await remove(await join(once.token))).not.toHaveProperty('open_invite_id');
    expect(await remove(await join(many.token, await api.userToken()))).not.toHaveProperty('open_invite_id');
    const last = await join(many.token);
    await call(`/${session.id}/invite/${many.id}`, { method: 'DELETE', token });
    expect(await remove(last)).not.toHaveProperty('open_invite_id');
    expect((await call('/join', { body: { invite_token: many.token } })).status).toBe(403);
  });

  it('who own the session keep it', async () => {
    for (const owner of [null, await api.userToken()]) {
      const { token, ...session } = await make({}, owner ?? undefined);
      const [{ id } = { id: '' }] = await everything(`/${session.id}/participants`, 'participants', token);
      const path = `/${session.id}/participants/${id}`;
      expect(await call(path, { method: 'DELETE', token })).toMatchObject({
        status: 409,
        json: { error: 'conflict' },
      });
      expect((await call(path, { method: 'PATCH', token, body: { role: 'viewer' } })).status).toBe(409);
    }
    expect(told()).toEqual([]);
  });

  it('leave', async () => {
    const session = await make();
    const bea = await api.place(session.id, 'viewer');
    await api.services.people.recordPresence(session.id, [bea.id]);
    expect((await call(`/${session.id}/leave`, { method: 'POST', token: bea.token })).json).toEqual({
      message: expect.any(String),
    });
    expect((await call(`/${session.id}/live-status`, { token: bea.token })).json.participant_count).toBe(0);
  });
});

describe('how open a session is', () => {
  it('is for the host to say, and the room hears when guests have to leave', async () => {
    const { token, ...session } = await make();
    const status = async () => (await call(`/${session.id}/live-status`, { token })).json;
    expect(await status()).toEqual({
      is_live: false,
      is_active: true,
      is_discoverable: false,
      has_active_invite_tokens: false,
      participant_count: 0,
    });
    const show = (isDiscoverable: unknown) =>
      call(`/${session.id}/discoverable`, {
        method: 'PUT',
        token,
        body: { is_discoverable: isDiscoverable },
      });
    const shown = await show(true);
    expect(shown.json).toEqual({ ...(await call(`/${session.id}`, { token })).json, is_discoverable: true });
    expect(await status()).toMatchObject({ is_live: true, is_discoverable: true });
    expect(told()).toEqual([]);
    const guest = await api.userToken();
    expect((await call(`/${session.id}`, { token: guest })).status).toBe(200);
    expect((await show(false)).json).toMatchObject({ id: session.id, is_discoverable: false });
    expect(await status()).toMatchObject({ is_live: false, is_discoverable: false });
    expect(told()).toEqual([{ kind: 'discovery_ended' }]);
    expect((await call(`/${session.id}`, { token: guest })).status).toBe(403);
    expect((await show('yes')).status).toBe(400);
  });

  it('ends softly: others are sent away, invites are void, the code stays', async () => {
    const { token, ...session } = await make({ code: 'kept' });
    const { token: inviteToken } = (await call(`/${session.id}/invite`, { token, body: { role: 'viewer' } }))
      .json;
    const bea = (await call('/join', { body: { invite_token: inviteToken } })).json.token;
    const endLive = () => call(`/${session.id}/end-live`, { method: 'POST', token });
    api.failRooms(new RoomUnavailableError('no answer'));
    expect((await endLive()).status).toBe(503);
    api.failRooms(null);
    expect((await endLive()).json).toEqual({
      message: expect.any(String),
      participants_kicked: 0,
      invites_revoked: 0,
    });
    expect((await call(`/${session.id}/live-status`, { token })).json).toMatchObject({
      is_active: true,
      is_live: false,
      has_active_invite_tokens: false,
    });
    expect(told()).toEqual([{ kind: 'live_ended' }]);
    expect((await call(`/${session.id}`, { token: bea })).status).toBe(403);
    expect((await call('/join', { body: { invite_token: inviteToken } })).status).toBe(403);
    expect((await call(`/${session.id}`, { token })).json).toMatchObject({
      code: 'kept',
      is_active: true,
    });
  });
});

describe('ending a session', () => {
  it('flushes it first, tells its room, and leaves it readable', async () => {
    const { token, ...session } = await make({ code: 'old' });
    const bea = await api.place(session.id, 'viewer');
    await call(`/${session.id}`, { method: 'PUT', token, body: { code: 'newest' } });
    api.told.length = 0;
    const end = () => call(`/${session.id}`, { method: 'DELETE', token });
    expect((await end()).json).toEqual({ message: expect.any(String) });
    expect((await call(`/${session.id}`, { token })).json).toMatchObject({
      is_active: false,
      code: 'newest',
      rev: numberIn(1, 1),
      ended_at: expect.any(String),
    });
    expect((await api.buffer.flushState(session.id)).isDirty).toBe(false);
    expect(told()).toEqual([{ kind: 'ended', reason: 'the host has ended the session' }]);
    for (const reader of [token, bea.token]) {
      expect((await call(`/${session.id}`, { token: reader })).json).toMatchObject({
        code: 'newest',
      });
      expect((await call(`/${session.id}/messages`, { token: reader })).status).toBe(200);
    }
    // Again, for a room that may not have heard.
    expect((await end()).status).toBe(200);
    expect(told()).toHaveLength(2);
  });

  it('asks to be tried again when the room could not be told', async () => {
    const { token, ...session } = await make();
    api.failRooms(new RoomUnavailableError('no answer'));
    const end = () => call(`/${session.id}`, { method: 'DELETE', token });
    expect((await end()).status).toBe(503);
    expect((await call(`/${session.id}`, { token })).json.is_active).toBe(false);
    api.failRooms(null);
    expect((await end()).status).toBe(200);
    expect(told()).toMatchObject([{ kind: 'ended' }]);
  });
});
