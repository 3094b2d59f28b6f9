/**
 * Takes the debugger off the rooms' workerd. `partykit dev` attaches one that is told of every request a room makes, and keeps all
 * it is told in memory for ever: that costs the rooms time they don't spend when deployed, and the tool gigabytes.
 */
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';

const TIMEOUT_MS = 5_000;

/**
 * workerd serves one debugger: a newcomer makes it let go of the first, and it closes the newcomer too. The tool doesn't
 * come back, until it reloads its code.
 * @param pid the workerd's.
 */
export async function detachDebugger(pid: number): Promise<void> {
  const address = /--inspector-addr=(\S+?)\0/.exec(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.[1];
  if (address === undefined) return;
  const socket = new WebSocket(`ws://${address}/core:user:`);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.terminate();
      resolve();
    }, TIMEOUT_MS);
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // It is looked at only when something arrives.
    socket.once('open', () => socket.send('{"id":1,"method":"Runtime.getIsolateId"}'));
  });
}
