/** What an account has made: all of it in one download, and none of it after the account is deleted. */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../src/domain/accounts.ts';
import type { SaidMessage } from '../../src/domain/types.ts';
import { accountExport } from '../../src/protocol/http/accounts.ts';
import { RoomUnavailableError } from '../../src/worker/room-client.ts';
import { type Api, startApi } from '../support/api.ts';
import { makeCommit } from '../support/commits.ts';
import { makeMessage } from '../support/messages.ts';

const PICTURE = 'https://pictures.example/1.png';

let api: Api;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());
beforeEach(() => {
  api.failRooms(null);
  api.told.length = 0;
});

interface Person {
  account: Account;
  token: string;
  name: string;
}

/** Somebody who has signed in. */
async function person(name = `Person ${randomUUID()}`): Promise<Person> {
  const { accounts, browsers } = api.services;
  const subject = `github:${randomUUID()}`;
  const account = await accounts.signIn({
    subject,
    provider: 'github',
    name,
    avatarUrl: PICTURE,
    email: null,
  });
  const { token } = await browsers.add(account);
  return { account, token, name };
}

async function sessionOf({ token }: Person, body: object = {}): Promise<string> {
  return (await api.call('/api/v1/sessions', { token, body: { title: 'Jam', code: 'start', ...body } })).json
    .id;
}

/** Makes somebody a participant of a session, by an invite of its host's. */
async function enter(one: Person, sessionId: string, host: Person): Promise<void> {
  const path = `/api/v1/sessions/${sessionId}/invite`;
  const invite = await api.call(path, { token: host.token, body: { role: 'co-author' } });
  const body = { invite_token: invite.json.token };
  expect((await api.call('/api/v1/sessions/join', { token: one.token, body })).status).toBe(200);
}

let position = 0;
function said(by: Person | null, content: string): SaidMessage {
  position += 1;
  return makeMessage({
    content,
    position,
    createdAtMs: 1_700_000_000_000 + position,
    userId: by?.account.id ?? null,
    displayName: by?.name ?? 'Guest',
    avatarUrl: by ? PICTURE : null,
  });
}

/** Messages that Postgres has. */
async function store(sessionId: string, messages: SaidMessage[]): Promise<void> {
  await api.services.postgres.ping();
  await api.services.flusher.flushSession(sessionId);
  await buffer(sessionId, messages);
  await api.services.flusher.flushSession(sessionId);
}
let attempt = 0;
/** Messages that only Redis has. */
async function buffer(sessionId: string, messages: SaidMessage[], text: string | null = null): Promise<void> {
  attempt += 1;
  await api.buffer.commit(makeCommit({ sessionId, text, messages, count: attempt }));
}

const rowsOf = async (query: ReturnType<typeof sql>) => (await api.db.execute(query)).rows;
const remove = (token: string, confirm: string) =>
  api.call('/api/v1/auth/me', { method: 'DELETE', token, body: { confirm } });

async function download(token: string) {
  const reply = await api.call('/api/v1/auth/me/export', { token });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-disposition')).toMatch(/^attachment/);
  return accountExport.parse(reply.json);
}

