/** Ports that are given to one process only, also before it listens on them. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listenOnLoopback } from './loopback.ts';
import { exactPort, portNear, randomPort } from './ports.ts';
import { PROJECT_DIR, tsxArgs } from './project.ts';

/** What another process is given, and how it ends. */
function other(end: 'orderly' | 'killed', ask: string): number {
  const script = `import('${join(PROJECT_DIR, 'dev/ports.ts')}').then(async (ports) => {
    console.log(await ports.${ask});
    ${end === 'killed' ? "process.kill(process.pid, 'SIGKILL')" : ''}
  })`;
  const [flag = '', loader = ''] = tsxArgs('');
  const { stdout } = spawnSync(process.execPath, [flag, loader, '-e', script], { encoding: 'utf8' });
  return Number(stdout);
}
const fileOf = (port: number) => join(tmpdir(), `backbeat-ports-${userInfo().uid}`, String(port));

it('are given to no other process, though nobody listens on them', async () => {
  const mine = await randomPort();
  const next = await portNear(mine);
  expect(next).toBeGreaterThan(mine);
  expect([mine, next]).not.toContain(other('orderly', `portNear(${mine})`));
  await expect(exactPort(mine, 'PORT')).rejects.toThrow(`PORT=${mine}: this port is taken`);
});

it('are free again once their process has ended, however it ended', async () => {
  const ended = other('orderly', 'randomPort()');
  expect(existsSync(fileOf(ended))).toBe(false);
  expect(await exactPort(ended, 'PORT')).toBe(ended);
  const killed = other('killed', 'randomPort()');
  expect(await exactPort(killed, 'PORT')).toBe(killed);
});

it('are not those that a server listens on', async () => {
  const server = createServer();
  const taken = await listenOnLoopback(server);
  expect(await portNear(taken)).toBeGreaterThan(taken);
  expect(existsSync(fileOf(taken))).toBe(false);
  server.close();
});
