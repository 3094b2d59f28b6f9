/**
 * A client that is built from the documents alone: plain `fetch` and WebSockets, whole texts, no session
 * token, nothing of this project's own client. It does what the page can.
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import { type Github, startGithub } from '../support/github.ts';
import { CookieJar } from '../support/sign-in-browser.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { PATIENCE_MS } from '../support/wait.ts';

let provider: AiProvider;
let github: Github;
let stack: Stack;
beforeAll(async () => {
  [provider, github] = await Promise.all([startAiProvider(), startGithub()]);
  stack = await startStack({
    GITHUB_URL: github.url,
    GITHUB_API_URL: `${github.url}/api/v3`,
    GITHUB_CLIENT_ID: github.client.id,
    GITHUB_CLIENT_SECRET: github.client.secret,
    AI_PROVIDER: '',
    ANTHROPIC_API_KEY: 'sk-of-the-server',
    ANTHROPIC_BASE_URL: provider.url,
  });
});
afterAll(async () => {
  await stack?.stop();
  await provider?.stop();
  await github?.stop();
});

// biome-ignore lint/suspicious/noExplicitAny: such a client reads fields by their names.
type Json = any;

/** A token as an older service signed it: the user's id, and no subject. */
const signIn = (name: string) =>
  new SignJWT({ user_id: randomUUID(), name, email: `${name}@example.org` })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(stack.jwtSecret));

