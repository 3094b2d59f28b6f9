/**
 * `JWT_SECRET` is changed while people jam: as the operator's document says, nobody is thrown out as long as
 * the one before still counts, and tokens are renewed; then who wasn't there in between enters anew.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { verifySessionToken } from '../../src/access/session-token.ts';
import { SessionClient } from '../../src/client/sdk/session-client.ts';
import { launchStack, type Stack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

const [BEFORE, AFTER] = ['the-secret-before-the-change', 'the-secret-after-the-change'];

const dataDir = mkdtempSync(join(tmpdir(), 'backbeat-rotation-'));
const clients: SessionClient[] = [];
let stack: Stack | null = null;
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await stack?.stop();
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

it('throws nobody out while the secret before counts, and afterwards who wasn’t there enters anew', async () => {
  // None that another test's stack would take while this one is down: those are 8787, or from 20,000 on.
  const port = String(randomInt(10_000, 20_000));
  /** The same stack, at the same address, with these secrets. */
  const runWith = async (secrets: Record<string, string>) => {
    await stack?.stop();
    stack = await launchStack(['--json', '--redis=embedded', '--postgres=pglite'], {
      BACKBEAT_DATA_DIR: dataDir,
      BACKBEAT_CRON_MS: '0',
      PORT: port,
      ...secrets,
    });
    return stack;
  };
  const { url } = await runWith({ JWT_SECRET: BEFORE });
  const call = async (method: string, path: string, token: string | null, body?: object) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: await response.json() };
  };
  const { json: session } = await call('POST', '/sessions', null, { display_name: 'Ana', code: '' });
  const { json: invite } = await call('POST', `/sessions/${session.id}/invite`, session.token, {
    role: 'co-author',
  });
  const join = async () =>
    (await call('POST', '/sessions/join', null, { invite_token: invite.token, display_name: 'Ben' })).json
      .token;
  const [guestToken, absentToken] = [await join(), await join()];

  /** A participant, and the token that the room gave them last. */
  const enter = async (token: string | null, more: { invite?: string } = {}) => {
    const person = {
      client: new SessionClient({ url, sessionId: session.id, token, WebSocket, ...more }),
      token,
    };
    clients.push(person.client);
    person.client.on('token', (given) => {
      person.token = given;
    });
    await isOpen(person.client);
    return person;
  };
  const isOpen = (client: SessionClient) =>
    vi.waitUntil(() => client.snapshot.connection.state === 'open', WAIT);
  const saved = (client: SessionClient) => vi.waitUntil(() => !client.hasUnacknowledged, WAIT);
  const shows = (client: SessionClient, code: string) =>
    vi.waitUntil(() => client.snapshot.code === code, WAIT);
  const isSignedBy = async (token: string | null, secret: string) =>
    (await verifySessionToken(token ?? '', secret)) !== null;

  const [host, guest] = [await enter(session.token), await enter(guestToken)];
  host.client.edit('before');
  await shows(guest.client, 'before');

  await runWith({ JWT_SECRET: AFTER, JWT_SECRET_PREVIOUS: BEFORE });
  for (const { client } of [host, guest]) await isOpen(client);
  for (const person of [host, guest]) {
    await vi.waitUntil(() => isSignedBy(person.token, AFTER), WAIT);
    expect(person.client.snapshot.role).not.toBe('viewer');
  }
  guest.client.edit('before, while both count');
  await shows(host.client, 'before, while both count');
  // Over HTTP the one before counts, too; nothing new is signed with it.
  expect((await call('GET', `/sessions/${session.id}`, absentToken)).status).toBe(200);
  expect(await isSignedBy(await join(), AFTER)).toBe(true);

  await runWith({ JWT_SECRET: AFTER });
  for (const { client } of [host, guest]) await isOpen(client);
  host.client.edit('before, while both count, after');
  await shows(guest.client, 'before, while both count, after');
  // Who hasn't come back in between: their key is void, and the client says so instead of trying for ever.
  expect((await call('GET', `/sessions/${session.id}`, absentToken)).status).toBe(401);
  const absent = new SessionClient({ url, sessionId: session.id, token: absentToken, WebSocket });
  clients.push(absent);
  await vi.waitUntil(() => absent.snapshot.connection.state === 'refused', WAIT);
  expect(absent.snapshot.connection).toMatchObject({ refusal: { status: 401 } });
  // By their invite they enter anew.
  const back = await enter(null, { invite: invite.token });
  expect(back.client.snapshot.code).toBe('before, while both count, after');
  expect(await isSignedBy(back.token, AFTER)).toBe(true);
  await saved(host.client);
});
