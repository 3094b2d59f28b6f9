/**
 * Clients that send too much, or don't read what they are sent: they are closed, and everybody else goes on.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  MAX_CHARS_BEHIND,
  MAX_CODE_BYTES,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_FRAME_BYTES,
  MAX_SIGNALS_PER_SECOND,
  MAX_UNREAD_FRAMES,
} from '../../src/protocol/index.ts';
import { rev } from '../support/commits.ts';
import { addressOf, RawClient, RefusedError } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { WAIT } from '../support/wait.ts';

let stack: Stack;
let scene: Scene;

beforeAll(async () => {
  stack = await startStack();
  scene = new Scene(stack);
});
afterEach(() => scene.leave());
afterAll(async () => {
  await scene?.end();
  await stack?.stop();
});

/** A right ping, of so many bytes. */
function pingOf(bytes: number): string {
  const around = JSON.stringify({ type: 'ping', filler: '' }).length;
  return JSON.stringify({ type: 'ping', filler: 'x'.repeat(bytes - around) });
}

it('a frame of the greatest size is read; a larger one is refused, and its connection closed', async () => {
  const { id } = await scene.session();
  const other = await scene.join(id, 'viewer');
  for (const tooLarge of [pingOf(MAX_FRAME_BYTES + 1), Buffer.alloc(MAX_FRAME_BYTES + 1)]) {
    const client = await scene.join(id);
    client.sendFrame(pingOf(MAX_FRAME_BYTES));
    await client.next('pong');
    client.sendFrame(tooLarge);
    expect((await client.next('error')).payload.error).toBe('validation_error');
    expect((await client.sentAway()).code).toBe(1009);
  }
  await other.roundTrip();
});

it('a client that sends far more than its limits is closed and banned for a while; all others go on', async () => {
  const { id } = await scene.session();
  const other = await scene.join(id);
  const token = await scene.token(id, 'co-author');
  const flooder = await scene.join(id, 'co-author', { token });
  const enough = MAX_CODE_UPDATES_PER_SECOND + MAX_SIGNALS_PER_SECOND + MAX_UNREAD_FRAMES + 1;
  // What a slow machine hasn't read within one second isn't counted in it: more of them, until it is closed.
  for (let sent = 0; sent < 10 * enough; sent++) flooder.send('ping');
  expect((await flooder.sentAway()).code).toBe(1008);
  // The answer of the room, and then the Worker's own, which has heard of that.
  for (const _ of [1, 2]) {
    const back = RawClient.connect({ roomUrl: stack.roomUrl, sessionId: id, token });
    await expect(back).rejects.toThrow(RefusedError);
    await expect(back).rejects.toMatchObject({ status: 429 });
  }
  await other.roundTrip();
  await other.next('user_left');
  expect((await other.edit('x', 'r1')).payload.rev).toBe(rev(1));
  await scene.join(id, 'co-author');
});

it('a client that does not read is closed before much is buffered for it', async () => {
  const { id } = await scene.session();
  // Several, each within the limit of edits.
  const typists = await Promise.all(Array.from({ length: 6 }, () => scene.join(id, 'co-author')));
  const [typist = await scene.join(id)] = typists;
  const token = await scene.token(id, 'viewer');
  const url = addressOf({ roomUrl: stack.roomUrl, sessionId: id, token, connectionId: randomUUID() });
  const deaf = new WebSocket(url.href.replace(/^http/, 'ws'));
  await once(deaf, 'open');
  await typist.next('user_joined');
  deaf.pause();
  const edits = Math.ceil(MAX_CHARS_BEHIND / MAX_CODE_BYTES) + 20;
  for (let i = 0; i < edits; i++) {
    await typists[i % typists.length]?.edit(`${i}`.padEnd(MAX_CODE_BYTES, '.'), `r${i}`);
    if (typist.all('user_left').length > 0) break;
  }
  await typist.next('user_left');
  await vi.waitUntil(() => stack.logs().includes('"event":"too_slow"'), WAIT);
  deaf.terminate();
  // A client that reads may be sent as much as there is.
  await typist.roundTrip();
});
