/** What a killed supervisor leaves behind, and who ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { endLockedProcesses } from './lock.ts';
import { identify, isAlive } from './process-table.ts';

const children: ChildProcess[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function idler() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], {
    detached: true,
    stdio: 'ignore',
  });
  children.push(child);
  const identity = identify(child.pid ?? 0);
  if (!identity) throw new Error('it did not start');
  return { child, identity };
}

it('what a supervisor leaves is ended, also when it is heard to have ended before the system says so', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'backbeat-watchdog-'));
  folders.push(folder);
  const supervisor = idler();
  const part = idler();
  const lock = {
    supervisor: supervisor.identity,
    watchdog: null,
    processes: [{ name: 'worker', ...part.identity }],
    urls: null,
  };
  writeFileSync(join(folder, 'lock.json'), JSON.stringify(lock));
  // Its pipes are closed, which is how the watchdog hears of it, a moment before it is gone.
  const ended = endLockedProcesses(folder, supervisor.identity.pid);
  supervisor.child.kill('SIGKILL');
  expect(await ended).toBe(true);
  expect(isAlive(part.identity)).toBe(false);
});
