/** What a client that never reads what it is sent costs the rooms' process, before and after it is closed. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { MAX_CODE_BYTES } from '../../src/protocol/index.ts';
import { addressOf } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { startStack } from '../support/stack.ts';

const DEAF = 10;
const TYPISTS = 6;
const EDITS = 2_000;
const SETTLE_MS = 5_000;
const MIB = 1024 * 1024;
/**
 * Sent to each of them, if nobody closed it: some 200 MB. Ten times 8 MiB is what they may have, and the
 * heap's own ups and downs.
 */
const MAX_GROWTH_BYTES = 256 * MIB;

/** @returns whether the memory stayed within what is stated. */
export async function deaf(say: (line: string) => void): Promise<boolean> {
  const stack = await startStack({ CONNECTIONS_PER_USER: '100' }, ['--redis=real', '--postgres=real']);
  // partykit attaches one, which keeps things in memory that production doesn't.
  const scene = new Scene(stack);
  const sockets: WebSocket[] = [];
  const memory = () =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${stack.pids.worker}/status`, 'utf8'))?.[1]) *
    1024;
  try {
    const { id } = await scene.session();
    const typists = await Promise.all(Array.from({ length: TYPISTS }, () => scene.join(id, 'co-author')));
    const pings = setInterval(() => {
      for (const typist of typists) typist.proveReading();
    }, 250);
    const type = async (edits: number) => {
      for (let i = 0; i < edits; i++) {
        const typist = typists[i % typists.length];
        await typist?.edit(`${i}`.padEnd(MAX_CODE_BYTES, '.'), `r${Math.random()}`);
        for (const { received } of typists) received.length = 0;
      }
    };
    await type(EDITS / 10);
    const before = memory();
    const token = await scene.token(id, 'viewer');
    for (let i = 0; i < DEAF; i++) {
      const address = addressOf({ roomUrl: stack.roomUrl, sessionId: id, token });
      const socket = new WebSocket(address.href.replace(/^http/, 'ws'));
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      socket.pause();
      sockets.push(socket);
    }
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, memory());
    }, 100);
    await type(EDITS);
    await delay(SETTLE_MS);
    clearInterval(watch);
    clearInterval(pings);
    const after = memory();
    for (const socket of sockets.splice(0)) socket.terminate();
    await delay(SETTLE_MS);
    const isFine = peak - before <= MAX_GROWTH_BYTES;
    const mib = (bytes: number) => Math.round(bytes / MIB);
    say(
      `${isFine ? 'ok  ' : 'FAIL'}  ${DEAF} clients that don't read, ${mib(EDITS * MAX_CODE_BYTES)} MiB to each: ` +
        `${mib(peak - before)} MiB more at most (${mib(MAX_GROWTH_BYTES)} allowed), ${mib(after - before)} at the end, ` +
        `${mib(memory() - before)} when they are gone`,
    );
    return isFine;
  } finally {
    for (const socket of sockets) socket.terminate();
    await scene.end();
    await stack.stop();
  }
}
