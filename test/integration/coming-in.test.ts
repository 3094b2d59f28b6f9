/**
 * Before a session: what an invite leads to, asking the hosts to be let in, and addresses to paste elsewhere.
 * And after it: who can still read it. All on a running stack.
 */
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ApiError, call } from '../../src/client/sdk/call.ts';
import { knockAndWait } from '../../src/client/sdk/knocker.ts';
import { SessionClient, type SessionClientEvents } from '../../src/client/sdk/session-client.ts';
import * as routes from '../../src/protocol/http/coming-in.ts';
import { MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR } from '../../src/protocol/limits.ts';
import { People, type User } from '../support/people.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

let stack: Stack;
let scene: Scene;
let people: People;
const clients: SessionClient[] = [];

beforeAll(async () => {
  stack = await startStack({ FLUSH_ALARM_MS: '1000' });
  scene = new Scene(stack);
  people = new People(stack, scene);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await scene.leave();
});
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

/** A participant's client, once it is in. */
async function enter(sessionId: string, token: string): Promise<SessionClient> {
  const client = new SessionClient({ url: stack.url, sessionId, token, WebSocket });
  clients.push(client);
  await vi.waitUntil(() => client.snapshot.role !== null, WAIT);
  return client;
}

/** What a client hears next under this name. */
function heard<Name extends keyof SessionClientEvents>(
  client: SessionClient,
  name: Name,
): Promise<SessionClientEvents[Name]> {
  return new Promise((resolve) => {
    const stop = client.on(name, (event) => {
      stop();
      resolve(event);
    });
  });
}

/** Status and code of a refusal. */
async function refusalOf(asked: Promise<unknown>): Promise<[number, string]> {
  const failure = await asked.catch((error: unknown) => error);
  if (!(failure instanceof ApiError)) throw new Error(`not refused: ${JSON.stringify(failure)}`);
  return [failure.status, failure.code];
}

describe('what an invite leads to', () => {
  const preview = (invite_token: string) =>
    call(routes.previewInvite, { body: { invite_token }, origin: stack.url });

  it('is told without an account, without using it, with who is there now', async () => {
    const host = await people.user('Ana');
    const sessionId = await people.session({ host });
    await scene.sql('update sessions set title = $2 where id = $1', [sessionId, 'Night shift']);
    const invite = await people.invite(sessionId, 'co-author', { maxUses: 1 });
    const expected = {
      session_id: sessionId,
      title: 'Night shift',
      host_name: 'Ana',
      role: 'co-author',
      participant_count: 0,
      is_live: true,
    };
    expect(await preview(invite.token)).toEqual(expected);
    await enter(sessionId, host.token);
    await vi.waitUntil(async () => (await preview(invite.token)).participant_count === 1, WAIT);
    expect(await people.usesOf(invite)).toBe(0);
    const joined = await scene.enter({ sessionId, invite: invite.token, displayName: 'Ben' });
    expect(joined.state.payload.your_role).toBe('co-author');
  });

  it('has the name of a host without an account', async () => {
    const { id } = await scene.session({ title: 'Solo' });
    const invite = await people.invite(id, 'viewer');
    expect(await preview(invite.token)).toMatchObject({ title: 'Solo', host_name: 'Ada', role: 'viewer' });
  });

  it('is nothing for one that joining would refuse', async () => {
    const host = await people.user('Ana');
    const sessionId = await people.session({ host });
    const bad = [
      'unknown-secret',
      (await people.invite(sessionId, 'viewer', { expiresInS: -1 })).token,
      (await people.invite(sessionId, 'viewer', { maxUses: 1, uses: 1 })).token,
      (await people.invite(sessionId, 'viewer', { isRevoked: true })).token,
    ];
    for (const token of bad) expect(await refusalOf(preview(token))).toEqual([403, 'forbidden']);
    const good = await people.invite(sessionId, 'viewer');
    await people.act(host, 'DELETE', sessionId);
    expect(await refusalOf(preview(good.token))).toEqual([410, 'not_found']);
    expect(await refusalOf(preview(bad[3] ?? ''))).toEqual([403, 'forbidden']);
  });
});

