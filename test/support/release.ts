/** The Worker and the rooms of another commit, beside a running stack and on its stores. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { ManagedProcess } from '../../dev/managed-process.ts';
import { writeDotenvFile } from '../../dev/parts/dotenv-file.ts';
import { randomPort } from '../../dev/ports.ts';
import { commandScript, PROJECT_DIR } from '../../dev/project.ts';
import type { StackAddresses } from './stack.ts';

const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 3_000;

export interface OldRelease {
  /** A tag, or `HEAD` before the first release. */
  ref: string;
  /** Its Worker, which knows the stack's rooms. */
  workerUrl: string;
  /** Its rooms, which know the stack's Worker. */
  roomUrl: string;
  logs(): string;
  stop(): Promise<void>;
}

/** The newest release before the commit that is checked out; `HEAD` when there is none. */
export function previousRelease(): string {
  try {
    const tags = git('tag', '--merged', 'HEAD^', '--list', 'v[0-9]*', '--sort=-version:refname');
    return tags.split('\n')[0] || 'HEAD';
  } catch {
    // The first commit has none before it.
    return 'HEAD';
  }
}

/** Builds and starts both from `ref`'s own sources. */
export async function startRelease(ref: string, stack: StackAddresses): Promise<OldRelease> {
  const folder = mkdtempSync(join(tmpdir(), 'backbeat-release-'));
  const source = join(folder, 'source');
  mkdirSync(source);
  const archive = execFileSync('git', ['-C', PROJECT_DIR, 'archive', '--format=tar', ref], {
    maxBuffer: 1e9,
  });
  execFileSync('tar', ['-x', '-C', source], { input: archive });
  symlinkSync(join(PROJECT_DIR, 'node_modules'), join(source, 'node_modules'));

  const [workerPort, roomPort] = [await randomPort(), await randomPort()];
  const shared = {
    UPSTASH_REDIS_REST_URL: stack.redisRestUrl,
    UPSTASH_REDIS_REST_TOKEN: stack.redisRestToken,
    DATABASE_URL: stack.databaseUrl,
    NEON_FETCH_ENDPOINT: stack.neonFetchEndpoint,
    JWT_SECRET: stack.jwtSecret,
    FLUSH_SECRET: stack.flushSecret,
    KEY_PREFIX: stack.keyPrefix,
    WORKER_URL: stack.workerUrl,
    ROOM_URL: stack.roomUrl,
  };
  let log = '';
  const onLine = (line: string) => {
    log += `${line}\n`;
  };
  const processes = [
    spawnWorker({ folder, source, port: workerPort, variables: shared }, onLine),
    spawnRooms({ folder, source, port: roomPort, variables: shared }, onLine),
  ];
  const stop = async () => {
    await Promise.all(processes.map((child) => child.end('SIGTERM', 'tree', STOP_GRACE_MS)));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const workerUrl = `http://127.0.0.1:${workerPort}`;
  const roomUrl = `http://127.0.0.1:${roomPort}`;
  try {
    await Promise.all([
      untilUp(`${workerUrl}/health`, (status) => status === 200),
      untilUp(`${roomUrl}/`, (status) => status < 500),
    ]);
  } catch (error) {
    await stop();
    throw new Error(`${ref} does not start: ${log}`, { cause: error });
  }
  return { ref, workerUrl, roomUrl, logs: () => log, stop };
}

interface Run {
  folder: string;
  source: string;
  port: number;
  variables: Record<string, string>;
}
type OnLine = (line: string) => void;

function spawnWorker({ folder, source, port, variables }: Run, onLine: OnLine): ManagedProcess {
  const envFile = join(folder, 'worker.env');
  writeDotenvFile(envFile, variables);
  const args = [
    ...[commandScript('wrangler'), 'dev', '--config', join(source, 'wrangler.toml'), '--env-file', envFile],
    ...['--persist-to', join(folder, 'worker'), '--ip', '127.0.0.1', '--port', String(port)],
    ...['--inspector-port', '0', '--show-interactive-dev-session=false'],
  ];
  return spawnQuietly(args, source, folder, onLine);
}

function spawnRooms({ folder, source, port, variables }: Run, onLine: OnLine): ManagedProcess {
  const runsIn = join(folder, 'rooms');
  mkdirSync(runsIn);
  for (const name of ['.env', '.env.local']) writeFileSync(join(runsIn, name), '');
  // workerd refuses modules outside of the folder that it runs in: this one leads there.
  const entry = join(runsIn, 'server.ts');
  writeFileSync(
    entry,
    `export { default } from ${JSON.stringify(join(source, 'src', 'room', 'server.ts'))};\n`,
  );
  const config = join(runsIn, 'partykit.json');
  const compatibilityDate = '2024-07-18';
  writeFileSync(config, JSON.stringify({ name: 'old', main: entry, compatibilityDate, vars: variables }));
  const args = [
    ...[commandScript('partykit'), 'dev', '--config', config, '--port', String(port)],
    ...['--persist', join(runsIn, 'state'), '--disable-request-cf-fetch', '--no-hotkeys'],
  ];
  return spawnQuietly(args, runsIn, folder, onLine);
}

function spawnQuietly(args: string[], cwd: string, folder: string, onLine: OnLine): ManagedProcess {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    WRANGLER_LOG_PATH: join(folder, 'logs'),
    WRANGLER_REGISTRY_PATH: join(folder, 'registry'),
    WRANGLER_SEND_METRICS: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    NO_UPDATE_NOTIFIER: '1',
  };
  return ManagedProcess.spawn({ file: process.execPath, args, cwd, env }, onLine);
}

async function untilUp(url: string, isUp: (status: number) => boolean): Promise<void> {
  const answers = async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    return isUp(response.status);
  };
  await vi.waitUntil(() => answers().catch(() => false), { timeout: START_TIMEOUT_MS, interval: 100 });
}

function git(...args: string[]): string {
  return execFileSync('git', ['-C', PROJECT_DIR, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}
