/** Another commit's Worker, with its rooms and its page, beside a running stack and on its stores. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { ManagedProcess } from '../../dev/managed-process.ts';
import { writeDotenvFile } from '../../dev/parts/dotenv-file.ts';
import { randomPort } from '../../dev/ports.ts';
import { commandScript, PROJECT_DIR } from '../../dev/project.ts';
import type { StackAddresses } from './stack.ts';

/** Only to end what hangs: it builds the page twice, beside five other test files. */
const START_TIMEOUT_MS = 150_000;
const STOP_GRACE_MS = 3_000;

export interface OldRelease {
  /** A tag, or `HEAD` before the first release. */
  ref: string;
  /** Its page, API and rooms. The rooms keep their own storage, as in a namespace of their own. */
  url: string;
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

/** Builds and starts it from `ref`'s own sources, on the stack's stores. */
export async function startRelease(ref: string, stack: StackAddresses): Promise<OldRelease> {
  const folder = mkdtempSync(join(tmpdir(), 'backbeat-release-'));
  const source = join(folder, 'source');
  mkdirSync(source);
  const archive = execFileSync('git', ['-C', PROJECT_DIR, 'archive', '--format=tar', ref], {
    maxBuffer: 1e9,
  });
  execFileSync('tar', ['-x', '-C', source], { input: archive });
  symlinkSync(join(PROJECT_DIR, 'node_modules'), join(source, 'node_modules'));

  const envFile = join(folder, 'worker.env');
  writeDotenvFile(envFile, {
    UPSTASH_REDIS_REST_URL: stack.redisRestUrl,
    UPSTASH_REDIS_REST_TOKEN: stack.redisRestToken,
    DATABASE_URL: stack.databaseUrl,
    NEON_FETCH_ENDPOINT: stack.neonFetchEndpoint,
    JWT_SECRET: stack.jwtSecret,
    FLUSH_SECRET: stack.flushSecret,
    KEY_PREFIX: stack.keyPrefix,
  });
  const port = await randomPort();
  let log = '';
  const worker = spawnQuietly(
    [
      ...[commandScript('wrangler'), 'dev', '--config', join(source, 'wrangler.toml'), '--env-file', envFile],
      ...['--persist-to', join(folder, 'worker'), '--ip', '127.0.0.1', '--port', String(port)],
      ...['--inspector-port', '0', '--show-interactive-dev-session=false'],
    ],
    source,
    folder,
    (line) => {
      log += `${line}\n`;
    },
  );
  const stop = async () => {
    await worker.end('SIGTERM', 'tree', STOP_GRACE_MS);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilUp(worker, `${url}/health`);
    await untilUp(worker, `${url}/`);
  } catch (error) {
    await stop();
    throw new Error(`${ref} does not start: ${log}`, { cause: error });
  }
  return { ref, url, logs: () => log, stop };
}

type OnLine = (line: string) => void;

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

/**
 * Waits until an address is served with success.
 * @throws when the process that is to serve it has ended, or doesn't come to it.
 */
export async function untilUp(server: ManagedProcess, url: string): Promise<void> {
  const answers = async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    return response.ok;
  };
  const isDecided = () => server.hasExited || answers().catch(() => false);
  await vi.waitUntil(isDecided, { timeout: START_TIMEOUT_MS, interval: 100 });
  if (server.hasExited) throw new Error(`the server of ${url} ${await server.exited}`);
}

function git(...args: string[]): string {
  return execFileSync('git', ['-C', PROJECT_DIR, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}
