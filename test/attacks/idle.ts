/**
 * What an open connection that says next to nothing costs the rooms' process: many of them, over many rooms,
 * by the memory it takes and keeps. Each is a page in the background, which only answers when it is asked.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { addressOf } from '../support/raw-client.ts';
import { Scene } from '../support/session.ts';
import { type Stack, startStack } from '../support/stack.ts';

const SOCKETS = 10_000;
const PER_ROOM = 50;
const AT_ONCE = 20;
/** Of one socket, whatever it is of a room's that it has to itself; the figure of docs/security.md. */
const MAX_BYTES_EACH = 192 * 1024;
const SETTLE_MS = 15_000;
const MIB = 1024 * 1024;

/** @returns whether they stayed within what is stated. */
export async function idle(say: (line: string) => void): Promise<boolean> {
  const stack = await startStack({ CONNECTIONS_PER_USER: '10000' }, ['--redis=real', '--postgres=real']);
  // partykit attaches one, which keeps things in memory that production doesn't.
  const scene = new Scene(stack);
  const sockets: WebSocket[] = [];
  try {
    const warm = await scene.session();
    await (await scene.join(warm.id)).roundTrip();
    const before = memoryOf(stack);
    while (sockets.length < SOCKETS) {
      const { id, token } = await scene.session();
      const address = addressOf({ roomUrl: stack.roomUrl, sessionId: id, token });
      for (let opened = 0; opened < PER_ROOM; opened += AT_ONCE) {
        const count = Math.min(AT_ONCE, PER_ROOM - opened);
        sockets.push(...(await Promise.all(Array.from({ length: count }, () => open(address)))));
      }
      if (sockets.length % 1_000 === 0) {
        say(`      ${sockets.length} sockets: ${Math.round((memoryOf(stack) - before) / MIB)} MiB more`);
      }
    }
    await delay(SETTLE_MS);
    const grown = memoryOf(stack) - before;
    const open10k = sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length;
    // Everybody else is still served.
    const late = await scene.session();
    await (await scene.join(late.id)).edit('x', 'r1');
    const each = grown / sockets.length;
    const isFine = open10k === SOCKETS && each <= MAX_BYTES_EACH;
    say(
      `${isFine ? 'ok  ' : 'FAIL'}  ${open10k} idle sockets in ${SOCKETS / PER_ROOM} rooms: ${Math.round(grown / MIB)} MiB, ` +
        `${Math.round(each / 1024)} KiB each (at most ${MAX_BYTES_EACH / 1024})`,
    );
    return isFine;
  } finally {
    for (const socket of sockets) socket.terminate();
    await scene.end();
    await stack.stop();
  }
}

async function open(address: URL): Promise<WebSocket> {
  const socket = new WebSocket(address.href.replace(/^http/, 'ws'), { perMessageDeflate: false });
  socket.on('message', (frame) => {
    if (String(frame).startsWith('{"type":"ping"')) socket.send('{"type":"pong"}');
  });
  await new Promise((resolve, reject) => {
    // Its session's state has come.
    socket.once('message', resolve);
    socket.once('error', reject);
  });
  socket.send('{"type":"ping","payload":{"hidden":true}}');
  return socket;
}

/** Resident memory of the process that runs the rooms, in bytes. */
function memoryOf({ pids }: Stack): number {
  const status = readFileSync(`/proc/${pids.room}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
