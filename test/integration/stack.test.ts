import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres } from '../../dev/neon/real-postgres.ts';
import { isAlive, type ProcessInfo, processTree } from '../../dev/process-table.ts';
import { launchStack, type Stack, startStack } from '../support/stack.ts';
import { PATIENCE_MS } from '../support/wait.ts';

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await delay(25);
  }
}

/** The supervisor with everything it has started, workerds and watchdog included. */
const everything = (stack: Stack): ProcessInfo[] => processTree(stack.supervisorPid);
const alive = (processes: readonly ProcessInfo[]) => processes.filter(isAlive).map(({ command }) => command);

async function redis(stack: Stack, ...command: string[]): Promise<unknown> {
  const response = await fetch(stack.redisRestUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${stack.redisRestToken}` },
    body: JSON.stringify(command),
  });
  return response.json();
}

async function select(stack: Stack, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const status = async (url: string, init?: RequestInit) => (await fetch(url, init)).status;

describe('a throwaway stack', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ KEY_PREFIX: 'stack-test:' });
  });
  afterAll(() => stack?.stop());

  test('answers where its line says', async () => {
    expect([stack.roomUrl, stack.workerUrl]).toEqual([stack.url, stack.url]);
    expect(await status(`${stack.url}/health`)).toBe(200);
    expect(await redis(stack, 'PING')).toEqual({ result: 'PONG' });
    expect(stack.keyPrefix).toBe('stack-test:');
    const page = await fetch(`${stack.url}/`);
    expect([page.status, page.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/html'),
    ]);
    const script = /<script[^>]* src="([^"]+)"/.exec(await page.text())?.[1] ?? '';
    const code = await fetch(new URL(script, stack.url));
    expect([code.status, code.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('javascript'),
    ]);
  });

  test('has a migrated database that any client opens', async () => {
    expect(await select(stack, 'SELECT count(*)::int AS n FROM sessions')).toEqual([{ n: 0 }]);
  });

  test('names the processes that run the code', () => {
    const commands = new Map(everything(stack).map(({ pid, command }) => [pid, command]));
    expect(commands.get(stack.pids.worker)).toContain('workerd serve');
    // The rooms are in it.
    expect(stack.pids.room).toBe(stack.pids.worker);
    if (stack.pids.redis !== null)
      expect(commands.get(stack.pids.redis)).toMatch(/redis-server|valkey-server/);
    expect(commands.get(stack.pids.redisRest ?? 0)).toContain('/upstash.js');
    expect(commands.get(stack.pids.neonHttp ?? 0)).toContain('/neon.js');
  });

  test('keeps secrets out of command lines and out of files that others can read', () => {
    const secrets = [
      stack.flushSecret,
      stack.jwtSecret,
      stack.redisRestToken,
      new URL(stack.databaseUrl).password,
    ];
    for (const { command } of everything(stack)) {
      for (const secret of secrets) expect(command).not.toContain(secret);
    }
    for (const file of ['secrets.json', 'lock.json', 'worker/options.json']) {
      expect(statSync(join(stack.dataDir, file)).mode & 0o077, file).toBe(0);
    }
  });

  test('lets nobody break it without the secret', async () => {
    expect(await status(`${stack.controlUrl}/parts`)).toBe(401);
    expect(await status(`${stack.controlUrl}/parts/room/kill`, { method: 'POST' })).toBe(401);
    await expect(stack.control.stop('postgres')).rejects.toThrow(/no part postgres/);
  });

  test('runs the scheduled handler on request', async () => {
    await stack.control.cron();
  });

  test('notices that the workerd was killed, says so and starts it again', async () => {
    const before = (await stack.control.parts()).worker;
    const read = stack.logs().length;
    process.kill(before?.pid ?? 0, 'SIGKILL');
    const news = () => stack.logs().slice(read);
    await until('it is named', () => news().includes('backbeat  worker '));
    await until('it is back', () => news().includes('worker is back'));
    expect(news()).toMatch(/its last lines:\n {4}\S/);
    const after = (await stack.control.parts()).worker;
    expect(after).toMatchObject({ state: 'up', restarts: 1 });
    expect(after?.pid).not.toBe(before?.pid);
    expect(await status(`${stack.url}/health`)).toBe(200);
  });

  test('knows the Worker by the name of the rooms, too', async () => {
    const before = (await stack.control.parts()).worker;
    const after = await stack.control.restart('room');
    expect(after).toMatchObject({ state: 'up' });
    expect(after.pid).not.toBe(before?.pid);
    expect((await stack.control.parts()).worker).toEqual(after);
  });

  test('answers a caller whose last request was refused unread', async () => {
    const refused = async (path: string) =>
      status(`${stack.url}${path}`, { method: 'POST', body: JSON.stringify({ title: 'x' }) });
    for (let i = 0; i < 20; i++) {
      expect(await refused('/api/v1/strudels')).toBe(401);
      expect(await refused('/api/v1/nope')).toBe(404);
    }
  });

  test('starts a killed Redis again, with what was acknowledged', async () => {
    await redis(stack, 'SET', 'kept', 'yes');
    const read = stack.logs().length;
    process.kill(stack.pids[stack.redisPart] ?? 0, 'SIGKILL');
    await until('it is back', () => stack.logs().slice(read).includes(`${stack.redisPart} is back`));
    await until(
      'it answers',
      async () => JSON.stringify(await redis(stack, 'GET', 'kept')) === '{"result":"yes"}',
    );
  });

  test('keeps down what it is told to stop, until it is told to start it', async () => {
    const { postgresPart } = stack;
    const watching = { headers: { authorization: `Bearer ${stack.flushSecret}` } };
    expect(await stack.control.stop(postgresPart)).toMatchObject({ state: 'down', pid: null });
    await until('the Worker says so', async () => (await status(`${stack.url}/health`, watching)) === 503);
    // The Worker can be started meanwhile: it says itself what is missing.
    expect(await stack.control.restart('worker')).toMatchObject({ state: 'up' });
    expect(await stack.control.parts()).toMatchObject({ [postgresPart]: { state: 'down' } });
    expect(await stack.control.start(postgresPart)).toMatchObject({ state: 'up' });
    await until(
      'the Worker is well again',
      async () => (await status(`${stack.url}/health`, watching)) === 200,
    );
  });

  test('freezes and thaws a part', async () => {
    expect(await stack.control.pause(stack.redisPart)).toMatchObject({ state: 'paused' });
    const ping = redis(stack, 'PING').catch(() => 'no answer');
    expect(await Promise.race([ping, delay(300, 'silence')])).not.toEqual({ result: 'PONG' });
    expect(await stack.control.resume(stack.redisPart)).toMatchObject({ state: 'up' });
    await until('it answers', async () => JSON.stringify(await redis(stack, 'PING')) === '{"result":"PONG"}');
  });

  test('ends at SIGTERM and leaves no process and no data, whatever state its parts are in', async () => {
    await stack.control.pause(stack.redisPart);
    await stack.control.kill('worker');
    const processes = everything(stack);
    await stack.stop();
    expect(alive(processes)).toEqual([]);
    expect(await stack.exited).toBe(0);
    expect(() => statSync(stack.dataDir)).toThrow(/ENOENT/);
    // Exactly one line on stdout, and it was the first.
    expect(stack.logs()).not.toContain('stdout:');
  });
});

describe('a stack on a data folder', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'backbeat-test-'));
  // Passable for the user that a real Postgres runs as.
  chmodSync(dataDir, 0o711);
  const stacks: Stack[] = [];

  async function start(env: Record<string, string> = {}, args: string[] = []): Promise<Stack> {
    const stack = await launchStack(['--json', '--redis=embedded', ...args], {
      BACKBEAT_DATA_DIR: dataDir,
      BACKBEAT_CRON_MS: '0',
      ...env,
    });
    stacks.push(stack);
    return stack;
  }

  afterEach(async () => {
    for (const stack of stacks.splice(0)) await stack.stop();
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  test('survives that its supervisor is killed: nothing is left but the data, and the next goes on with that', async () => {
    const postgres = (await findPostgres()) ? ['--postgres=real'] : [];
    const first = await start({}, postgres);
    await redis(first, 'SET', 'kept', 'yes');
    await select(first, 'CREATE TABLE kept AS SELECT 1 AS n');
    const processes = everything(first);

    const { port } = new URL(first.url);
    await expect(start()).rejects.toThrow(
      new RegExp(
        `a stack on ${dataDir} \\(pid ${first.supervisorPid}\\) runs already: page http://127\\.0\\.0\\.1:${port}/`,
      ),
    );
    // A connection's own Postgres process may well have ended by now; the parts may not.
    const parts = new Set(Object.values(first.pids));
    parts.delete(null);
    expect(alive(processes.filter(({ pid }) => parts.has(pid)))).toHaveLength(parts.size);

    process.kill(first.supervisorPid, 'SIGKILL');
    const second = start({}, postgres);
    // The second waits for the watchdog of the first, so that two never use the same files.
    const stack = await second;
    expect(alive(processes)).toEqual([]);
    expect(await redis(stack, 'GET', 'kept')).toEqual({ result: 'yes' });
    expect(await select(stack, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    expect(stack.flushSecret).toBe(first.flushSecret);

    const left = everything(stack);
    process.kill(stack.supervisorPid, 'SIGKILL');
    await until('everything has ended', () => alive(left).length === 0);
    expect(JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')).flushSecret).toBe(
      first.flushSecret,
    );
  });

  test('starts beside another one that is started at the same moment and wants the same ports', async () => {
    const other = mkdtempSync(join(tmpdir(), 'backbeat-test-'));
    const both = await Promise.all([start(), start({ BACKBEAT_DATA_DIR: other })]);
    const ports = both.flatMap(({ url, databaseUrl }) => [url, databaseUrl].map((at) => new URL(at).port));
    expect(new Set(ports).size).toBe(ports.length);
    for (const { url } of both) expect(await status(`${url}/health`)).toBe(200);
    for (const stack of stacks.splice(0)) await stack.stop();
    rmSync(other, { recursive: true });
  });

  test('refuses a port that was asked for and is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen({ port: 0, host: '127.0.0.1' }, resolve));
    const address = holder.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await expect(start({ PORT: String(port) })).rejects.toThrow(`PORT=${port}: this port is taken`);
    holder.close();
  });

  test('names what is malformed', async () => {
    await expect(start({ COMMIT_MIN_MS: 'soon' })).rejects.toThrow(/COMMIT_MIN_MS/);
    await expect(start({ BACKBEAT_CRON_MS: '-1' })).rejects.toThrow(/BACKBEAT_CRON_MS/);
    await expect(start({}, ['--postgres=mysql'])).rejects.toThrow(/--postgres or BACKBEAT_POSTGRES/);
    await expect(start({}, ['--fast'])).rejects.toThrow(/--fast/);
  });
});
