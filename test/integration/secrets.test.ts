/** No secret leaves the place it is kept in: not for a log, not for a reply, not for the page. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RESERVATION_HEADER } from '../../src/room/connections/grant.ts';
import { type AiProvider, startAiProvider } from '../support/ai-provider.ts';
import { INTERNAL } from '../support/garbage.ts';
import { type Github, startGithub } from '../support/github.ts';
import { People } from '../support/people.ts';
import { RawClient, RefusedError } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { SignInBrowser } from '../support/sign-in-browser.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** With characters that an encoding would change. */
const SECRETS = {
  FLUSH_SECRET: 'flush/secret+of.the_run==',
  JWT_SECRET: 'jwt secret/of+the&run?=%',
  LOCAL_REDIS_TOKEN: 'redis.token_of-the~run',
  LOCAL_POSTGRES_PASSWORD: 'postgres-password-of-the-run',
  ANTHROPIC_API_KEY: 'sk-ant/key+of=the&server',
  OPENAI_API_KEY: 'sk-openai/key+of=the&server',
};
const OWN_KEY = 'sk-own/key+of=ada&co';

let provider: AiProvider;
let github: Github;
let stack: Stack;
let scene: Scene;
/** Everything that must not be seen, by what it is. */
const hidden = new Map<string, string>();
/** Bodies of refusals and failures. */
const replies: string[] = [];

beforeAll(async () => {
  [provider, github] = await Promise.all([startAiProvider(), startGithub()]);
  stack = await startStack({
    ...SECRETS,
    GITHUB_URL: github.url,
    GITHUB_API_URL: `${github.url}/api/v3`,
    GITHUB_CLIENT_ID: github.client.id,
    GITHUB_CLIENT_SECRET: github.client.secret,
    AI_PROVIDER: 'anthropic',
    ANTHROPIC_BASE_URL: provider.url,
    OPENAI_BASE_URL: provider.url,
    FLUSH_ALARM_MS: '500',
    REDIS_TIMEOUT_MS: '500',
    POSTGRES_TIMEOUT_MS: '1000',
    BREAKER_RETRY_MS: '300',
  });
  scene = new Scene(stack);
  for (const [name, secret] of Object.entries(SECRETS)) hidden.set(name, secret);
  hidden.set('own key', OWN_KEY);
  hidden.set('GITHUB_CLIENT_SECRET', github.client.secret);
});
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
  await provider?.stop();
  await github?.stop();
});

/** A secret as it is, and in every dress it may wear. */
function dresses(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '');
  const base64url = Buffer.from(secret).toString('base64url');
  const form = new URLSearchParams({ x: secret }).toString().slice(2);
  return [secret, json, encodeURIComponent(secret), encodeURI(secret), form, base64, base64url];
}

/** What is hidden and stands in a text all the same. */
function seenIn(text: string): string[] {
  return [...hidden].flatMap(([name, secret]) =>
    dresses(secret).some((dress) => text.includes(dress)) ? [name] : [],
  );
}

async function ask(url: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.status >= 400) replies.push(text);
  return response.status;
}