describe('asking to be let in', () => {
  const knock = (sessionId: string, display_name?: string, token?: string) =>
    call(routes.knock, { params: { id: sessionId }, body: { display_name }, token, origin: stack.url });
  const answerTo = (
    sessionId: string,
    { knock_id, token }: { knock_id: string; token: string },
    wait_s = 20,
  ) =>
    call(routes.awaitKnock, {
      params: { id: sessionId, knock_id },
      query: { wait_s },
      token,
      origin: stack.url,
    });

  async function arrange(): Promise<{ sessionId: string; host: User; ana: SessionClient }> {
    const host = await people.user('Ana');
    const sessionId = await people.session({ host, code: 'start' });
    return { sessionId, host, ana: await enter(sessionId, host.token) };
  }

  /** Knocks, and is let in; what the knocker is told. */
  async function letIn(sessionId: string, ana: SessionClient, name: string, token?: string) {
    const heardOf = heard(ana, 'knock');
    const knocked = await knock(sessionId, name, token);
    const waiting = answerTo(sessionId, knocked);
    const { knock_id: id, was_removed } = await heardOf;
    expect(id).toBe(knocked.knock_id);
    await ana.answerKnock(id, { role: 'co-author', readmit: was_removed });
    const state = await waiting;
    if (state.status !== 'admitted') throw new Error(state.status);
    return state;
  }

  it('makes a participant like any other, who can be removed, and comes back by a host’s word alone', async () => {
    const { sessionId, host, ana } = await arrange();
    const eve = await letIn(sessionId, ana, 'Eve');
    expect(eve).toMatchObject({ session_id: sessionId, role: 'co-author', display_name: 'Eve' });
    expect(ana.snapshot.knocks).toEqual([]);
    const client = await enter(sessionId, eve.token);
    client.edit('by Eve');
    await vi.waitUntil(() => ana.snapshot.code === 'by Eve', WAIT);

    const participant = ana.snapshot.participants.find(({ display_name }) => display_name === 'Eve');
    const left = heard(ana, 'left');
    await people.act(host, 'DELETE', `${sessionId}/participants/${participant?.participant_id}`);
    await left;
    await vi.waitUntil(() => ['refused', 'closed'].includes(client.snapshot.connection.state), WAIT);

    const heardOf = heard(ana, 'knock');
    const again = await knock(sessionId, 'Eve', eve.token);
    expect(await heardOf).toMatchObject({ display_name: 'Eve', was_removed: true });
    const { knock_id: id } = again;
    await expect(ana.answerKnock(id, { role: 'viewer' })).rejects.toMatchObject({ code: 'conflict' });
    expect(await answerTo(sessionId, again, 0)).toEqual({ status: 'waiting' });
    const membership = async () =>
      scene.rows<{ role: string; removed: boolean; join_method: string }>(
        `select role, removed_at is not null as removed, join_method from anonymous_participants
         where session_id = $1 and id = $2`,
        [sessionId, participant?.participant_id],
      );
    expect(await membership()).toMatchObject([{ removed: true }]);
    await ana.answerKnock(id, { role: 'viewer', readmit: true });
    expect(await membership()).toEqual([{ role: 'viewer', removed: false, join_method: 'grant' }]);
    expect(await answerTo(sessionId, again)).toMatchObject({ status: 'admitted', role: 'viewer' });
    const back = await enter(sessionId, eve.token);
    expect(back.snapshot.role).toBe('viewer');
  });

  it('with an account: they come in by their own token, and can’t knock any more', async () => {
    const { sessionId, ana } = await arrange();
    const ben = await people.user('Ben');
    const heardOf = heard(ana, 'knock');
    expect(await letIn(sessionId, ana, 'Ben', ben.token)).toMatchObject({ role: 'co-author' });
    expect(await heardOf).toMatchObject({ user_id: ben.id, was_removed: false });
    expect((await enter(sessionId, ben.token)).snapshot.role).toBe('co-author');
    expect(await refusalOf(knock(sessionId, 'Ben', ben.token))).toEqual([409, 'conflict']);
  });

  it('is refused, and the first answer of a host’s tabs counts', async () => {
    const { sessionId, host, ana } = await arrange();
    const tab = await enter(sessionId, host.token);
    const knocked = await knock(sessionId, 'Eve');
    const waiting = answerTo(sessionId, knocked);
    await vi.waitUntil(() => tab.snapshot.knocks.length === 1 && ana.snapshot.knocks.length === 1, WAIT);
    const answered = heard(tab, 'knockAnswered');
    await ana.answerKnock(knocked.knock_id, { refused: true });
    expect(await waiting).toEqual({ status: 'refused' });
    expect(await answered).toEqual({ knock_id: knocked.knock_id, outcome: 'refused', by: 'Ana' });
    expect(tab.snapshot.knocks).toEqual([]);
    const late = tab.answerKnock(knocked.knock_id, { role: 'viewer' });
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
    const rows = 'select id from anonymous_participants where session_id = $1';
    expect(await scene.rows(rows, [sessionId])).toEqual([]);
  });

  it('shows who waits to a host who comes, and tells hosts of one who gives up', async () => {
    const { sessionId, host, ana } = await arrange();
    const knocked = await knock(sessionId, 'Eve');
    const tab = await enter(sessionId, host.token);
    expect(tab.snapshot.knocks).toMatchObject([{ knock_id: knocked.knock_id, display_name: 'Eve' }]);
    const over = heard(ana, 'knockAnswered');
    const { knock_id, token } = knocked;
    await call(routes.withdrawKnock, { params: { id: sessionId, knock_id }, token, origin: stack.url });
    expect(await over).toEqual({ knock_id, outcome: 'withdrawn' });
    const late = ana.answerKnock(knock_id, { role: 'viewer' });
    await expect(late).rejects.toMatchObject({ code: 'conflict' });
  });

  it('by the knocker’s own client, who is let in, or gives up', async () => {
    const { sessionId, ana } = await arrange();
    const waits = heard(ana, 'knock');
    const outcome = knockAndWait({ sessionId, displayName: 'Eve', origin: stack.url });
    await ana.answerKnock((await waits).knock_id, { role: 'viewer' });
    expect(await outcome).toMatchObject({ status: 'admitted', role: 'viewer' });
    const [giveUp, again] = [new AbortController(), heard(ana, 'knock')];
    const { signal } = giveUp;
    const second = knockAndWait({ sessionId, displayName: 'Mallory', origin: stack.url, signal }).catch(
      () => 'off',
    );
    await again;
    const over = heard(ana, 'knockAnswered');
    giveUp.abort();
    expect(await second).toBe('off');
    expect(await over).toMatchObject({ outcome: 'withdrawn' });
  });

  it('ends with the session, for who waits and for who comes', async () => {
    const { sessionId, host } = await arrange();
    const waiting = answerTo(sessionId, await knock(sessionId, 'Eve'));
    await people.act(host, 'DELETE', sessionId);
    expect(await waiting).toEqual({ status: 'ended' });
    expect(await refusalOf(knock(sessionId, 'Eve'))).toEqual([410, 'not_found']);
  });

  it('needs a session, and a host who is there', async () => {
    const sessionId = await people.session({ host: await people.user('Ana') });
    expect(await refusalOf(knock(randomUUID(), 'Eve'))).toEqual([404, 'not_found']);
    expect(await refusalOf(knock(sessionId, 'Eve'))).toEqual([409, 'host_away']);
    // A viewer's and a co-author's being there is not enough, and they hear nothing.
    const writer = await enter(sessionId, (await people.place(sessionId, 'co-author')).token);
    expect(await refusalOf(knock(sessionId, 'Eve'))).toEqual([409, 'host_away']);
    await enter(sessionId, (await people.place(sessionId, 'host')).token);
    await knock(sessionId, 'Eve');
    const messages: string[] = [];
    writer.on('message', ({ type }) => messages.push(type));
    const refused = writer.answerKnock(randomUUID(), { role: 'viewer' });
    await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
    expect(messages).not.toContain('knock');
  });

  it('is answered to nobody but the knocker', async () => {
    const { sessionId, host } = await arrange();
    const eve = await knock(sessionId, 'Eve');
    const mallory = await knock(sessionId, 'Mallory');
    const { knock_id } = eve;
    const ask = (token: string) => refusalOf(answerTo(sessionId, { knock_id, token }, 0));
    expect(await ask(mallory.token)).toEqual([404, 'not_found']);
    const place = await people.place(sessionId, 'viewer');
    for (const token of [host.token, place.token, `${eve.token}x`, 'x']) {
      expect(await ask(token)).toEqual([401, 'unauthorized']);
    }
    // Nor does it open anything else.
    const opened = await people.ask({ token: eve.token }, 'GET', sessionId);
    expect(opened.status).toBe(401);
  });

  it('costs no store anything while one waits', async () => {
    const { sessionId } = await arrange();
    const knocked = await knock(sessionId, 'Eve');
    await scene.quiet();
    const before = await scene.counters();
    for (let i = 0; i < 5; i++) {
      expect(await answerTo(sessionId, knocked, i % 2)).toEqual({ status: 'waiting' });
    }
    expect(await scene.counters()).toEqual(before);
  });

  it('is limited: one at a time from a network, and a few an hour, but for those that no host heard', async () => {
    const { sessionId, ana } = await arrange();
    const from = async (address: string, session = sessionId) => {
      const response = await fetch(new URL(`/api/v1/sessions/${session}/knocks`, stack.url), {
        method: 'POST',
        headers: { 'cf-connecting-ip': address },
        body: '{}',
      });
      const body: unknown = await response.json();
      return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
    };
    const refuseAll = () =>
      Promise.all(ana.snapshot.knocks.map(({ knock_id }) => ana.answerKnock(knock_id, { refused: true })));
    for (let i = 0; i < MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR; i++) {
      const waits = heard(ana, 'knock');
      expect((await from(`2001:db8:1:1::${i}`)).status).toBe(201);
      await waits;
      // Beyond the count of the hour there is another reason.
      const isLast = i === MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR - 1;
      const message = expect.stringContaining(isLast ? 'too many' : 'waiting already');
      expect(await from(`2001:db8:1:1::f${i}`)).toMatchObject({ status: 429, body: { message } });
      await refuseAll();
    }
    const tooMany = await from('2001:db8:1:1::9');
    expect(tooMany).toMatchObject({ status: 429, body: { message: expect.stringContaining('too many') } });
    expect(Number(tooMany.retryAfter)).toBeGreaterThan(0);
    expect((await from('2001:db8:1:2::9')).status).toBe(201);
    const empty = await people.session();
    for (let i = 0; i < 2 * MAX_KNOCKS_OF_ONE_AT_SESSION_PER_HOUR; i++) {
      expect((await from('2001:db8:1:3::1', empty)).status).toBe(409);
    }
  });
});