describe('the download', () => {
  it('has everything, and nothing of others but what was said in the account’s sessions', async () => {
    const [ada, ben] = [await person('Ada'), await person('Ben')];
    const own = await sessionOf(ada, { title: 'Mine' });
    const theirs = await sessionOf(ben, { title: 'Theirs' });
    await enter(ada, theirs, ben);
    await store(own, [said(ada, 'one'), said(null, 'two')]);
    // What was said and typed a moment ago is only buffered.
    await buffer(own, [said(ben, 'three')], 'newest code');
    await store(theirs, [said(ben, 'private to them'), said(ada, 'four')]);
    const conversation_history = Array.from({ length: 60 }, (_, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: `${i} ${'x'.repeat(900)}`,
    }));
    await api.call('/api/v1/strudels', {
      token: ada.token,
      body: { title: 'Beat', code: 's("bd")', tags: ['a'], conversation_history },
    });
    await api.call('/api/v1/strudels', {
      token: ben.token,
      body: { title: 'Other', code: 'x', is_public: true },
    });

    const all = await download(ada.token);
    expect(all.user).toMatchObject({ id: ada.account.id, name: 'Ada', provider: 'github' });
    expect(all.sessions).toMatchObject([
      {
        id: own,
        title: 'Mine',
        code: 'newest code',
        is_active: true,
        messages: [
          { content: 'one', display_name: 'Ada', is_own: true },
          { content: 'two', display_name: 'Guest', is_own: false },
          { content: 'three', display_name: 'Ben', is_own: false },
        ],
      },
    ]);
    expect(all.memberships).toMatchObject([
      {
        session_id: theirs,
        title: 'Theirs',
        role: 'co-author',
        messages: [{ content: 'four', is_own: true }],
      },
    ]);
    expect(all.memberships[0]?.messages).toHaveLength(1);
    expect(all.strudels).toHaveLength(1);
    expect(all.strudels[0]).toMatchObject({ title: 'Beat', tags: ['a'] });
    expect(all.strudels[0]?.conversation_history.map(({ content }) => content)).toEqual(
      conversation_history.map(({ content }) => content),
    );
  });

  it('of an account that has made nothing is whole, too', async () => {
    const { token } = await person();
    expect(await download(token)).toMatchObject({ sessions: [], memberships: [], strudels: [] });
  });

  it('comes page by page, with nothing twice and nothing left out', async () => {
    const ada = await person();
    const ids: string[] = [];
    for (let i = 0; i < 45; i++) ids.push(await sessionOf(ada, { title: `Session ${i}` }));
    const [first = '', , third = ''] = ids;
    // More than a page of messages, which ends within a session, and one that has none between two that do.
    const many = Array.from({ length: 730 }, (_, i) => said(ada, `m${i}`));
    await store(first, many);
    await store(third, [said(ada, 'last')]);

    const reply = await api.app.request('/api/v1/auth/me/export', {
      headers: { authorization: `Bearer ${ada.token}` },
    });
    let largest = 0;
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of reply.body ?? []) {
      largest = Math.max(largest, chunk.length);
      text += decoder.decode(chunk, { stream: true });
    }
    const all = accountExport.parse(JSON.parse(text));
    expect(all.sessions.map(({ id }) => id)).toEqual(ids);
    expect(all.sessions[0]?.messages.map(({ content }) => content)).toEqual(
      many.map(({ content }) => content),
    );
    expect(all.sessions[2]?.messages.map(({ content }) => content)).toEqual(['last']);
    expect(all.sessions.filter(({ messages }) => messages.length > 0)).toHaveLength(2);
    expect(largest).toBeLessThan(text.length / 3);
  });

  it('breaks off where Postgres does, rather than being short', async () => {
    const ada = await person();
    await sessionOf(ada);
    const { accounts } = api.services;
    const read = accounts.exportMemberships;
    accounts.exportMemberships = () => Promise.reject(new RoomUnavailableError('gone'));
    try {
      const reply = await api.app.request('/api/v1/auth/me/export', {
        headers: { authorization: `Bearer ${ada.token}` },
      });
      await expect(reply.text()).rejects.toThrow('gone');
    } finally {
      accounts.exportMemberships = read;
    }
  });

  it('is the account’s alone', async () => {
    expect((await api.call('/api/v1/auth/me/export')).status).toBe(401);
  });
});

