/** Accounts where they meet rooms, in the runtime, with the local stack's own provider. */
import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { claimSessions, getAccount, listProviders } from '../../src/protocol/http/accounts.ts';
import { addressOf } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { passProvider, SignInBrowser } from '../support/sign-in-browser.ts';
import { type Stack, startStack } from '../support/stack.ts';

let stack: Stack;
let scene: Scene;

beforeAll(async () => {
  stack = await startStack({ FLUSH_ALARM_MS: '60000' }, ['--sign-in']);
  scene = new Scene(stack);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

const browser = () => new SignInBrowser((path, init) => fetch(`${stack.url}${path}`, init), stack.url);

async function signedIn(name = `Ada ${randomUUID().slice(0, 8)}`) {
  const one = browser();
  expect(await one.signIn('local', name, { return_to: '/jam' })).toBe('/jam?signed_in=1');
  const token = await one.token();
  const { user } = getAccount.reply.parse(await (await one.ask('/api/v1/auth/me', { token })).json());
  return { browser: one, token, name, id: user.id, user };
}

const madeSchema = z.object({ id: z.string(), token: z.string() });

describe('the local provider', () => {
  it('signs in as anybody, and says so loudly', async () => {
    const offered = listProviders.reply.parse(
      await (await fetch(`${stack.url}/api/v1/auth/providers`)).json(),
    );
    expect(offered.providers).toEqual([{ id: 'local', name: 'Local sign-in', is_local: true }]);
    const { user } = await signedIn('Grace Hopper');
    expect(user).toMatchObject({ name: 'Grace Hopper', provider: 'local', email: '' });
    let at = await browser().begin('local');
    let page = await fetch(at, { redirect: 'manual' });
    at = new URL(page.headers.get('location') ?? '', at).href;
    page = await fetch(at, { redirect: 'manual' });
    expect(await page.text()).toContain('LOCAL SIGN-IN: anybody can be anybody. Never in a deployment.');
  });

  it('takes no for an answer', async () => {
    const one = browser();
    const callback = await passProvider(await one.begin('local'), null);
    expect(await one.comeBack(callback)).toBe('/?sign_in_error=cancelled');
  });
});

describe('in a room', () => {
  it('an anonymous host who signs in stays where they are, and is seen as who they are', async () => {
    const made = await scene.session({ code: 'mine' });
    const host = await scene.enter({ sessionId: made.id, token: made.token, connectionId: randomUUID() });
    const guest = await scene.join(made.id, 'co-author');
    const ada = await signedIn();
    const body = { session_tokens: [made.token] };
    const reply = await ada.browser.ask('/api/v1/auth/claim', { method: 'POST', token: ada.token, body });
    const { claimed } = claimSessions.reply.parse(await reply.json());
    const { pid } = decodeJwt<{ pid: string }>(made.token);
    const seen = await guest.next(
      'user_joined',
      ({ participant_id, user_id }) => participant_id === pid && user_id !== null,
    );
    expect(seen.payload).toMatchObject({ user_id: ada.id, role: 'host' });
    // The connection goes on, as the user's.
    await host.edit('mine, still', 'r1');
    host.send('chat_message', { message: 'hello' });
    await host.next('ack', ({ message_id }) => message_id !== undefined);
    expect((await guest.next('chat_message')).payload).toMatchObject({ user_id: ada.id, message: 'hello' });
    // They come back by the new token, and by their account's own, to the same place.
    const [{ token = '' } = {}] = claimed;
    for (const comingBack of [token, ada.token]) {
      const again = await scene.enter({ sessionId: made.id, token: comingBack, connectionId: randomUUID() });
      expect(again.state.payload.your_role).toBe('host');
      expect(
        again.state.payload.participants
          .filter(({ user_id }) => user_id === ada.id)
          .map((p) => p.participant_id),
      ).toEqual(expect.arrayContaining([pid]));
    }
    await scene.worker('POST', `/flush/${made.id}`);
    expect(await scene.rows('select user_id from session_messages where session_id = $1', [made.id])).toEqual(
      [{ user_id: ada.id }],
    );
  });

  it('a token that was revoked opens no door', async () => {
    const ada = await signedIn();
    const reply = await ada.browser.ask('/api/v1/sessions', { method: 'POST', token: ada.token, body: {} });
    const { id, token: ownSession } = madeSchema.parse(await reply.json());
    const own = await scene.enter({ sessionId: id, token: ada.token, connectionId: randomUUID() });
    const theirs = await scene.session({ code: 'theirs' });
    const host = await scene.enter({ sessionId: theirs.id, token: theirs.token, connectionId: randomUUID() });
    const asked = await fetch(`${stack.url}/api/v1/sessions/${theirs.id}/invite`, {
      method: 'POST',
      headers: { authorization: `Bearer ${theirs.token}` },
      body: JSON.stringify({ role: 'co-author' }),
    });
    const { token: invite } = z.object({ token: z.string() }).parse(await asked.json());
    const connectionId = randomUUID();
    const guest = await scene.enter({ sessionId: theirs.id, token: ada.token, invite, connectionId });
    const guestSession = guest.state.payload.token ?? '';
    expect(guestSession).not.toBe('');
    await ada.browser.ask('/api/v1/auth/logout-everywhere', { method: 'POST', token: ada.token });
    // The connections that are open are closed, and the others see them leave.
    for (const gone of [own, guest]) {
      expect((await gone.next('error')).payload).toMatchObject({ error: 'unauthorized' });
      expect((await gone.closed).code).toBe(4401);
    }
    await host.next('user_left', ({ user_id }) => user_id === ada.id);
    const doors = [
      [id, ada.token],
      [id, ownSession],
      [theirs.id, ada.token],
      [theirs.id, guestSession],
    ] as const;
    for (const [sessionId, token] of doors) {
      await expect(scene.enter({ sessionId, token, connectionId: randomUUID() })).rejects.toThrow();
    }
    // Who has signed in again comes back to where they were.
    const again = await signedIn(ada.name);
    const back = await scene.enter({ sessionId: theirs.id, token: again.token, connectionId: randomUUID() });
    expect(back.state.payload.your_role).toBe('co-author');
    const options = { roomUrl: stack.roomUrl, sessionId: id, token: ada.token };
    expect((await fetch(addressOf(options))).status).toBe(401);
  });

  it('a deleted account’s sessions end, and what it said elsewhere loses its name', async () => {
    const [ada, ben] = [await signedIn(), await signedIn()];
    const make = async (by: typeof ada) => {
      const reply = await by.browser.ask('/api/v1/sessions', { method: 'POST', token: by.token, body: {} });
      return madeSchema.parse(await reply.json());
    };
    const [own, theirs] = [await make(ada), await make(ben)];
    const listener = await scene.join(own.id, 'viewer');
    const host = await scene.enter({ sessionId: theirs.id, token: ben.token, connectionId: randomUUID() });
    const invite = await ben.browser.ask(`/api/v1/sessions/${theirs.id}/invite`, {
      method: 'POST',
      token: ben.token,
      body: { role: 'co-author' },
    });
    const { token } = z.object({ token: z.string() }).parse(await invite.json());
    const guest = await scene.enter({
      sessionId: theirs.id,
      token: ada.token,
      invite: token,
      connectionId: randomUUID(),
    });
    guest.send('chat_message', { message: 'what I said' });
    await guest.next('ack', ({ message_id }) => message_id !== undefined);
    await host.next('chat_message');
    await guest.edit('s("bd")', 'r1');
    expect(await scene.isDirty(theirs.id)).toBe(true);

    const forget = async () => {
      const body = { confirm: ada.name };
      const reply = await ada.browser.ask('/api/v1/auth/me', { method: 'DELETE', token: ada.token, body });
      return z.object({ remaining: z.number() }).parse(await reply.json()).remaining;
    };
    expect(await forget()).toBe(1);
    expect((await listener.next('session_ended')).payload.reason).toMatch(/deleted/);
    expect(await forget()).toBe(0);
    expect((await guest.closed).code).toBe(4403);

    // In the stores, and in the room's memory, which the host's next tab is shown.
    expect(
      await scene.rows('select display_name, user_id from session_messages where session_id = $1', [
        theirs.id,
      ]),
    ).toEqual([{ display_name: 'Anonymous', user_id: null }]);
    const tab = await scene.enter({ sessionId: theirs.id, token: ben.token, connectionId: randomUUID() });
    expect(JSON.stringify(tab.state)).toContain('what I said');
    expect(JSON.stringify(tab.state)).not.toContain(ada.name);
    // The version that is made of what they typed has no name either.
    await host.edit('s("bd sd")', 'r2');
    await scene.worker('POST', `/flush/${theirs.id}`);
    const stored = [
      await scene.rows('select * from sessions'),
      await scene.rows('select * from session_messages'),
      await scene.rows('select display_name, user_id from session_versions'),
      await scene.rows('select * from users'),
    ];
    expect(JSON.stringify(stored)).not.toContain(ada.name);
    expect(await scene.stored(own.id)).toBeNull();
    expect(await scene.redis('KEYS', `*${own.id}*`)).toEqual([]);
  });
});