describe('an address to paste elsewhere', () => {
  /** As a browser does that is sent to an address; `fetch` can't say so. */
  function navigate(path: string): Promise<{ status: number; headers: object; body: string }> {
    const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' };
    return new Promise((resolve, reject) => {
      get(new URL(path, stack.url), { headers }, async (response) => {
        let body = '';
        for await (const chunk of response.setEncoding('utf8')) body += chunk;
        const { date: _, ...rest } = response.headers;
        resolve({ status: response.statusCode ?? 0, headers: rest, body });
      }).on('error', reject);
    });
  }

  it('shows of a public session who plays, and how many are there', async () => {
    const host = await people.user('Ana <b>');
    const sessionId = await people.session({ host, isDiscoverable: true });
    await scene.sql('update sessions set title = $2 where id = $1', [sessionId, '"Night" & day']);
    await enter(sessionId, host.token);
    const shown = () => navigate(`/s/${sessionId}`);
    await vi.waitUntil(async () => (await shown()).body.includes('Ana &lt;b&gt; is jamming: 1 here'), WAIT);
    const { status, body, headers } = await shown();
    expect([status, headers]).toEqual([
      200,
      expect.objectContaining({
        'content-type': expect.stringContaining('text/html'),
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      }),
    ]);
    expect(body).toContain(`<meta property="og:url" content="${new URL(`/s/${sessionId}`, stack.url)}" />`);
    expect(body).toContain('content="“&quot;Night&quot; &amp; day”. Live-coding');
    const [, picture = ''] = /property="og:image" content="([^"]+)"/.exec(body) ?? [];
    const image = await fetch(picture);
    expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/png']);
    // It is the page: the same scripts.
    const scripts = (html: string) => [...html.matchAll(/<script[^>]+>/g)].map(([tag]) => tag);
    expect(scripts(body)).toEqual(scripts((await navigate('/')).body));
    expect(scripts(body).length).toBeGreaterThan(0);
    // However often it is asked for, the list is read once in a while.
    await scene.quiet();
    const before = await scene.counters();
    for (let i = 0; i < 30; i++) await navigate(`/s/${randomUUID()}`);
    expect((await scene.counters()).statements - before.statements).toBeLessThan(5);
  });

  it('is the same page for a private session, an ended one, and none', async () => {
    const host = await people.user('Ana');
    const closed = await people.session({ host });
    const over = await people.session({ host, isDiscoverable: true });
    await people.act(host, 'DELETE', over);
    const none = await navigate(`/s/${randomUUID()}`);
    expect(none.status).toBe(200);
    expect(none.body).toContain('<title>Backbeat</title>');
    // The list is kept for a moment.
    await vi.waitUntil(async () => (await navigate(`/s/${over}`)).body === none.body, WAIT);
    for (const path of [`/s/${closed}`, `/s/${over}`, '/s/nonsense', `/s/${closed.toUpperCase()}`]) {
      expect(await navigate(path)).toEqual(none);
    }
  });
});

