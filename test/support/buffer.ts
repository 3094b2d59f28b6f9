/** The buffer over each engine there is, behind the local Upstash front, in this process. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { randomPort } from '../../dev/ports.ts';
import { createEmbeddedEngine, MAX_RECORD_BYTES } from '../../dev/upstash/engine-embedded.ts';
import { createRedisEngine } from '../../dev/upstash/engine-redis.ts';
import { createUpstashServer, type UpstashServerOptions } from '../../dev/upstash/server.ts';
import { RedisScripts } from '../../src/redis/client.ts';
import { type Keys, keysFor } from '../../src/redis/keys.ts';
import { SessionBuffer } from '../../src/redis/session-buffer.ts';

const TOKEN = 'a-token-for-tests';

export type EngineName = 'embedded' | 'redis';

/** `redis` only where a server is installed. */
export const engines: EngineName[] = serverPath() ? ['embedded', 'redis'] : ['embedded'];

export interface BufferFixture {
  buffer: SessionBuffer;
  redis: RedisScripts;
  keys: Keys;
  /** Sends one command, as any client would. */
  command(...args: string[]): Promise<unknown>;
  /** What it was asked so far. */
  asked(): { requests: number; commands: number; bytes: number };
  /** Bytes of the largest request and of the largest answer since the last call. */
  largest(): { request: number; reply: number };
  /** Sends what only the server's operator may; null on the embedded engine. */
  operate: ((...command: [string, ...string[]]) => Promise<unknown>) | null;
  /** Makes it take no more data, or again any amount. */
  fill(isFull: boolean): Promise<void>;
  /** Another client of the same Redis. */
  connect(onRequest?: () => void): RedisScripts;
  /** Where it answers, and with which token. */
  url: string;
  token: string;
  stop(): Promise<void>;
}

/** A buffer of its own, empty. */
export async function startBuffer(
  engine: EngineName,
  prefix = `test-${randomUUID().slice(0, 8)}:`,
  front: Pick<UpstashServerOptions, 'checksAllKeys'> = {},
): Promise<BufferFixture> {
  const limits = { maxRecordBytes: MAX_RECORD_BYTES, maxDataBytes: Number.POSITIVE_INFINITY };
  const real = engine === 'redis' ? await startRedis() : null;
  const backend = real
    ? createRedisEngine({ url: real.url })
    : await createEmbeddedEngine({ directory: null, limits });
  const server = createUpstashServer({ engine: backend, token: TOKEN, ...front });
  const url = await server.listen(0);
  const connect = (onRequest?: () => void) =>
    new RedisScripts({ url, token: TOKEN, timeoutMs: 10_000, onRequest });
  const redis = connect();
  // The engine connects by itself; until it has, it refuses.
  await vi.waitUntil(() => redis.call('ping', (client) => client.ping()).catch(() => false), {
    timeout: 10_000,
  });
  const keys = keysFor(prefix);
  const operator = real ? new Redis(real.url) : null;
  return {
    redis,
    connect,
    url,
    token: TOKEN,
    keys,
    buffer: new SessionBuffer({ redis, keys, cleanTtlS: 60 }),
    command: async (...args) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}` },
        body: JSON.stringify(args),
      });
      const body: unknown = await response.json();
      if (typeof body !== 'object' || body === null || !('result' in body))
        throw new Error(JSON.stringify(body));
      return body.result;
    },
    asked: () => ({
      requests: server.stats.requests,
      commands: server.stats.commands,
      bytes: server.stats.bytesIn,
    }),
    largest: () => {
      const { largestIn: request, largestOut: reply } = server.stats;
      server.forgetLargest();
      return { request, reply };
    },
    // A real Redis takes what a script writes after a deletion; the embedded one refuses it as Upstash may.
    fill: async (isFull) => {
      limits.maxDataBytes = isFull ? 0 : Number.POSITIVE_INFINITY;
      await operator?.config('SET', 'maxmemory', isFull ? '1' : '0');
    },
    operate: operator && ((name, ...args) => operator.call(name, ...args)),
    stop: async () => {
      operator?.disconnect();
      await server.close();
      await backend.close();
      await real?.stop();
    },
  };
}

function serverPath(): string | null {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      if (existsSync(path)) return path;
    }
  }
  return null;
}

async function startRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const path = serverPath();
  if (!path) throw new Error('no Redis server is installed');
  const folder = await mkdtemp(join(tmpdir(), 'backbeat-redis-'));
  const port = await randomPort();
  const child = spawn(path, ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Ready to accept connections')) resolve();
    });
    child.once('exit', () => reject(new Error(`Redis ended: ${log}`)));
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