describe('deleting the account', () => {
  it('asks for its name', async () => {
    const ada = await person('Ada L.');
    for (const confirm of ['', 'ada l.', 'delete', 'Ada']) {
      expect((await remove(ada.token, confirm)).status).toBe(409);
    }
    expect((await api.call('/api/v1/auth/me', { method: 'DELETE', token: ada.token })).status).toBe(400);
    expect((await api.call('/api/v1/auth/me', { token: ada.token })).status).toBe(200);
    expect((await remove(ada.token, ' Ada L. ')).json).toEqual({ message: expect.any(String), remaining: 0 });
  });

  it('ends and deletes its sessions, in both stores and in their rooms', async () => {
    const [ada, ben] = [await person(), await person()];
    const own = await sessionOf(ada);
    await enter(ben, own, ada);
    await store(own, [said(ada, 'one'), said(ben, 'two')]);
    await buffer(own, [said(ada, 'three')], 'newest code');
    expect((await remove(ada.token, ada.name)).json.remaining).toBe(0);
    expect(api.told).toEqual([
      { sessionId: own, request: { kind: 'ended', reason: expect.any(String) } },
      { sessionId: own, request: { kind: 'deleted' } },
    ]);
    expect(await rowsOf(sql`select 1 from sessions where id = ${own}::uuid`)).toEqual([]);
    expect(await rowsOf(sql`select 1 from session_messages where session_id = ${own}::uuid`)).toEqual([]);
    const { session, messages, dirty } = {
      session: await api.redis('KEYS', `*${own}*`),
      messages: await api.redis('KEYS', `*${own}:m`),
      dirty: await api.redis('ZSCORE', `${api.services.config.KEY_PREFIX}dirty`, own),
    };
    expect([session, messages, dirty]).toEqual([[], [], null]);
    expect((await api.call(`/api/v1/sessions/${own}`, { token: ben.token })).status).toBe(404);
  });

  it('takes its name from what it said elsewhere, also from what Redis alone has yet', async () => {
    const [ada, ben] = [await person(), await person()];
    const theirs = await sessionOf(ben);
    await enter(ada, theirs, ben);
    await store(theirs, [said(ada, 'one'), said(ben, 'two')]);
    await buffer(theirs, [said(ada, 'three')]);
    await api.db.execute(sql`
      insert into session_versions (session_id, number, rev, cause, user_id, display_name, created_at, code)
      values (${theirs}::uuid, 1, 1, 'typed', ${ada.account.id}::uuid, ${ada.name}::text, now(), ''::bytea)`);
    await api.db.execute(sql`update sessions set
      transport = ${JSON.stringify({ rev: 1, by: ada.name, sinceMs: 1, cycle: 0, cps: 1 })}::text
      where id = ${theirs}::uuid`);
    const [member] = await rowsOf(
      sql`select id from session_participants where user_id = ${ada.account.id}::uuid`,
    );
    expect((await remove(ada.token, ada.name)).json.remaining).toBe(0);
    expect(api.told).toEqual([
      {
        sessionId: theirs,
        request: {
          kind: 'account_deleted',
          user_id: ada.account.id,
          participant_ids: [member?.id],
          display_names: [ada.name],
        },
      },
    ]);
    const left = await rowsOf(sql`
      select content, display_name, avatar_url, user_id from session_messages
      where session_id = ${theirs}::uuid order by position`);
    const nameless = { display_name: 'Anonymous', avatar_url: null, user_id: null };
    expect(left).toEqual([
      { content: 'one', ...nameless },
      { content: 'two', display_name: ben.name, avatar_url: PICTURE, user_id: ben.account.id },
      { content: 'three', ...nameless },
    ]);
    const everything = JSON.stringify([
      await rowsOf(sql`select * from sessions`),
      await rowsOf(sql`select * from session_participants`),
      await rowsOf(sql`select * from session_messages`),
      await rowsOf(sql`select session_id, user_id, display_name from session_versions`),
      await rowsOf(sql`select * from users`),
      await rowsOf(sql`select * from refresh_tokens`),
      await api.redis('KEYS', `*${theirs}*`),
      await api.redis('HGETALL', `${api.services.config.KEY_PREFIX}s:${theirs}:m`),
    ]);
    expect(everything).not.toContain(ada.name);
    expect(everything).not.toContain(ada.account.id);
  });

  it('takes its strudels and its browsers along, and leaves others’ forks', async () => {
    const [ada, ben] = [await person(), await person()];
    const own = await api.call('/api/v1/strudels', {
      token: ada.token,
      body: {
        title: 'Beat',
        code: 'x',
        is_public: true,
        conversation_history: [{ role: 'user', content: 'hi' }],
      },
    });
    const fork = await api.call('/api/v1/strudels', {
      token: ben.token,
      body: { title: 'Fork', code: 'x', forked_from: own.json.id },
    });
    expect((await remove(ada.token, ada.name)).status).toBe(200);
    expect((await api.call(`/api/v1/strudels/${own.json.id}`)).status).toBe(404);
    const kept = await api.call(`/api/v1/strudels/${fork.json.id}`, { token: ben.token });
    expect(kept.json).not.toHaveProperty('forked_from');
    // Its tokens make no new account.
    expect((await api.call('/api/v1/auth/me', { token: ada.token })).status).toBe(401);
    expect((await api.call('/api/v1/sessions', { token: ada.token, body: {} })).status).toBe(401);
    expect(await rowsOf(sql`select 1 from users where subject = ${ada.account.subject}::text`)).toEqual([]);
    // Nor are they good for the one that the same person makes afterwards.
    await api.services.accounts.signIn({ ...ada.account, provider: 'github' });
    expect((await api.call('/api/v1/auth/me', { token: ada.token })).status).toBe(401);
  });

  it('shuts the door that a session token of it opened', async () => {
    const [ada, ben] = [await person(), await person()];
    const theirs = await sessionOf(ben, { is_discoverable: true });
    const path = `/api/v1/sessions/${theirs}/invite`;
    const invite = await api.call(path, { token: ben.token, body: { role: 'co-author' } });
    const body = { invite_token: invite.json.token };
    const { token } = (await api.call('/api/v1/sessions/join', { token: ada.token, body })).json;
    const enterAgain = () =>
      api.services.admission.enter({
        sessionId: theirs,
        token,
        invite: null,
        displayName: null,
        previousSessionId: null,
      });
    expect(await enterAgain()).toMatchObject({ ok: true });
    await remove(ada.token, ada.name);
    expect(await enterAgain()).toMatchObject({ ok: false, status: 401, isBadToken: true });
  });

  it('takes as many requests as it takes', async () => {
    const [ada, ben] = [await person(), await person()];
    const own: string[] = [];
    for (let i = 0; i < 17; i++) own.push(await sessionOf(ada));
    const theirs: string[] = [];
    for (let i = 0; i < 12; i++) {
      const id = await sessionOf(ben);
      await enter(ada, id, ben);
      theirs.push(id);
    }
    const remaining: number[] = [];
    do {
      remaining.push((await remove(ada.token, ada.name)).json.remaining);
    } while (remaining.at(-1) !== 0);
    expect(remaining).toEqual([21, 13, 12, 2, 0]);
    expect(new Set(api.told.map(({ sessionId }) => sessionId))).toEqual(new Set([...own, ...theirs]));
  });

  it('goes on where a room was out of reach', async () => {
    const [ada, ben] = [await person(), await person()];
    const own = await sessionOf(ada);
    const theirs = await sessionOf(ben);
    await enter(ada, theirs, ben);
    await buffer(theirs, [said(ada, 'one')]);
    api.failRooms(new RoomUnavailableError('no answer'));
    expect((await remove(ada.token, ada.name)).status).toBe(503);
    expect((await api.call('/api/v1/auth/me', { token: ada.token })).status).toBe(200);
    api.failRooms(null);
    expect((await remove(ada.token, ada.name)).json.remaining).toBe(1);
    api.failRooms(new RoomUnavailableError('no answer'));
    expect((await remove(ada.token, ada.name)).status).toBe(503);
    api.failRooms(null);
    expect((await remove(ada.token, ada.name)).json.remaining).toBe(0);
    expect(await rowsOf(sql`select 1 from sessions where id = ${own}::uuid`)).toEqual([]);
    expect(
      await rowsOf(sql`select display_name from session_messages where session_id = ${theirs}::uuid`),
    ).toEqual([{ display_name: 'Anonymous' }]);
  });

  it('of a user with another service’s token works, too', async () => {
    const token = await api.userToken(randomUUID(), { name: 'Cleo' });
    await api.call('/api/v1/sessions', { token, body: {} });
    expect((await remove(token, 'Cleo')).json.remaining).toBe(0);
  });
});