describe('after the end', () => {
  it('those who could read a session read it: code, chat and participants, by each kind of token', async () => {
    const owner = await people.user('Ada');
    for (const kind of ['with an account', 'without one'] as const) {
      const made = kind === 'with an account' ? null : await scene.session({ code: 'start' });
      const sessionId = made?.id ?? (await people.session({ host: owner, code: 'start' }));
      const host = { token: made?.token ?? owner.token };
      const [memberUser, invitedUser] = [await people.user('Ben'), await people.user('Cleo')];
      await people.place(sessionId, 'co-author', { user: memberUser });
      const link = (await people.act(host, 'POST', `${sessionId}/invite`, { role: 'viewer' })) as {
        token: string;
      };
      const join = async (token?: string): Promise<string> => {
        const response = await fetch(new URL('/api/v1/sessions/join', stack.url), {
          method: 'POST',
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
          body: JSON.stringify({ invite_token: link.token, display_name: 'Guest' }),
        });
        return ((await response.json()) as { token: string }).token;
      };
      const guest = await join();
      await join(invitedUser.token);
      const left = await people.place(sessionId, 'co-author');
      await people.act(left, 'POST', `${sessionId}/leave`);
      const removed = await people.place(sessionId, 'viewer');
      await people.act(host, 'DELETE', `${sessionId}/participants/${removed.participantId}`);
      const client = await enter(sessionId, host.token);
      client.edit('the end');
      client.chat('good night');
      await vi.waitUntil(() => !client.hasUnacknowledged, WAIT);
      const ended = heard(client, 'ended');
      await people.act(host, 'DELETE', sessionId);
      await ended;

      const readers = {
        host: host.token,
        member: memberUser.token,
        invited: invitedUser.token,
        guest,
        left: left.token,
      };
      const read = async () => {
        for (const [name, token] of Object.entries(readers)) {
          const session = await people.ask({ token }, 'GET', sessionId);
          expect([kind, name, session]).toEqual([
            kind,
            name,
            { status: 200, body: expect.objectContaining({ code: 'the end', is_active: false }) },
          ]);
          const { status, body } = await people.ask({ token }, 'GET', `${sessionId}/messages`);
          expect([kind, name, status, body]).toEqual([
            kind,
            name,
            200,
            expect.objectContaining({ messages: [expect.objectContaining({ content: 'good night' })] }),
          ]);
          const participants = await people.ask({ token }, 'GET', `${sessionId}/participants`);
          expect([kind, name, participants.status]).toEqual([kind, name, 200]);
        }
      };
      await read();
      expect((await people.ask(removed, 'GET', sessionId)).status).toBe(403);
      const stranger = await people.user('Eve');
      expect((await people.ask(stranger, 'GET', sessionId)).status).toBe(403);
      // Six days later, as far as memberships without an account go by the clock.
      await scene.sql(
        `update anonymous_participants set expires_at = expires_at - interval '6 days' where session_id = $1`,
        [sessionId],
      );
      await stack.control.cron();
      await read();
    }
  });

  it('those who looked in at a public session still may', async () => {
    const host = await people.user('Ada');
    const sessionId = await people.session({ host, code: 'open', isDiscoverable: true });
    const looked = await scene.enter({ sessionId, displayName: 'Zoë' });
    const token = looked.state.payload.token ?? '';
    await people.act(host, 'DELETE', sessionId);
    await scene.sql(`update anonymous_participants set expires_at = now() where session_id = $1`, [
      sessionId,
    ]);
    expect(await people.ask({ token }, 'GET', sessionId)).toMatchObject({
      status: 200,
      body: { code: 'open' },
    });
  });
});
