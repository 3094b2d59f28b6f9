/**
 * What a host owes the rooms, the API and the page: the same tests on each. Everything else is tested on the
 * deployed host only. Rooms say in the log what their host calls them for (test/support/hosts).
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { call } from '../../src/client/sdk/call.ts';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { numberIn, termOf } from '../../src/domain/revision.ts';
import { awaitKnock, knock } from '../../src/protocol/http/coming-in.ts';
import {
  HIDDEN_TIMEOUT_MS,
  MAX_CONNECTIONS_PER_USER,
  MAX_FRAME_BYTES,
  PING_TIMEOUT_MS,
} from '../../src/protocol/index.ts';
import { rev } from './commits.ts';
import { CRASHING, type RoomEvent, readRoomEvents, UNRESERVED } from './hosts/room-event.ts';
import { People } from './people.ts';
import { RawClient, RefusedError } from './raw-client.ts';
import { Scene } from './session.ts';
import { type Stack, startStack } from './stack.ts';
import { PATIENCE_MS, WAIT } from './wait.ts';

/** Whether a revision is of another term than the session's first. */
const isOfLaterTerm = (revision: number) => termOf(revision) > 1;

/** Longer than a room without connections stays in memory, so that its alarm finds none. */
const ALARM_MS = 30_000;
const BY_ALARM = { timeout: ALARM_MS + PATIENCE_MS, interval: 200 };
/**
 * Rooms sleep after ten quiet seconds and a little. A try that came too early keeps its room awake: the next
 * one leaves it alone for longer.
 */
const IDLE_TRIES_MS = [16_000, 25_000, 40_000];

/** What isn't the same on all hosts. */
export interface HostTraits {
  host: 'partyserver' | 'partykit';
  /** Alarms outlive the process that set them. */
  keepsAlarms: boolean;
  /** What becomes of what a killed process had acknowledged, in words. */
  afterKill: string;
  /** Serves the page with the headers of `_headers`. */
  sendsPageHeaders: boolean;
}