/** The HTTP API as one person uses it. */
function apiOf(token: string | null) {
  return async (method: string, path: string, body?: object): Promise<Json> => {
    const response = await fetch(`${stack.url}/api/v1${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    const reply = text === '' ? {} : JSON.parse(text);
    if (!response.ok) throw Object.assign(new Error(reply.message), { status: response.status });
    return reply;
  };
}

/** One WebSocket: sends what it is told, and shows the first frame that fits. */
class Client {
  readonly frames: Json[] = [];
  /** The text as this client shows it. */
  code = '';
  sessionId: string | null = null;
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  readonly #checks = new Set<() => void>();

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.on('close', (code) => resolve(code)));
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data));
      this.frames.push(frame);
      if (frame.type === 'session_state' || frame.type === 'code_update') this.code = frame.payload.code;
      if (frame.type === 'session_state') this.sessionId = frame.session_id;
      for (const check of this.#checks) check();
    });
  }

  static async open(query: Record<string, string>): Promise<Client> {
    const address = new URL('/api/v1/ws', stack.url.replace(/^http/, 'ws'));
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
    const socket = new WebSocket(address);
    const client = new Client(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    await client.next('session_state');
    return client;
  }

  send(type: string, payload: object = {}): void {
    // It names its session only once it knows it.
    const { sessionId: session_id } = this;
    this.#socket.send(JSON.stringify({ type, session_id, timestamp: new Date().toISOString(), payload }));
  }

  type(code: string): void {
    this.code = code;
    this.send('code_update', { code, cursor_line: 1, cursor_col: 0, source: 'typed' });
  }

  next(type: string, fits: (payload: Json) => boolean = () => true): Promise<Json> {
    const find = () => this.frames.find((frame) => frame.type === type && fits(frame.payload))?.payload;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seen = this.frames.map((frame) => frame.type).join(', ');
        reject(new Error(`no ${type} came; there were ${seen}`));
      }, PATIENCE_MS);
      const check = () => {
        const found = find();
        if (found === undefined) return;
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve(found);
      };
      this.#checks.add(check);
      check();
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** Reads server-sent events to the end. */
async function streamOf(response: Response): Promise<Json[]> {
  const text = await response.text();
  return text.split('\n\n').flatMap((event) => {
    return event.startsWith('data: ') ? [JSON.parse(event.slice(6))] : [];
  });
}

it('a client from the documents alone plays a whole evening', async () => {
  const token = await signIn('ada');
  const ada = apiOf(token);
  const anyone = apiOf(null);

  // A session, and who comes.
  const session = await ada('POST', '/sessions', { title: 'Evening', code: 's("bd")' });
  const { token: invite } = await ada('POST', `/sessions/${session.id}/invite`, { role: 'co-author' });
  const host = await Client.open({ session_id: session.id, token });
  expect(host.frames[0].payload).toMatchObject({ your_role: 'host', code: 's("bd")' });
  const joined = await anyone('POST', '/sessions/join', { invite_token: invite });
  expect(joined).toMatchObject({
    session_id: session.id,
    role: 'co-author',
    display_name: 'Anonymous co-author',
  });
  const guest = await Client.open({ session_id: session.id, invite });
  const { your_display_name: guestName } = guest.frames[0].payload;
  expect(guestName).toBe('Anonymous co-author');
  await host.next('user_joined', ({ display_name }) => display_name === guestName);

  // Whole texts of two people, the first frames before the session's id is known.
  guest.sessionId = null;
  guest.type('s("bd sd")');
  await host.next('code_update', ({ code }) => code === 's("bd sd")');
  host.type('s("bd sd").fast(2)');
  await guest.next('code_update', ({ code }) => code === 's("bd sd").fast(2)');
  guest.send('cursor_position', { line: 1, col: 3 });
  await host.next('cursor_position', ({ col }) => col === 3);
  host.send('play');
  await guest.next('play');
  guest.send('chat_message', { message: 'faster!' });
  for (const client of [host, guest]) {
    expect(await client.next('chat_message')).toMatchObject({ message: 'faster!', display_name: guestName });
  }

  // The AI, in the session and without one.
  provider.answer('```strudel\ns("bd*8")\n```');
  host.send('agent_request', {
    user_query: 'eight of them',
    request_id: 'q1',
    editor_state: host.code,
    conversation_history: null,
    provider: '',
    provider_api_key: '',
  });
  expect(await guest.next('agent_response')).toMatchObject({ code: 's("bd*8")', is_code_response: true });
  await host.next('code_update', ({ code }) => code === 's("bd*8")');
  const { message_id: answerId } = await host.next('agent_response');
  await host.next('ack', ({ message_id }) => message_id === answerId);
  provider.answer('```strudel\ns("hh*8")\n```');
  const question = { user_query: 'hats', editor_state: host.code, session_id: session.id };
  expect(await anyone('POST', '/agent/generate', question)).toMatchObject({ code: 's("hh*8")' });
  provider.answer('It plays ', 'eight beats.');
  const events = await streamOf(
    await fetch(`${stack.url}/api/v1/agent/generate/stream`, {
      method: 'POST',
      body: JSON.stringify({ ...question, user_query: 'what is it?' }),
    }),
  );
  const pieces = events.filter(({ type }) => type === 'chunk').map(({ content }) => content);
  expect([events[0].type, pieces.join('')]).toEqual(['refs', 'It plays eight beats.']);
  expect(events.at(-1)).toMatchObject({ type: 'done', is_code_response: false, model: expect.any(String) });

  // What was said, and what the session is now.
  const read = await ada('GET', `/sessions/${session.id}`);
  expect(read).toMatchObject({ code: 's("bd*8")', is_active: true });
  expect(read.participants.map(({ role }: Json) => role).sort()).toEqual(['co-author', 'co-author', 'host']);
  const { messages } = await ada('GET', `/sessions/${session.id}/messages?limit=50`);
  expect(messages.map(({ messageType, content }: Json) => [messageType, content])).toEqual([
    ['chat', 'faster!'],
    ['user_prompt', 'eight of them'],
    ['ai_response', 's("bd*8")'],
  ]);

  // A strudel, found by others, forked, and loaded into the session.
  const saved = await ada('POST', '/strudels', {
    title: 'Eight beats',
    code: host.code,
    description: '',
    tags: ['techno'],
    is_public: true,
    license: 'CC BY 4.0',
    cc_signal: 'cc-cr',
    conversation_history: [{ role: 'user', content: 'eight of them' }],
  });
  const found = await anyone('GET', '/public/strudels?limit=20&offset=0&search=eight&tags=techno');
  expect(found.strudels).toMatchObject([{ id: saved.id, author_name: 'ada', cc_signal: 'cc-cr' }]);
  expect((await anyone('GET', '/public/strudels/tags')).tags).toEqual(['techno']);
  const ben = apiOf(await signIn('ben'));
  const parent = await ben('GET', `/public/strudels/${saved.id}`);
  const fork = await ben('POST', '/strudels', { title: 'Mine', code: parent.code, forked_from: parent.id });
  expect(fork).toMatchObject({ forked_from: saved.id, parent_cc_signal: 'cc-cr', author_name: 'ben' });
  guest.send('switch_strudel', { strudel_id: saved.id, request_id: 's1' });
  await guest.next('session_state', ({ request_id }) => request_id === 's1');
  await host.next('code_update', ({ source }) => source === 'loaded_strudel');
  const { stats } = await anyone('GET', `/public/strudels/${saved.id}/stats`);
  expect(stats).toMatchObject({ total_uses: 1, fork_count: 1, last_used_at: expect.any(String) });

  // The end of the live part: the guest hears it, and the host goes on.
  const status = () => ada('GET', `/sessions/${session.id}/live-status`);
  await vi.waitUntil(async () => (await status()).participant_count === 2, { timeout: PATIENCE_MS });
  expect(await status()).toMatchObject({ is_live: true, has_active_invite_tokens: true });
  const ended = await ada('POST', `/sessions/${session.id}/end-live`);
  expect(ended).toEqual({ message: expect.any(String), participants_kicked: 1, invites_revoked: 1 });
  expect(await guest.next('session_ended')).toMatchObject({ reason: 'the live session is over' });
  guest.close();
  expect(await guest.closed).toBe(1000);
  host.type('// alone');
  await host.next('ack');
  expect((await ada('GET', '/sessions/last')).id).toBe(session.id);
  expect(await ada('POST', `/sessions/${session.id}/leave`)).toEqual({ message: expect.any(String) });
  await ada('DELETE', `/sessions/${session.id}`);
  await host.next('session_ended');
  host.close();
  expect((await ada('GET', '/sessions?active_only=true')).sessions).toEqual([]);
  await expect(ada('PUT', `/sessions/${session.id}`, { code: 'x' })).rejects.toMatchObject({ status: 410 });
});

it('such a client goes back in time: versions are listed, read and restored', async () => {
  const ada = apiOf(await signIn('ada'));
  const session = await ada('POST', '/sessions', { title: 'History', code: 's("bd")' });
  const host = await Client.open({ session_id: session.id, token: session.token });
  host.type('s("bd sd")');
  await host.next('ack');
  // An evaluation makes a version of what plays.
  host.send('play', { code: 's("bd sd")', request_id: 'p1' });
  await host.next('transport', ({ playing }) => playing);
  const list = () => ada('GET', `/sessions/${session.id}/versions?limit=10&offset=0`);
  await vi.waitUntil(async () => (await list()).versions.some(({ cause }: Json) => cause === 'played'), {
    timeout: PATIENCE_MS,
  });
  const { versions, pagination } = await list();
  expect(pagination).toMatchObject({ limit: 10, offset: 0, has_more: false });
  // Newest first.
  const [newest] = versions;
  expect(newest).toMatchObject({ cause: 'played', display_name: 'ada', number: expect.any(Number) });
  const path = `/sessions/${session.id}/versions/${newest.number}`;
  expect(await ada('GET', path)).toMatchObject({ code: 's("bd sd")' });
  host.type('// a mistake');
  await host.next('ack', ({ rev }) => rev > newest.rev);
  await ada('POST', `${path}/restore`);
  expect(await host.next('code_update', ({ source }) => source === 'restored')).toMatchObject({
    code: 's("bd sd")',
  });
  expect((await ada('GET', `/sessions/${session.id}`)).code).toBe('s("bd sd")');
  await expect(apiOf(null)('GET', path)).rejects.toMatchObject({ status: 401 });
  host.close();
});

it('such a client asks to be let in, by one whom a host of changes lets in', async () => {
  const token = await signIn('ada');
  const ada = apiOf(token);
  const session = await ada('POST', '/sessions', { title: 'Private', code: 's("hh")' });
  const knocks = `/sessions/${session.id}/knocks`;
  const eve = apiOf(null);
  // Nobody is there to hear it.
  await expect(eve('POST', knocks, { display_name: 'Eve' })).rejects.toMatchObject({ status: 409 });
  // Knocks are for hosts that asked for changes.
  const host = await Client.open({ session_id: session.id, token, edits: 'changes' });
  const knock = async () => {
    const made = await eve('POST', knocks, { display_name: 'Eve' });
    return { ...made, wait: () => apiOf(made.token)('GET', `${knocks}/${made.knock_id}?wait_s=20`) };
  };
  const refused = await knock();
  expect(await host.next('knock')).toMatchObject({ knock_id: refused.knock_id, display_name: 'Eve' });
  host.send('answer_knock', { knock_id: refused.knock_id, refused: true });
  expect(await refused.wait()).toEqual({ status: 'refused' });
  const asked = await knock();
  await host.next('knock', ({ knock_id }) => knock_id === asked.knock_id);
  const answer = asked.wait();
  host.send('answer_knock', { knock_id: asked.knock_id, role: 'co-author', request_id: 'k1' });
  const letIn = await answer;
  expect(letIn).toMatchObject({ status: 'admitted', session_id: session.id, role: 'co-author' });
  await host.next('knock_answered', ({ outcome }) => outcome === 'admitted');
  const guest = await Client.open({ session_id: session.id, token: letIn.token });
  expect(guest.frames[0].payload).toMatchObject({ your_role: 'co-author', code: 's("hh")' });
  // One who doesn't want to wait any more says so.
  const given = await knock();
  await apiOf(given.token)('DELETE', `${knocks}/${given.knock_id}`);
  await host.next('knock_answered', ({ outcome }) => outcome === 'withdrawn');
  for (const client of [host, guest]) client.close();
});

it('such a client keeps time with the others, and reads what was said page by page', async () => {
  const ada = apiOf(await signIn('ada'));
  const session = await ada('POST', '/sessions', { title: 'Beat', code: 's("bd")' });
  const { token: invite } = await ada('POST', `/sessions/${session.id}/invite`, { role: 'viewer' });
  const host = await Client.open({ session_id: session.id, token: session.token });
  host.send('ping', { request_id: 't1' });
  const { now } = await host.next('pong', ({ request_id }) => request_id === 't1');
  expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  host.send('play', { code: 's("bd*2")', cps: 0.5, since: now });
  const playing = await host.next('transport', (transport) => transport.playing);
  expect(playing).toMatchObject({ code: 's("bd*2")', cps: 0.5, by: 'ada', cycle: expect.any(Number) });
  // Who comes later is told, and finds the same place in it.
  const guest = await Client.open({ session_id: session.id, invite });
  expect(guest.frames[0].payload.transport).toEqual(playing);
  const cycleAt = (t: number) => playing.cycle + ((t - playing.since) / 1000) * playing.cps;
  expect(cycleAt(playing.since + 4_000)).toBeCloseTo(playing.cycle + 2);
  host.send('stop');
  expect(await guest.next('transport', (transport) => !transport.playing)).toBeDefined();

  for (let i = 1; i <= 5; i++) {
    const id = randomUUID();
    guest.send('chat_message', { message: `m${i}`, id });
    // Again under the same id: it has no second effect.
    if (i === 3) guest.send('chat_message', { message: `m${i}`, id });
    await guest.next('ack', ({ message_id }) => message_id === id);
  }
  const page = (query: string) => ada('GET', `/sessions/${session.id}/messages?limit=2&type=chat${query}`);
  const texts = ({ messages }: Json) => messages.map(({ content }: Json) => content);
  const newest = await page('');
  expect(texts(newest)).toEqual(['m4', 'm5']);
  const older = await page(`&before=${newest.next}`);
  expect(texts(older)).toEqual(['m2', 'm3']);
  const oldest = await page(`&before=${older.next}`);
  expect([texts(oldest), oldest.next]).toEqual([['m1'], null]);
  expect(texts(await page(`&after=${oldest.newer}`))).toEqual(['m2', 'm3']);
  // A viewer looks and talks, and changes nothing.
  guest.send('code_update', { code: 'mine', request_id: 'no' });
  expect(await guest.next('error', ({ request_id }) => request_id === 'no')).toMatchObject({
    error: 'forbidden',
  });
  for (const client of [host, guest]) client.close();
});

it('a new session is made by a connection alone, and its first text comes before its id is known', async () => {
  const client = await Client.open({ display_name: 'Eve' });
  client.sessionId = null;
  client.type('s("forked")');
  await client.next('ack');
  const state = client.frames[0];
  expect(state.payload).toMatchObject({ your_role: 'host', your_display_name: 'Eve' });
  client.close();
  // Closed without a code of its own, as browsers do; the other side says goodbye, too.
  expect(await client.closed).toBe(1000);
});

it('such a client signs in, has what it hosted before, and leaves with all that is its own', async () => {
  const stranger = apiOf(null);
  expect((await stranger('GET', '/auth/providers')).providers).toEqual([
    expect.objectContaining({ id: 'github', name: 'GitHub' }),
  ]);
  const hosted = await stranger('POST', '/sessions', { title: 'Before', display_name: 'Octo' });

  // As a browser follows it: there, and back with the cookies.
  const cookies = new CookieJar();
  const follow = async (address: string) => {
    const { pathname, origin } = new URL(address);
    const cookie = origin === stack.url ? cookies.headerFor(pathname) : '';
    const response = await fetch(address, { redirect: 'manual', headers: { cookie } });
    if (origin === stack.url) cookies.take(response);
    return new URL(response.headers.get('location') ?? '', address).href;
  };
  const back = await follow(await follow(`${stack.url}/api/v1/auth/github?return_to=/here`));
  expect(await follow(back)).toBe(`${stack.url}/here?signed_in=1`);
  const refresh = '/api/v1/auth/refresh';
  const renewed = await fetch(`${stack.url}${refresh}`, {
    method: 'POST',
    headers: { cookie: cookies.headerFor(refresh), origin: stack.url },
  });
  const { token, expires_at } = (await renewed.json()) as Json;
  expect(Date.parse(expires_at)).toBeGreaterThan(Date.now());

  const octo = apiOf(token);
  expect((await octo('GET', '/auth/me')).user).toMatchObject({
    name: 'The Octocat',
    email: 'octocat@example.com',
    provider: 'github',
  });
  expect((await octo('PUT', '/auth/me', { name: 'Octo' })).user.name).toBe('Octo');
  const { claimed } = await octo('POST', '/auth/claim', { session_tokens: [hosted.token] });
  expect(claimed).toEqual([{ session_id: hosted.id, token: expect.any(String) }]);
  expect((await octo('GET', '/sessions')).sessions).toMatchObject([{ id: hosted.id, title: 'Before' }]);
  await octo('POST', '/strudels', { title: 'Mine', code: 's("bd")' });
  const all = await octo('GET', '/auth/me/export');
  expect(all).toMatchObject({ format: 'backbeat-account-1', strudels: [{ title: 'Mine' }] });

  for (let remaining = 1; remaining > 0; ) {
    ({ remaining } = await octo('DELETE', '/auth/me', { confirm: 'Octo' }));
  }
  await expect(octo('GET', '/auth/me')).rejects.toMatchObject({ status: 401 });
});
