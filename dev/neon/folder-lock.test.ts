import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FolderLockedError, lockFolder } from './folder-lock.ts';

const modulePath = fileURLToPath(new URL('./folder-lock.ts', import.meta.url));
/** Takes the lock, says how that went, and stays until it is killed. */
const contender = `
  import { lockFolder } from ${JSON.stringify(modulePath)};
  lockFolder(process.argv[1]).then(() => console.log('locked'), (error) => console.log(error.name));
  setInterval(() => {}, 1000);
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backbeat-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function contend() {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', contender, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const outcome = once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line));
  const kill = async () => {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  };
  return { outcome, kill };
}

test('the lock is held until it is released, and leaves nothing behind', async () => {
  const lock = await lockFolder(folder);
  await expect(lockFolder(folder)).rejects.toThrow(FolderLockedError);
  await expect(lockFolder(folder)).rejects.toThrow(`process ${process.pid}`);
  lock.release();
  expect(await readdir(folder)).toEqual([]);
  (await lockFolder(folder)).release();
});

test('a process that was killed no longer holds it', async () => {
  const holder = contend();
  expect(await holder.outcome).toBe('locked');
  await expect(lockFolder(folder)).rejects.toThrow(FolderLockedError);
  await holder.kill();
  (await lockFolder(folder)).release();
});

test('another process with the same id does not count as its holder', async () => {
  await writeFile(
    join(folder, 'backbeat.lock'),
    JSON.stringify({ pid: process.pid, startedAt: 'long ago', token: 'old' }),
  );
  (await lockFolder(folder)).release();
});

test('an unreadable lock is taken over', async () => {
  await writeFile(join(folder, 'backbeat.lock'), '');
  (await lockFolder(folder)).release();
});

test('of several that find a dead process’s lock, one gets it', async () => {
  const dead = contend();
  expect(await dead.outcome).toBe('locked');
  await dead.kill();
  const contenders = Array.from({ length: 4 }, contend);
  const outcomes = await Promise.all(contenders.map(({ outcome }) => outcome));
  await Promise.all(contenders.map(({ kill }) => kill()));
  expect(outcomes.sort()).toEqual(['FolderLockedError', 'FolderLockedError', 'FolderLockedError', 'locked']);
}, 30_000);