/** The tests of one host. Each has a file of its own, so that they wait beside each other. */
export function hostContract({ host, keepsAlarms, afterKill, sendsPageHeaders }: HostTraits): void {
  let stack: Stack;
  let scene: Scene;
  let people: People;

  beforeAll(async () => {
    stack = await startStack(
      // One dirty session is enough for a sweep.
      { FLUSH_ALARM_MS: String(ALARM_MS), SWEEP_ABOVE_SESSIONS: '1' },
      [`--host=${host}`, `--entry=test/support/hosts/${host}.ts`],
    );
    scene = new Scene(stack);
    people = new People(stack, scene);
  });
  afterEach(() => scene.leave());
  afterAll(async () => {
    await scene?.end();
    await stack?.stop();
  });

  const eventsOf = (room: string) => readRoomEvents(stack.logs()).filter(({ object }) => object === room);
  const namesOf = (room: string) =>
    eventsOf(room).map(({ event, path }) => (path ? `${event} ${path}` : event));

  /** The first event of a room that the log hasn't named before: `act` is what makes it start. */
  async function newRoom<T>(act: () => Promise<T>): Promise<[room: string, result: T]> {
    const known = new Set(readRoomEvents(stack.logs()).map(({ object }) => object));
    const result = await act();
    const isNew = ({ object }: RoomEvent) => !known.has(object);
    const event = await vi.waitUntil(() => readRoomEvents(stack.logs()).find(isNew), WAIT);
    return [event.object, result];
  }

  /** A new session with its host in it. */
  async function arrange(code = '') {
    const [room, { id, token }] = await newRoom(() => scene.session({ code }));
    const ada = await scene.join(id, 'host', { token });
    return { id, token, room, ada };
  }

  /** A new session with an edit that isn't in Postgres, and nobody in it. */
  async function arrangeDirty() {
    const [room, { id, token }] = await newRoom(() => scene.session());
    await api('PUT', `/sessions/${id}`, token, { code: 'by nobody here' });
    expect(await scene.isDirty(id)).toBe(true);
    return { id, token, room };
  }

  const isSaved = (id: string, code: string) => async () => (await scene.stored(id))?.code === code;

  async function api(method: string, path: string, token: string, body?: object): Promise<unknown> {
    const response = await fetch(new URL(`/api/v1${path}`, stack.url), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect([method, path, response.status, text]).toEqual([method, path, expect.toSatisfy(isSuccess), text]);
    return text === '' ? null : JSON.parse(text);
  }

  /** As a browser does that is sent to an address; `fetch` can't say so. */
  function navigate(path: string): Promise<{ status: number; type: string; policy: string; body: string }> {
    const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' };
    return new Promise((resolve, reject) => {
      get(new URL(path, stack.url), { headers }, async (response) => {
        let body = '';
        for await (const chunk of response.setEncoding('utf8')) body += chunk;
        const { 'content-type': type = '', 'content-security-policy': policy = '' } = response.headers;
        resolve({ status: response.statusCode ?? 0, type, policy: String(policy), body });
      }).on('error', reject);
    });
  }

  const refusalOf = async (options: { sessionId: string; token?: string; connectionId?: string }) => {
    const failure: unknown = await RawClient.connect({ roomUrl: stack.url, ...options }).catch(
      (error: unknown) => error,
    );
    if (!(failure instanceof RefusedError)) throw new Error(`not refused: ${String(failure)}`);
    return [failure.status, refusalSchema.parse(JSON.parse(failure.body)).error];
  };

  // First: nothing that an earlier test left behind may ask the stores for anything.
  it(
    'a connection whose client is gone is closed in time by a room that sleeps, and a page in the background is asked',
    async () => {
      const { id, room, ada } = await arrange();
      const hidden = await scene.join(id, 'co-author', { edits: 'changes' });
      hidden.send('ping', { hidden: true });
      await ada.next('user_joined');
      await scene.quiet();
      const gone = await scene.join(id, 'viewer');
      gone.freeze();
      const joinedMs = Date.now();
      await scene.quiet();
      const before = await scene.counters();
      const awake = eventsOf(room).at(-1)?.instance;
      const pings = setInterval(() => ada.send('ping'), 20_000);
      try {
        const left = () => ada.all('user_left').length;
        await vi.waitUntil(() => left() === 1, { timeout: PING_TIMEOUT_MS + 10_000, interval: 20 });
        const silentMs = Date.now() - joinedMs;
        // When it was heard is known to the second.
        expect([silentMs > PING_TIMEOUT_MS - 2_000, silentMs < PING_TIMEOUT_MS + 3_000, silentMs]).toEqual([
          true,
          true,
          silentMs,
        ]);
        expect(await scene.counters()).toEqual(before);
        expect(eventsOf(room).at(-1)?.instance).not.toBe(awake);
        await vi.waitUntil(() => hidden.all('ping').length === 1, {
          timeout: HIDDEN_TIMEOUT_MS - PING_TIMEOUT_MS,
          interval: 200,
        });
        hidden.send('pong');
        await hidden.roundTrip();
        expect(hidden.all('error')).toEqual([]);
      } finally {
        clearInterval(pings);
      }
    },
    HIDDEN_TIMEOUT_MS + 60_000,
  );

  it(
    'an idle room sleeps with its connections open: its memory is gone, a ping costs no request to a store, and all goes on',
    async () => {
      const { id, token, room, ada } = await arrange('start');
      const ben = await scene.join(id, 'co-author');
      const gone = await arrange();
      await scene.quiet();
      const clients = [ada, ben, gone.ada];
      const instances = () => [room, gone.room].map((of) => eventsOf(of).at(-1)?.instance);
      const awake = instances();
      const messages = () => readRoomEvents(stack.logs()).filter(({ event }) => event === 'message').length;

      for (const idleMs of IDLE_TRIES_MS) {
        const seen = messages();
        // Real idle time: whoever asked a room whether it sleeps would wake it.
        await sleep(idleMs);
        const before = await scene.counters();
        await Promise.all(clients.map((client) => client.roundTrip()));
        expect(await scene.counters()).toEqual(before);
        await vi.waitUntil(() => messages() === seen + clients.length, WAIT);
        if (instances().every((instance, i) => instance !== awake[i])) break;
      }
      for (const [i, instance] of instances().entries()) expect(instance).not.toBe(awake[i]);

      // Who they are was in the sockets' attachments; the session is loaded anew.
      await ben.edit('awake', 'r1');
      expect((await ada.next('code_update')).payload).toMatchObject({
        code: 'awake',
        rev: expect.toSatisfy(isOfLaterTerm),
        role: 'co-author',
        display_name: 'co-author',
      });
      const cleo = await scene.join(id, 'viewer');
      expect(cleo.state.payload).toMatchObject({ code: 'awake', rev: expect.toSatisfy(isOfLaterTerm) });
      expect(cleo.state.payload.participants.map(({ role }) => role).sort()).toEqual([
        'co-author',
        'host',
        'viewer',
      ]);
      await ada.next('user_joined', ({ role }) => role === 'viewer');
      // The count of broadcasts goes on, too: the room noted it before it slept. Some aren't for her.
      const seqs = ada.broadcastSeqs();
      expect(seqs.length).toBeGreaterThan(2);
      expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
      await api('DELETE', `/sessions/${id}`, token);
      expect(await ben.sentAway()).toMatchObject({ code: 1000 });

      // A session that was deleted meanwhile isn't there any more for a room that has to load it.
      await scene.sql('delete from sessions where id = $1', [gone.id]);
      await scene.redis('DEL', scene.key(`s:${gone.id}`));
      gone.ada.send('code_update', { code: 'into nothing', request_id: 'r1' });
      expect(await gone.ada.sentAway()).toMatchObject({ code: 4404 });
    },
    IDLE_TRIES_MS.reduce((sum, idleMs) => sum + idleMs, 60_000),
  );

  it('serves the page and the API at one address, also where a browser navigates', async () => {
    const page = await navigate('/');
    expect([page.status, page.type]).toEqual([200, expect.stringContaining('text/html')]);
    expect(page.body).toContain('<title>Backbeat</title>');
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page.body)?.[1] ?? '';
    const asset = await fetch(new URL(script, stack.url));
    expect([asset.status, asset.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('javascript'),
    ]);
    // Everywhere the page itself has the policy; what only a header can say needs a host that sends it.
    expect(page.body).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none'`);
    if (sendsPageHeaders) expect(page.policy).toContain("frame-ancestors 'none'");

    const admin = await navigate('/admin');
    expect([admin.status, admin.type]).toEqual([200, expect.stringContaining('text/html')]);
    expect(admin.body).toContain('<title>Backbeat: operation</title>');
    expect(admin.body).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none'`);
    expect(admin.policy).toContain("frame-ancestors 'none'");

    const statuses: Record<string, number> = {
      '/health': 200,
      '/metrics': 401,
      '/docs': 200,
      '/api/v1/openapi.json': 200,
      '/api/v1/nothing': 404,
      '/api/v1/ws': 426,
      [`/parties/main/${randomUUID()}`]: 404,
      '/parties/main/nonsense': 400,
      '/parties/other/nonsense': 404,
      '/flush/dead': 401,
      '/flush': 401,
      '/live': 200,
      '/auth/nothing': 404,
      '/admin/nothing': 404,
      '/admin/status': 401,
    };
    const answers: Record<string, number> = {};
    for (const path of Object.keys(statuses)) {
      const { status, body } = await navigate(path);
      answers[path] = status;
      expect([path, body]).not.toEqual([path, page.body]);
    }
    expect(answers).toEqual(statuses);
  });

  it('serves the page at an address of a session, with what is shown of a public one', async () => {
    const host = await people.user('Ana');
    const shown = await people.session({ host, isDiscoverable: true });
    const hidden = await people.session({ host });
    const ofPublic = () => navigate(`/s/${shown}`);
    const title = '<title>A jam of Ana’s on Backbeat</title>';
    await vi.waitUntil(async () => (await ofPublic()).body.includes(title), WAIT);
    const pages = [await ofPublic(), await navigate(`/s/${hidden}`), await navigate(`/s/${randomUUID()}`)];
    for (const { status, type, policy, body } of pages) {
      expect([status, type]).toEqual([200, expect.stringContaining('text/html')]);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(body).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none'`);
      const [, picture = ''] = /property="og:image" content="([^"]+)"/.exec(body) ?? [];
      const image = await fetch(picture);
      expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/png']);
    }
    expect(pages[1]).toEqual(pages[2]);
    expect(pages[2]?.body).toContain('<title>Backbeat</title>');
  });

  it('the AI is asked without a room: by an object, or in this one', async () => {
    for (const path of ['generate', 'generate/stream']) {
      const response = await fetch(new URL(`/api/v1/agent/${path}`, stack.url), {
        method: 'POST',
        body: JSON.stringify({ user_query: 'a beat', editor_state: '', session_id: randomUUID() }),
      });
      // There is no key here.
      expect([response.status, await response.json()]).toEqual([
        503,
        { error: 'ai_unavailable', message: expect.stringContaining('not set up') },
      ]);
    }
  });

  it('a client that closes without a code hears goodbye at once', async () => {
    const { id, token } = await scene.session();
    const address = `${stack.roomUrl.replace(/^http/, 'ws')}/parties/main/${id}?token=${token}`;
    const socket = new WebSocket(address);
    await once(socket, 'message');
    const closed = once(socket, 'close');
    socket.close();
    expect((await closed)[0]).toBe(1000);
  });

  it('a host is asked by a caller who waits outside, and lets them in', async () => {
    const { id, token } = await scene.session();
    const host = new SessionClient({ url: stack.url, sessionId: id, token, WebSocket });
    try {
      await vi.waitUntil(() => host.snapshot.role === 'host', WAIT);
      const asked = { params: { id }, body: { display_name: 'Eve' }, origin: stack.url };
      const { knock_id, token: knockToken } = await call(knock, asked);
      const waiting = call(awaitKnock, { params: { id, knock_id }, token: knockToken, origin: stack.url });
      await vi.waitUntil(() => host.snapshot.knocks.length === 1, WAIT);
      await host.answerKnock(knock_id, { role: 'viewer' });
      const state = await waiting;
      expect(state).toMatchObject({ status: 'admitted', role: 'viewer', display_name: 'Eve' });
      if (state.status !== 'admitted') return;
      const eve = await scene.join(id, 'viewer', { token: state.token });
      expect(eve.state.payload.your_display_name).toBe('Eve');
    } finally {
      host.close();
    }
  });

  it('a room is joined, edited, acknowledged, shown and flushed; a join asks it once before the upgrade', async () => {
    const { id, room, ada } = await arrange('start');
    expect(ada.state.payload).toMatchObject({ code: 'start', rev: 0, your_role: 'host' });
    await vi.waitUntil(() => namesOf(room).includes('connect'), WAIT);
    expect(namesOf(room)).toEqual([MADE, 'request /reserve', 'connect']);
    const ben = await scene.join(id, 'co-author');
    expect((await ada.next('user_joined')).payload).toMatchObject({ role: 'co-author' });
    expect((await ada.edit('s("bd")', 'r1')).payload).toMatchObject({ rev: rev(1), durable: 'buffer' });
    expect((await ben.next('code_update')).payload).toMatchObject({
      code: 's("bd")',
      rev: rev(1),
      role: 'host',
    });
    ben.send('chat_message', { message: 'hello' });
    expect((await ada.next('chat_message')).payload.message).toBe('hello');
    await ben.roundTrip();
    expect(await scene.isDirty(id)).toBe(true);

    // Whoever leaves has the session flushed, in this process, and the others are told.
    await ben.close();
    expect((await ada.next('user_left')).payload.role).toBe('co-author');
    await ada.next('flushed', (flushed) => flushed.rev === rev(1));
    expect(await scene.stored(id)).toMatchObject({ code: 's("bd")', rev: rev(1), messages: ['hello'] });
    await vi.waitUntil(async () => !(await scene.isDirty(id)), WAIT);
    expect(namesOf(room)).not.toContain('alarm');
  });

  it('what is played becomes a version, compressed by what this platform has for that', async () => {
    const { id, token } = await scene.session();
    const ada = await scene.join(id, 'host', { token, edits: 'changes' });
    ada.send('play', { code: 's("bd*2")' });
    const { payload } = await ada.next('version');
    expect(await api('GET', `/sessions/${id}/versions/${payload.number}`, token)).toMatchObject({
      cause: 'played',
      code: 's("bd*2")',
    });
  });

  it('a connection that is cut has left', async () => {
    const { id, ada } = await arrange();
    const ben = await scene.join(id, 'viewer');
    await ada.next('user_joined');
    ben.terminate();
    expect((await ada.next('user_left')).payload.role).toBe('viewer');
  });

  it('who may not enter is told before the upgrade, by a status and a reason', async () => {
    const { id, token, room } = await arrange();
    await vi.waitUntil(() => namesOf(room).length === 3, WAIT);
    const ended = await scene.session();
    await api('DELETE', `/sessions/${ended.id}`, ended.token);
    const nowhere = randomUUID();
    const removed = await people.place(id, 'viewer');
    await people.remove(removed);
    expect(await refusalOf({ sessionId: id })).toEqual([401, 'unauthorized']);
    expect(await refusalOf({ sessionId: id, token: 'x.y.z' })).toEqual([401, 'unauthorized']);
    expect(await refusalOf({ sessionId: id, token: ended.token })).toEqual([403, 'forbidden']);
    expect(await refusalOf({ sessionId: id, token: removed.token })).toEqual([403, 'forbidden']);
    expect(await refusalOf({ sessionId: id, token, connectionId: 'a b' })).toEqual([400, 'bad_request']);
    expect(await refusalOf({ sessionId: nowhere, token: await scene.token(nowhere, 'host') })).toEqual([
      404,
      'not_found',
    ]);
    expect(await refusalOf({ sessionId: ended.id, token: ended.token })).toEqual([410, 'not_found']);
    // Nobody of them got as far as the room.
    expect(namesOf(room)).toEqual([MADE, 'request /reserve', 'connect']);
    for (let i = 1; i < MAX_CONNECTIONS_PER_USER; i++) await scene.join(id, 'host', { token });
    expect(await refusalOf({ sessionId: id, token })).toEqual([429, 'too_many_requests']);
    await vi.waitUntil(() => namesOf(room).length === 2 * MAX_CONNECTIONS_PER_USER + 2, WAIT);
    expect(namesOf(room).filter((name) => name === 'connect')).toHaveLength(MAX_CONNECTIONS_PER_USER);
  });

  it('what the API changes reaches the connections that are open: a role, a removal, the end', async () => {
    const { id, token, ada } = await arrange();
    const ben = await people.place(id, 'viewer');
    const viewer = await scene.join(id, 'viewer', { token: ben.token });
    await api('PATCH', `/sessions/${id}/participants/${ben.participantId}`, token, { role: 'co-author' });
    await viewer.next('session_state', ({ your_role }) => your_role === 'co-author');
    await viewer.edit('by Ben', 'r1');
    await api('DELETE', `/sessions/${id}/participants/${ben.participantId}`, token);
    await viewer.next('error', ({ error }) => error === 'forbidden');
    expect(await viewer.sentAway()).toMatchObject({ code: 4403 });
    await ada.next('user_left', ({ participant_id }) => participant_id === ben.participantId);
    await api('DELETE', `/sessions/${id}`, token);
    await ada.next('session_ended');
    expect(await ada.sentAway()).toMatchObject({ code: 1000, reason: 'session ended' });
    await vi.waitUntil(isSaved(id, 'by Ben'), WAIT);
  });

  it('a connection is closed with the code that says why', async () => {
    const { id, token, ada } = await arrange();
    const big = await scene.join(id, 'co-author');
    big.sendFrame('x'.repeat(MAX_FRAME_BYTES + 1));
    await big.next('error', ({ error }) => error === 'validation_error');
    expect(await big.sentAway()).toMatchObject({ code: 1009 });

    const connectionId = randomUUID();
    const first = await scene.join(id, 'host', { token, connectionId });
    const second = await scene.join(id, 'host', { token, connectionId });
    expect(await first.sentAway()).toMatchObject({ code: 1000, reason: 'replaced' });
    await second.roundTrip();

    const unreserved = { sessionId: id, token, connectionId: `${UNRESERVED}${randomUUID()}` };
    const early = await RawClient.connect({ roomUrl: stack.url, ...unreserved });
    expect(await early.sentAway()).toMatchObject({ code: 1013, reason: 'not admitted' });

    // What another room does first: it registers a greater term.
    await scene.redis('HSET', scene.key(`s:${id}`), 'term', '1000');
    ada.send('code_update', { code: 'of the zombie', request_id: 'r1' });
    await ada.next('server_shutdown');
    expect(await ada.sentAway()).toMatchObject({ code: 1012 });
    const back = await scene.join(id, 'host', { token });
    expect((await back.edit('of the zombie', 'r1')).payload.rev).toBe(numberIn(1_001, 1));
  });

  it(
    'the alarm of a dirty room flushes it, in a new instance, with nobody in it or with somebody who sleeps, and without the cron',
    async () => {
      const { id, room } = await arrangeDirty();
      const other = await arrange();
      await other.ada.edit('x', 'r1');
      const before = [room, other.room].map((of) => eventsOf(of)[0]?.instance);
      await Promise.all([
        vi.waitUntil(isSaved(id, 'by nobody here'), BY_ALARM),
        vi.waitUntil(isSaved(other.id, 'x'), BY_ALARM),
      ]);
      await other.ada.next('flushed', (flushed) => flushed.rev === rev(1));
      for (const [i, of] of [room, other.room].entries()) {
        const alarm = eventsOf(of).find(({ event }) => event === 'alarm');
        expect(alarm?.instance).toEqual(expect.any(String));
        expect(alarm?.instance).not.toBe(before[i]);
      }
      await vi.waitUntil(async () => !(await scene.isDirty(id)) && !(await scene.isDirty(other.id)), WAIT);
    },
    BY_ALARM.timeout + 30_000,
  );

  it(
    'an instance that is killed takes its connections with it, but nothing that was acknowledged; its alarm fires in the next one',
    async () => {
      const { id, token, room } = await arrangeDirty();
      const other = await arrange();
      await other.ada.edit('x', 'r1');
      for (const session of [{ id, token }, other]) {
        const connectionId = `${CRASHING}${randomUUID()}`;
        const crash = await RawClient.connect({
          roomUrl: stack.url,
          sessionId: session.id,
          token: session.token,
          connectionId,
        }).catch(() => null);
        await crash?.sentAway();
      }
      expect((await other.ada.sentAway()).code).toBeOneOf([1006, 1011, 1012]);
      const back = await scene.join(other.id, 'host', { token: other.token });
      expect(back.state.payload).toMatchObject({ code: 'x', rev: rev(1) });
      await vi.waitUntil(isSaved(id, 'by nobody here'), BY_ALARM);
      expect(namesOf(room)).toEqual([MADE, 'request /command', 'request /reserve', 'connect', 'alarm']);
      const instances = eventsOf(room).map(({ instance }) => instance);
      expect(instances.at(-1)).not.toBe(instances.at(-2));
    },
    BY_ALARM.timeout + 30_000,
  );

  it(
    afterKill,
    async () => {
      const [left, joined] = [await arrangeDirty(), await arrangeDirty()];
      await stack.control.kill('room');
      await stack.control.start('room');
      if (keepsAlarms) {
        await vi.waitUntil(isSaved(left.id, 'by nobody here'), BY_ALARM);
        expect(namesOf(left.room)).toEqual([MADE, 'request /command', 'alarm']);
      }
      // Whoever joins a session that was left dirty has it flushed, by an alarm that this
      // sets if there is none.
      const ada = await scene.join(joined.id);
      expect(ada.state.payload.code).toBe('by nobody here');
      await vi.waitUntil(isSaved(joined.id, 'by nobody here'), BY_ALARM);
      if (!keepsAlarms) {
        expect(await scene.isDirty(left.id)).toBe(true);
        expect(namesOf(left.room)).not.toContain('alarm');
        await stack.control.cron();
        expect(await scene.stored(left.id)).toMatchObject({ code: 'by nobody here' });
      }
    },
    2 * BY_ALARM.timeout + 60_000,
  );

  it('the cron sweeps what is dirty, before the rooms do it themselves', async () => {
    const { id, room } = await arrangeDirty();
    await stack.control.cron();
    expect(await scene.stored(id)).toMatchObject({ code: 'by nobody here', rev: rev(1) });
    expect(await scene.isDirty(id)).toBe(false);
    expect(namesOf(room)).toEqual([MADE, 'request /command']);
  });
}

/** The first event of a room: the API tells it that its session was made. */
const MADE = 'request /command';
const refusalSchema = z.object({ error: z.string() });
const isSuccess = (status: number) => status >= 200 && status < 300;