async function knock(options: Parameters<typeof RawClient.connect>[0]): Promise<void> {
  const came = await RawClient.connect(options).catch((error: unknown) => error);
  if (came instanceof RefusedError) replies.push(came.body);
  if (came instanceof RawClient) came.terminate();
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

it('no secret is in any log or reply of a run in which everything happens, and much goes wrong', async () => {
  const { url } = stack;
  const people = new People(stack, scene);
  const ada = await people.user('Ada');
  hidden.set('user token', ada.token);
  const sessionId = await people.session({ host: ada, code: 'code-that-is-private' });
  const invite = await people.invite(sessionId, 'co-author');
  hidden.set('invite', invite.token);
  const place = await people.place(sessionId, 'co-author');
  hidden.set('session token', place.token);
  hidden.set('code', 'code-that-is-private');

  // All that works.
  const host = await scene.enter({ sessionId, token: ada.token, connectionId: randomUUID() });
  const guest = await scene.enter({ sessionId, invite: invite.token, displayName: 'Ben' });
  hidden.set('token to come back with', guest.state.payload.token ?? 'none');
  await host.edit('code-that-is-private 2', 'r1');
  guest.send('chat_message', { message: 'a-message-that-is-private' });
  hidden.set('message', 'a-message-that-is-private');
  await host.next('chat_message');
  provider.answer('An answer.');
  host.send('agent_request', { user_query: 'a beat', request_id: 'a1' });
  await host.safeAnswer('a1');
  const own = { provider: 'openai', provider_api_key: OWN_KEY };
  provider.answer('Another.');
  host.send('agent_request', { user_query: 'a beat', request_id: 'a2', ...own });
  await host.safeAnswer('a2');
  expect(await ask(`${url}/api/v1/sessions/${sessionId}`, { headers: bearer(ada.token) })).toBe(200);
  await scene.worker('POST', '/flush');
  await stack.control.cron();

  // Providers that quote the key.
  for (const [requestId, over] of [
    ['a3', {}],
    ['a4', own],
  ] as const) {
    provider.refuse(401, {
      error: {
        type: 'authentication_error',
        message: `Incorrect API key: ${OWN_KEY} ${SECRETS.ANTHROPIC_API_KEY}`,
      },
    });
    host.send('agent_request', { user_query: 'a beat', request_id: requestId, ...over });
    const refused = await host.next('error', ({ request_id }) => request_id === requestId);
    replies.push(JSON.stringify(refused.payload));
  }

  // Signing in, and what goes wrong on the way.
  const browser = new SignInBrowser((path, init) => fetch(`${url}${path}`, init), url);
  const signIn = async () => {
    const address = await browser.begin('github');
    hidden.set('sign-in attempt', browser.cookies.named('sign_in')[0]?.value ?? '');
    const back = (await fetch(address, { redirect: 'manual' })).headers.get('location') ?? '';
    hidden.set('sign-in code', new URL(back).searchParams.get('code') ?? '');
    hidden.set('state', new URL(back).searchParams.get('state') ?? '');
    const lead = await browser.comeBack(back);
    // Again, as from someone who has seen the address.
    expect(await browser.comeBack(back)).toBe('/?sign_in_error=expired');
    return lead;
  };
  github.failWith(500);
  expect(await signIn()).toBe('/?sign_in_error=unavailable');
  github.failWith(400);
  expect(await signIn()).toBe('/?sign_in_error=refused');
  github.failWith(null);
  expect(await signIn()).toBe('/?signed_in=1');
  hidden.set('refresh token', browser.cookies.named('refresh')[0]?.value ?? '');
  hidden.set('account token', await browser.token());
  hidden.set('next refresh token', browser.cookies.named('refresh')[0]?.value ?? '');
  const copied = { cookie: `backbeat_refresh_${new URL(url).port}=${hidden.get('refresh token')}` };
  const refresh = () =>
    ask(`${url}/api/v1/auth/refresh`, { method: 'POST', headers: { origin: url, ...copied } });
  expect([...hidden.values()]).not.toContain('');

  // Much that is wrong, with all that is secret in every place where it might be repeated.
  for (const [name, secret] of hidden) {
    const encoded = encodeURIComponent(secret);
    // Not in paths: those are the caller's to choose, and the platforms' to log.
    await ask(`${url}/api/v1/sessions/x?token=${encoded}`);
    await ask(`${url}/api/v1/strudels?offset=${encoded}&limit=${encoded}`, { headers: bearer('x.y.z') });
    await ask(`${url}/api/v1/sessions/join`, {
      method: 'POST',
      headers: { [RESERVATION_HEADER]: encoded },
      body: JSON.stringify({ invite_token: secret, [name]: secret }),
    });
    await ask(`${url}/nothing?secret=${encoded}`);
    await ask(`${url}/api/v1/auth/github?redirect_url=${encoded}`);
    await ask(`${url}/api/v1/auth/github/callback?code=${encoded}&state=${encoded}`, { redirect: 'manual' });
    await ask(`${url}/api/v1/auth/claim`, {
      method: 'POST',
      headers: bearer(ada.token),
      body: JSON.stringify({ session_tokens: secret }),
    });
    await ask(`${url}/flush/turn?secret=${encoded}`, { method: 'POST', body: secret });
    await ask(`${url}/flush/turn`, { method: 'POST', headers: bearer(SECRETS.FLUSH_SECRET), body: secret });
    await ask(`${url}/parties/main/${sessionId}?token=${encoded}x`);
    await ask(`${url}/parties/main/${sessionId}`, { method: 'POST', headers: bearer('no'), body: secret });
    await knock({ roomUrl: url, sessionId, token: `${secret}x`, invite: secret });
    // By a connection for each: one alone may send so much only if it takes more than a second.
    const clumsy = await RawClient.join({ roomUrl: url, sessionId, token: ada.token });
    clumsy.send('chat_message', { [name]: secret, message: 5 });
    clumsy.send('code_update', { code: 5, request_id: secret.slice(0, 5), [secret]: secret });
    clumsy.sendFrame(`{"type":"agent_request","payload":{"provider_api_key":"${secret} `);
    await clumsy.roundTrip();
    const refusals = clumsy.all('error').map(({ payload }) => JSON.stringify(payload));
    expect(refusals).toHaveLength(3);
    replies.push(...refusals);
    await clumsy.close();
  }
  for (const { payload } of host.all('error')) replies.push(JSON.stringify(payload));

  // Storage that is not there, and comes back; and a room that dies with the Worker.
  const askEverything = async () => {
    const failed = () => {};
    await ask(`${url}/api/v1/sessions/${sessionId}`, { headers: bearer(ada.token) }).catch(failed);
    await ask(`${url}/health`).catch(failed);
    await ask(`${url}/flush`, { method: 'POST', headers: bearer(SECRETS.FLUSH_SECRET) }).catch(failed);
    await ask(`${url}/flush/${sessionId}`, {
      method: 'POST',
      headers: bearer(SECRETS.FLUSH_SECRET),
    }).catch(failed);
    // A turn that is over as it begins.
    await ask(`${url}/flush/turn`, {
      method: 'POST',
      headers: bearer(SECRETS.FLUSH_SECRET),
      body: '{"scheduled_ms":0}',
    }).catch(failed);
    await ask(`${url}/parties/main/${sessionId}?token=${encodeURIComponent(place.token)}`).catch(failed);
    await knock({ roomUrl: url, sessionId, token: place.token });
    await refresh().catch(failed);
    await signIn().catch(failed);
  };
  for (const part of [stack.redisPart, stack.postgresPart, 'neonHttp', 'redisRest'] as const) {
    await stack.control.kill(part);
    host.send('code_update', { code: `code-that-is-private while ${part} is away`, request_id: part });
    await askEverything();
    await stack.control.start(part);
    await host.next('ack', ({ request_id }) => request_id === part);
  }
  await stack.control.kill('worker');
  await askEverything();
  await stack.control.start('worker');
  const back = await scene.enter({ sessionId, token: ada.token });
  await back.edit('code-that-is-private again', 'back');
  await scene.leave();
  await scene.quiet();

  expect(replies.length).toBeGreaterThan(100);
  for (const reply of replies) {
    // A caller's own request id is echoed.
    expect([reply, seenIn(reply)]).toEqual([reply, []]);
    expect(reply).not.toMatch(INTERNAL);
  }
  const log = stack.logs();
  expect(log).toContain('"part":"room"');
  expect(log.split('\n').filter((line) => seenIn(line).length > 0)).toEqual([]);
  // The check would see one.
  expect(seenIn(`GET /x?key=${encodeURIComponent(OWN_KEY)}`)).toEqual(['own key']);
}, 180_000);

it('no secret is in the page, nor the name of one', async () => {
  const page = await (await fetch(stack.url)).text();
  const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path);
  const scripts = files.filter((path) => path.endsWith('.js'));
  expect(scripts).not.toEqual([]);
  for (const path of ['/', ...files, ...scripts.map((script) => `${script}.map`)]) {
    const answer = await fetch(new URL(path, stack.url));
    expect([path, answer.status]).toEqual([path, 200]);
    const text = await answer.text();
    expect([path, seenIn(text)]).toEqual([path, []]);
    expect(text).not.toMatch(
      /FLUSH_SECRET|JWT_SECRET|UPSTASH_REDIS|DATABASE_URL|ANTHROPIC_API_KEY|OPENAI_API_KEY|CLIENT_SECRET/,
    );
  }
});
