/** The local Upstash server against the official client, on each engine that this machine can run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis, type RedisConfigNodejs } from '@upstash/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { randomPort } from '../../dev/ports.ts';
import { providePrograms } from '../../dev/programs.ts';
import type { RedisEngine } from '../../dev/upstash/engine.ts';
import { RedisError, type Reply } from '../../dev/upstash/engine.ts';
import { createEmbeddedEngine } from '../../dev/upstash/engine-embedded.ts';
import { createRedisEngine } from '../../dev/upstash/engine-redis.ts';
import { createUpstashServer, type UpstashServer } from '../../dev/upstash/server.ts';

const TOKEN = 'a-token-for-tests';
const MAX_REQUEST_BYTES = 256 * 1024;

function findOnPath(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

const redisBinary = findOnPath('redis-server') ?? findOnPath('valkey-server');

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'backbeat-upstash-'));
}

/** Tries until it passes: for what another process will do, which sends no event. */
async function eventually(check: () => Promise<void>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

interface RealRedis {
  url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Stops the process without closing its connections, and lets it go on. */
  freeze(): boolean | undefined;
  thaw(): boolean | undefined;
}

/** A throwaway Redis on its own port, which can be killed and started again. */
async function realRedis(binary: string, folder: string): Promise<RealRedis> {
  const port = await randomPort();
  let child: ChildProcess | null = null;
  return {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const args = [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'yes',
        '--dir',
        folder,
      ];
      const started = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      child = started;
      await new Promise<void>((resolve, reject) => {
        createInterface({ input: started.stdout }).on('line', (line) => {
          if (/ready to accept connections/i.test(line)) resolve();
        });
        started.once('exit', () => reject(new Error('redis-server ended')));
      });
    },
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    async kill() {
      child?.kill('SIGKILL');
      if (child) await exited(child);
    },
  };
}

interface Harness {
  engine: RedisEngine;
  stop(): Promise<void>;
}

async function startEmbedded(): Promise<Harness> {
  const engine = await createEmbeddedEngine({ directory: null });
  return { engine, stop: () => engine.close() };
}

async function startReal(binary: string): Promise<Harness> {
  const folder = temporaryFolder();
  const redis = await realRedis(binary, folder);
  await redis.start();
  const engine = createRedisEngine({ url: redis.url });
  await eventually(async () => {
    await engine.call(['PING']);
  });
  return {
    engine,
    async stop() {
      await engine.close();
      await redis.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const engines: [string, () => Promise<Harness>][] = [['embedded', startEmbedded]];
if (redisBinary !== null) engines.push(['redis', () => startReal(redisBinary)]);

function client(url: string, overrides: Partial<RedisConfigNodejs> = {}): Redis {
  return new Redis({
    url,
    token: TOKEN,
    retry: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    ...overrides,
  });
}

describe.each(engines)('the REST API on %s', (_, start) => {
  let harness: Harness;
  let server: UpstashServer;
  let url: string;
  let redis: Redis;

  beforeAll(async () => {
    harness = await start();
    server = createUpstashServer({
      engine: harness.engine,
      token: TOKEN,
      maxRequestBytes: MAX_REQUEST_BYTES,
    });
    url = await server.listen(0);
    redis = client(url);
  });
  afterAll(async () => {
    await server?.close();
    await harness?.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
  });

  async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const json: unknown = await response.json();
    return { status: response.status, json, headers: response.headers };
  }

  describe('strings and keys', () => {
    it('sets and gets', async () => {
      expect(await redis.set('k', 'v')).toBe('OK');
      expect(await redis.get('k')).toBe('v');
      expect(await redis.get('absent')).toBeNull();
      expect(await redis.exists('k', 'absent')).toBe(1);
      expect(await redis.del('k', 'absent')).toBe(1);
      expect(await redis.get('k')).toBeNull();
    });

    it('sets under conditions, and returns the old value', async () => {
      expect(await redis.set('k', 'one', { xx: true })).toBeNull();
      expect(await redis.set('k', 'one', { nx: true, px: 60_000 })).toBe('OK');
      expect(await redis.set('k', 'two', { nx: true })).toBeNull();
      expect(await redis.set('k', 'three', { get: true })).toBe('one');
      expect(await redis.pttl('k')).toBe(-1);
    });

    it('expires', async () => {
      await redis.set('k', 'v', { px: 60_000 });
      expect(await redis.pttl('k')).toBeGreaterThan(59_000);
      expect(await redis.expire('k', 10)).toBe(1);
      expect(await redis.ttl('k')).toBe(10);
      expect(await redis.pexpire('k', 5_000)).toBe(1);
      expect(await redis.pttl('k')).toBeLessThanOrEqual(5_000);
      expect(await redis.persist('k')).toBe(1);
      expect(await redis.pttl('k')).toBe(-1);
      expect(await redis.pttl('absent')).toBe(-2);
      await redis.set('short', 'v', { px: 20 });
      await eventually(async () => expect(await redis.get('short')).toBeNull());
      expect(await redis.exists('short')).toBe(0);
      expect(await redis.pexpire('k', 0)).toBe(1);
      expect(await redis.exists('k')).toBe(0);
    });

    it('counts exactly, and refuses what is no integer', async () => {
      expect(await redis.incr('n')).toBe(1);
      expect(await redis.incrby('n', 41)).toBe(42);
      expect(await redis.decr('n')).toBe(41);
      await redis.set('n', '9223372036854775806');
      await redis.incr('n');
      expect(await client(url, { automaticDeserialization: false }).get('n')).toBe('9223372036854775807');
      await expect(redis.incr('n')).rejects.toThrow(/overflow/);
      await redis.set('text', 'abc');
      await expect(redis.incr('text')).rejects.toThrow(/not an integer/);
    });

    it('finds keys', async () => {
      await redis.mset({ 'a:1': 'x', 'a:2': 'x', 'b:[1]': 'x' });
      await redis.hset('h', { f: 'v' });
      await redis.zadd('z', { score: 1, member: 'm' });
      expect((await redis.keys('a:*')).sort()).toEqual(['a:1', 'a:2']);
      expect(await redis.keys('b:\\[?\\]')).toEqual(['b:[1]']);
      expect((await redis.keys('a:[^1]')).sort()).toEqual(['a:2']);
      expect(await redis.dbsize()).toBe(5);
      expect(await redis.type('a:1')).toBe('string');
      expect(await redis.type('h')).toBe('hash');
      expect(await redis.type('z')).toBe('zset');
      expect(await redis.type('absent')).toBe('none');
    });

    it('scans every key, a page at a time', async () => {
      const all = Array.from({ length: 500 }, (__, index) => `key:${index}`);
      await redis.mset(Object.fromEntries(all.map((key) => [key, 'v'])));
      await redis.set('other', 'v');
      const seen = new Set<string>();
      let cursor = '0';
      do {
        const [next, keys] = await redis.scan(cursor, { match: 'key:*', count: 50 });
        for (const key of keys) seen.add(key);
        cursor = next;
      } while (cursor !== '0');
      expect([...seen].sort()).toEqual(all.sort());
    });

    it('answers about the server', async () => {
      expect(await redis.ping()).toBe('PONG');
      const [seconds, micros] = await redis.time();
      expect(Math.abs(seconds * 1000 + micros / 1000 - Date.now())).toBeLessThan(5_000);
      const info = await redis.exec<string>(['INFO']);
      expect(info).toMatch(/^redis_version:/m);
      expect(info).toMatch(/^total_commands_processed:\d+\r?$/m);
    });
  });

  describe('hashes', () => {
    it('writes and reads fields', async () => {
      expect(await redis.hset('h', { a: '1', b: 'two' })).toBe(2);
      expect(await redis.hset('h', { b: 'zwei', c: '3' })).toBe(1);
      expect(await redis.hget('h', 'b')).toBe('zwei');
      expect(await redis.hmget('h', 'a', 'absent')).toEqual({ a: 1, absent: null });
      expect(await redis.hgetall('h')).toEqual({ a: 1, b: 'zwei', c: 3 });
      expect(await redis.hgetall('absent')).toBeNull();
      expect(await redis.hlen('h')).toBe(3);
      expect(await redis.hexists('h', 'a')).toBe(1);
      expect(await redis.hsetnx('h', 'a', 'no')).toBe(0);
      expect(await redis.hsetnx('h', 'd', 'yes')).toBe(1);
      expect(await redis.hincrby('h', 'a', 4)).toBe(5);
      await expect(redis.hincrby('h', 'b', 1)).rejects.toThrow(/hash value is not an integer/);
      expect(await redis.hdel('h', 'a', 'b', 'absent')).toBe(2);
      expect(await redis.hdel('h', 'c', 'd')).toBe(2);
      expect(await redis.exists('h')).toBe(0);
    });

    it('holds any field name', async () => {
      const names = ['__proto__', 'constructor', '2', '10', '', 'ключ', ' '];
      await redis.exec(['HSET', 'h', ...names.flatMap((name) => [name, `v${name}`])]);
      expect(await redis.hlen('h')).toBe(names.length);
      for (const name of names) expect(await redis.hget('h', name)).toBe(`v${name}`);
    });

    it('scans every field of a large hash', async () => {
      const fields = Object.fromEntries(
        Array.from({ length: 1_000 }, (__, index) => [`f${index}`, `v${index}`]),
      );
      await redis.hset('h', fields);
      const seen: Record<string, string> = {};
      let cursor = '0';
      do {
        const [next, found] = await redis.hscan('h', cursor, { count: 100 });
        for (let at = 0; at < found.length; at += 2) seen[String(found[at])] = String(found[at + 1]);
        cursor = next;
      } while (cursor !== '0');
      expect(seen).toEqual(fields);
    });
  });

  describe('sorted sets', () => {
    it('adds under conditions', async () => {
      expect(await redis.zadd('z', { score: 5, member: 'a' }, { score: 3, member: 'b' })).toBe(2);
      expect(await redis.zadd('z', { nx: true }, { score: 9, member: 'a' })).toBe(0);
      expect(await redis.zscore('z', 'a')).toBe(5);
      expect(await redis.zadd('z', { xx: true }, { score: 9, member: 'c' })).toBe(0);
      expect(await redis.zadd('z', { gt: true, ch: true }, { score: 4, member: 'a' })).toBe(0);
      expect(await redis.zadd('z', { gt: true, ch: true }, { score: 6, member: 'a' })).toBe(1);
      expect(await redis.zincrby('z', 1.5, 'b')).toBe(4.5);
      expect(await redis.zcard('z')).toBe(2);
      expect(await redis.zrem('z', 'a', 'absent')).toBe(1);
      expect(await redis.zscore('z', 'a')).toBeNull();
      await expect(redis.exec(['ZADD', 'z', 'no', 'm'])).rejects.toThrow(/not a valid float/);
    });

    it('ranges by rank and by score', async () => {
      const members = ['d', 'b', 'a', 'c', 'e'].map((member) => ({
        member,
        score: member.charCodeAt(0) - 96,
      }));
      const [first, ...rest] = members;
      if (first) await redis.zadd('z', first, ...rest);
      expect(await redis.zrange('z', 0, -1)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(await redis.zrange('z', 0, 1, { withScores: true })).toEqual(['a', 1, 'b', 2]);
      expect(await redis.zrange('z', -2, -1, { rev: true })).toEqual(['b', 'a']);
      expect(await redis.exec(['ZRANGEBYSCORE', 'z', '(1', '+inf', 'WITHSCORES', 'LIMIT', '1', '2'])).toEqual(
        ['c', 3, 'd', 4],
      );
      expect(await redis.exec(['ZRANGEBYSCORE', 'z', '-inf', '3'])).toEqual(['a', 'b', 'c']);
      expect(await redis.zrange('z', 4, 2, { byScore: true, rev: true })).toEqual(['d', 'c', 'b']);
      expect(await redis.zcount('z', 2, '(5')).toBe(3);
      expect(await redis.zrank('z', 'c')).toBe(2);
      expect(await redis.zremrangebyscore('z', 1, 2)).toBe(2);
      expect(await redis.zrange('absent', 0, -1)).toEqual([]);
    });

    it('orders equal scores by bytes', async () => {
      await redis.zadd(
        'z',
        { score: 1, member: 'b' },
        { score: 1, member: 'a' },
        { score: 1, member: 'B' },
        { score: 1, member: 'é' },
      );
      expect(await redis.zrange('z', 0, -1)).toEqual(['B', 'a', 'b', 'é']);
    });
  });

  describe('scripts', () => {
    const run = (script: string, keys: string[] = [], args: string[] = []) =>
      redis.eval<string[], unknown>(script, keys, args);

    it('returns every kind of reply', async () => {
      expect(await run("return {1, 2.9, -2.9, true, false, 'x', {}, {'a', {3}}}")).toEqual([
        1,
        2,
        -2,
        1,
        null,
        'x',
        [],
        ['a', [3]],
      ]);
      expect(await run('return {1, nil, 3}')).toEqual([1]);
      expect(await run('return nil')).toBeNull();
      expect(await run("return redis.status_reply('FINE')")).toBe('FINE');
      expect(await run('return {KEYS[1], ARGV[1], #KEYS, #ARGV}', ['k'], ['v', 'w'])).toEqual([
        'k',
        'v',
        1,
        2,
      ]);
      await expect(run("return redis.error_reply('FENCED by another')")).rejects.toThrow(
        /^FENCED by another, command was/,
      );
      await expect(run("return {err = 'FENCED too'}")).rejects.toThrow(/^FENCED too/);
    });

    it('calls commands and converts their replies', async () => {
      const result = await run(
        `redis.call('HSET', KEYS[1], 'a', 1, 'b', ARGV[1])
         redis.call('ZADD', KEYS[2], 'NX', 10, 'm', 20.5, 'n')
         local absent = redis.call('GET', 'absent')
         return {
           redis.call('HGETALL', KEYS[1]), redis.call('HMGET', KEYS[1], 'a', 'x'), redis.call('SET', KEYS[3], 'v', 'PX', 60000).ok,
           redis.call('PTTL', KEYS[3]) > 50000, absent == false, redis.call('ZRANGEBYSCORE', KEYS[2], 10, 30, 'WITHSCORES', 'LIMIT', 0, 1),
           redis.call('EXISTS', KEYS[3]), redis.call('TYPE', KEYS[2]).ok,
         }`,
        ['h', 'z', 's'],
        ['two'],
      );
      expect(result).toEqual([['a', 1, 'b', 'two'], [1, null], 'OK', 1, 1, ['m', 10], 1, 'zset']);
    });

    it('computes with the time in milliseconds', async () => {
      const script = `local t = redis.call('TIME')
        local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
        redis.call('SET', 'now', now)
        return {now, redis.call('GET', 'now'), tostring(now + 0.5 - 0.5)}`;
      const result = z.tuple([z.number(), z.number(), z.number()]).parse(await run(script));
      expect(Math.abs(result[0] - Date.now())).toBeLessThan(5_000);
      expect(result[1]).toBe(result[0]);
      expect(await run("return tostring(tonumber('1732405000') * 1000)")).toBe(1_732_405_000_000);
    });

    it('tells errors as Redis does', async () => {
      await redis.set('s', 'v');
      await expect(run("return redis.call('HGET', 's', 'f')")).rejects.toThrow(
        /^WRONGTYPE Operation against a key holding the wrong kind of value script: [0-9a-f]{40}, on @user_script:1\./,
      );
      await expect(run("\n\nreturn redis.call('NOPE')")).rejects.toThrow(
        /^ERR Unknown Redis command called from script.*user_script:3/,
      );
      await expect(run("return redis.call('GET')")).rejects.toThrow(/Wrong number of args/);
      await expect(run('return nil + 1')).rejects.toThrow(
        /^ERR user_script:1: attempt to perform arithmetic on a nil value/,
      );
      await expect(run('return foo(')).rejects.toThrow(/^ERR Error compiling script/);
      await expect(run('leaked = 1')).rejects.toThrow(/Attempt to modify a readonly table/);
      await expect(run('return leaked')).rejects.toThrow(/nonexistent global variable 'leaked'/);
      await expect(run("return redis.call('EVAL', 'return 1', 0)")).rejects.toThrow(
        /not allowed from script/,
      );
      expect(await run("return redis.pcall('HGET', 's', 'f').err")).toMatch(/^WRONGTYPE/);
      expect(
        await run("local ok, e = pcall(redis.call, 'HGET', 's', 'f') return {ok and 'yes' or 'no', e}"),
      ).toEqual(['no', expect.stringMatching(/^WRONGTYPE/)]);
    });

    it('keeps what a failing script has written, and nothing of it leaks', async () => {
      await expect(run("redis.call('SET', 'kept', '1') error('after')")).rejects.toThrow(/after/);
      expect(await redis.get('kept')).toBe(1);
      expect(await run('return #KEYS')).toBe(0);
    });

    it('speaks JSON', async () => {
      const script = `local v = cjson.decode(ARGV[1])
        return {v.list[2], v.nested.text, v.gone == cjson.null and 'null' or 'other', cjson.encode({v.list, 'a/"é"', 1.5, true, {}})}`;
      const given = JSON.stringify({ list: [1, 2], nested: { text: 'grüße 🎵' }, gone: null });
      const raw = client(url, { automaticDeserialization: false });
      expect(await raw.eval(script, [], [given])).toEqual([
        2,
        'grüße 🎵',
        'null',
        '[[1,2],"a\\/\\"é\\"",1.5,true,{}]',
      ]);
    });

    it('falls back to EVAL when a script is not loaded', async () => {
      const script = redis.createScript<number>("return redis.call('INCR', KEYS[1])");
      await redis.scriptFlush();
      await expect(script.evalsha(['n'], [])).rejects.toThrow(
        /^NOSCRIPT No matching script\. Please use EVAL\./,
      );
      expect(await script.exec(['n'], [])).toBe(1);
      expect(await script.evalsha(['n'], [])).toBe(2);
      await redis.scriptFlush();
      expect(await redis.scriptExists(script.sha1)).toEqual([0]);
      expect(await redis.scriptLoad(script.script)).toBe(script.sha1);
      expect(await script.exec(['n'], [])).toBe(3);
    });

    it('takes scripts that say they lock only their keys, under the SHA of their own text', async () => {
      const text = "#!lua flags=allow-key-locking\n  return redis.call('INCR', KEYS[1])";
      const script = redis.createScript<number>(text);
      await expect(script.evalsha(['n'], [])).rejects.toThrow(/^NOSCRIPT/);
      expect(await run(text, ['n'])).toBe(1);
      expect(await script.evalsha(['n'], [])).toBe(2);
      await redis.scriptFlush();
      expect(await redis.scriptExists(script.sha1)).toEqual([0]);
      expect(await redis.scriptLoad(text)).toBe(script.sha1);
      expect(await redis.scriptExists(script.sha1)).toEqual([1]);
      expect(await redis.multi().evalsha(script.sha1, ['n'], []).scriptLoad(text).exec()).toEqual([
        3,
        script.sha1,
      ]);
      await expect(run('#!lua flags=allow-key-locking\nreturn nil + 1')).rejects.toThrow(/user_script:2/);
    });

    it('runs scripts and commands one after the other', async () => {
      const script = `local n = tonumber(redis.call('GET', KEYS[1]) or '0')
        for i = 1, 200 do redis.call('SET', KEYS[1], n + i) end
        return redis.call('GET', KEYS[1])`;
      const results = await Promise.all(Array.from({ length: 20 }, () => run(script, ['n'])));
      expect(results.map(Number).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 20 }, (__, index) => (index + 1) * 200),
      );
    });

    it('refuses writes of a read-only script', async () => {
      expect(await redis.evalRo("return redis.call('GET', 'absent')", [], [])).toBeNull();
      await expect(redis.evalRo("return redis.call('SET', 'k', 'v')", [], [])).rejects.toThrow(
        /read-only scripts/,
      );
    });
  });

  describe('encodings', () => {
    const texts = [
      '123',
      '{}',
      '"quoted"',
      'null',
      'OK',
      'T0s=',
      '',
      'grüße 🎵 日本',
      'a\u0000b',
      '[1,2]',
      'x'.repeat(50_000),
      '\u2028\r\n',
    ];

    it.each(['base64', false] as const)(
      'returns every string unchanged (responseEncoding %s)',
      async (responseEncoding) => {
        const raw = client(url, { automaticDeserialization: false, responseEncoding });
        for (const text of texts) {
          expect(await raw.set('k', text)).toBe('OK');
          expect(await raw.get('k')).toBe(text);
        }
        await raw.exec(['HSET', 'h', ...texts.flatMap((text, index) => [`f${index}`, text])]);
        expect((await raw.exec<string[]>(['HVALS', 'h'])).sort()).toEqual([...texts].sort());
        expect(await raw.eval('return {{ARGV[1]}, ARGV[2]}', [], ['nested 🎵', 'top'])).toEqual([
          ['nested 🎵'],
          'top',
        ]);
      },
    );

    it('encodes strings only, and all but a bare OK', async () => {
      const base64 = { 'upstash-encoding': 'base64' };
      await redis.set('k', 'bar');
      expect((await post('/', ['GET', 'k'], base64)).json).toEqual({ result: 'YmFy' });
      expect((await post('/', ['SET', 'k', 'v'], base64)).json).toEqual({ result: 'OK' });
      expect((await post('/', ['GET', 'absent'], base64)).json).toEqual({ result: null });
      expect((await post('/', ['DEL', 'k'], base64)).json).toEqual({ result: 1 });
      expect((await post('/', ['PING'], base64)).json).toEqual({ result: 'UE9ORw==' });
      expect((await post('/', ['EVAL', "return {'OK', 1, {'a'}}", 0], base64)).json).toEqual({
        result: ['T0s=', 1, ['YQ==']],
      });
      expect((await post('/', ['NOPE'], base64)).json).toEqual({
        error: expect.stringMatching(/^ERR unknown command/),
      });
    });

    it('keeps bytes that are no UTF-8', async () => {
      const bytes = Buffer.from([0xff, 0x00, 0x80, 0x0a, 0xfe]);
      const authorization = { authorization: `Bearer ${TOKEN}` };
      const set = await fetch(`${url}/set/bin`, { method: 'POST', headers: authorization, body: bytes });
      expect(await set.json()).toEqual({ result: 'OK' });
      const get = await fetch(`${url}/get/bin`, {
        headers: { ...authorization, 'upstash-encoding': 'base64' },
      });
      expect(await get.json()).toEqual({ result: bytes.toString('base64') });
      const plain = await fetch(`${url}/get/bin`, { headers: authorization });
      expect(await plain.json()).toEqual({ result: bytes.toString() });
      expect(await redis.eval("return {string.byte(redis.call('GET', 'bin'), 1, -1)}", [], [])).toEqual([
        ...bytes,
      ]);
    });
  });

  describe('requests', () => {
    it('takes commands in the path', async () => {
      const get = async (path: string, init: RequestInit = {}) => {
        const response = await fetch(`${url}${path}`, {
          headers: { authorization: `Bearer ${TOKEN}` },
          ...init,
        });
        return { status: response.status, json: await response.json() };
      };
      expect(await get('/set/foo/a%2Fb%20c')).toEqual({ status: 200, json: { result: 'OK' } });
      expect(await get('/GET/foo')).toEqual({ status: 200, json: { result: 'a/b c' } });
      expect(await get('/set/foo?EX=100', { method: 'POST', body: '{"json":true}' })).toEqual({
        status: 200,
        json: { result: 'OK' },
      });
      expect(await redis.ttl('foo')).toBe(100);
      expect(await redis.get('foo')).toEqual({ json: true });
      expect(await get('/set/foo/again?NX')).toEqual({ status: 200, json: { result: null } });
      expect((await get('/%E0%A4%A')).status).toBe(400);
      expect((await get('/')).status).toBe(400);
      expect((await get('/get/foo', { method: 'DELETE' })).status).toBe(405);
    });

    it('takes numbers and booleans as their text', async () => {
      expect((await post('/', ['SET', 'k', 12.5, 'EX', 100])).json).toEqual({ result: 'OK' });
      expect((await post('/', ['GET', 'k'])).json).toEqual({ result: '12.5' });
      expect((await post('/', ['SET', 'k', true])).json).toEqual({ result: 'OK' });
      expect((await post('/', ['GET', 'k'])).json).toEqual({ result: 'true' });
    });

    it.each([
      ['/', '{not json'],
      ['/', '{"a":1}'],
      ['/', '[]'],
      ['/', '["GET", null]'],
      ['/', '["GET", {"a":1}]'],
      ['/', ''],
      ['/pipeline', '["GET","k"]'],
      ['/pipeline', '[[]]'],
      ['/pipeline', '[]'],
      ['/multi-exec', '[1'],
      ['/multi-exec', '{}'],
    ])('refuses a malformed body: %s %s', async (path, body) => {
      const { status, json } = await post(path, body);
      expect(status).toBe(400);
      expect(json).toEqual({ error: expect.stringMatching(/^ERR /) });
    });

    it("answers a command's error with 400 and Redis' text", async () => {
      await redis.set('s', 'v');
      expect(await post('/', ['NOPE', 'a', 'b'])).toMatchObject({
        status: 400,
        json: {
          error: expect.stringMatching(/^ERR unknown command 'NOPE', with args beginning with: 'a' 'b'/),
        },
      });
      expect(await post('/', ['GET'])).toMatchObject({
        status: 400,
        json: { error: "ERR wrong number of arguments for 'get' command" },
      });
      expect(await post('/', ['HGET', 's', 'f'])).toMatchObject({
        status: 400,
        json: { error: 'WRONGTYPE Operation against a key holding the wrong kind of value' },
      });
      await expect(redis.hget('s', 'f')).rejects.toThrow(/^WRONGTYPE.*command was: \["hget","s","f"\]$/);
    });

    it.each([
      ['SUBSCRIBE', 'c'],
      ['MONITOR'],
      ['blpop', 'k', '0'],
      ['MULTI'],
      ['SELECT', '1'],
      ['SHUTDOWN'],
      ['XREAD', 'BLOCK', '0', 'STREAMS', 's', '0'],
    ])('refuses %s', async (...command) => {
      expect(await post('/', command)).toMatchObject({
        status: 400,
        json: { error: expect.stringMatching(/^ERR Command is not available: '/) },
      });
    });

    it('wants the token', async () => {
      const unauthorized = { error: expect.stringMatching(/^WRONGPASS /) };
      const wrong = await post('/', ['PING'], { authorization: 'Bearer wrong' });
      expect(wrong).toMatchObject({ status: 401, json: unauthorized });
      const missing = await fetch(`${url}/ping`);
      expect(missing.status).toBe(401);
      expect(await missing.json()).toEqual(unauthorized);
      expect((await fetch(`${url}/ping?_token=wrong`)).status).toBe(401);
      const byQuery = await fetch(`${url}/echo/hi?_token=${TOKEN}`);
      expect(await byQuery.json()).toEqual({ result: 'hi' });
      await expect(client(url, { token: 'wrong' }).ping()).rejects.toThrow(/^WRONGPASS/);
    });

    it('refuses a request that is too large, and takes the largest that is not', async () => {
      const command = (bytes: number) => {
        const empty = JSON.stringify(['SET', 'k', '']).length;
        return ['SET', 'k', 'x'.repeat(bytes - empty)];
      };
      expect((await post('/', command(MAX_REQUEST_BYTES))).json).toEqual({ result: 'OK' });
      expect(await post('/', command(MAX_REQUEST_BYTES + 1))).toMatchObject({
        status: 413,
        json: {
          error: expect.stringMatching(
            new RegExp(
              `^ERR max request size exceeded\\. Limit: ${MAX_REQUEST_BYTES} bytes, Actual: ${MAX_REQUEST_BYTES + 1} bytes`,
            ),
          ),
        },
      });
      expect(await redis.exec(['STRLEN', 'k'])).toBe(
        MAX_REQUEST_BYTES - JSON.stringify(['SET', 'k', '']).length,
      );
    });

    it('sends a sync token and refuses formats it does not speak', async () => {
      const { headers } = await post('/', ['PING']);
      expect(headers.get('upstash-sync-token')).toBeTruthy();
      expect((await post('/', ['PING'], { 'upstash-response-format': 'resp2' })).status).toBe(400);
    });

    it('counts commands as they are billed', async () => {
      const before = { ...server.stats };
      await redis.eval("redis.call('SET', 'a', '1') return redis.call('GET', 'a')", [], []);
      await redis.pipeline().ping().ping().exec();
      await post('/', ['MONITOR']);
      expect(server.stats.requests - before.requests).toBe(3);
      expect(server.stats.commands - before.commands).toBe(3);
      expect(server.stats.bytesIn).toBeGreaterThan(before.bytesIn);
      expect(await (await fetch(`${url}/_stats`)).json()).toEqual({ ...server.stats });
    });
  });

  describe('pipelines and transactions', () => {
    it('answers each command of a pipeline in its place', async () => {
      const { status, json } = await post('/pipeline', [
        ['SET', 'k', 'x'],
        ['INCR', 'k'],
        ['MONITOR'],
        ['GET', 'k'],
        ['NOPE'],
      ]);
      expect(status).toBe(200);
      expect(json).toEqual([
        { result: 'OK' },
        { error: 'ERR value is not an integer or out of range' },
        { error: expect.stringMatching(/not available/) },
        { result: 'x' },
        { error: expect.stringMatching(/^ERR unknown command/) },
      ]);
      expect(
        await redis.pipeline().set('a', { n: 1 }).get('a').zadd('z', { score: 2, member: 'm' }).exec(),
      ).toEqual(['OK', { n: 1 }, 1]);
    });

    it('runs all of a transaction, also past an error', async () => {
      expect(await redis.multi().set('a', 'b').get('a').incr('n').exec()).toEqual(['OK', 'b', 1]);
      const { status, json } = await post('/multi-exec', [
        ['SET', 'k', 'x'],
        ['INCR', 'k'],
        ['SET', 'l', 'y'],
      ]);
      expect(status).toBe(200);
      expect(json).toEqual([
        { result: 'OK' },
        { error: 'ERR value is not an integer or out of range' },
        { result: 'OK' },
      ]);
    });

    it.each([[['NOPE', 'x']], [['GET']], [['SUBSCRIBE', 'c']]])(
      'discards a transaction with %j whole',
      async (bad) => {
        const { status, json } = await post('/multi-exec', [['SET', 'k', 'v'], bad]);
        expect(status).toBe(400);
        expect(json).toEqual({
          error: expect.stringMatching(/^EXECABORT Transaction discarded because of: ERR /),
        });
        expect(await redis.get('k')).toBeNull();
        expect(await redis.multi().set('k', 'v').exec()).toEqual(['OK']);
      },
    );

    it('lets nothing between the commands of a transaction', async () => {
      const incrementTwice = () => redis.multi().incr('n').incr('n').exec<[number, number]>();
      const all = await Promise.all(
        Array.from({ length: 30 }, async () => [await redis.incr('n'), ...(await incrementTwice())]),
      );
      for (const [, first = 0, second = 0] of all) expect(second - first).toBe(1);
      expect(await redis.get('n')).toBe(90);
    });
  });
});

const readySchema = z.object({
  ready: z.literal(true),
  url: z.string(),
  engine: z.enum(['redis', 'embedded']),
});

/** The process, started as the local stack does; resolves with what it says when it is ready. */
async function startProcess(env: Record<string, string>) {
  const programArgs = await providePrograms();
  const child = spawn(process.execPath, programArgs('upstash'), {
    env: { PATH: process.env.PATH, UPSTASH_TOKEN: TOKEN, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited(child);
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${errors}`)));
  });
  return { child, ...readySchema.parse(JSON.parse(line)) };
}

describe('the process', () => {
  it('keeps every acknowledged write of the embedded engine across kill -9', async () => {
    const folder = temporaryFolder();
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const first = await startProcess({ EMBEDDED_DIR: folder });
    expect(first.engine).toBe('embedded');
    const redis = client(first.url, { automaticDeserialization: false });
    await redis.set('text', 'grüße 🎵\n"');
    await redis.set('expiring', 'v', { px: 600_000 });
    await redis.set('gone', 'v', { px: 1 });
    await redis.hset('h', { a: '1', b: '2', c: '3' });
    await redis.hdel('h', 'b');
    await redis.eval(
      "redis.call('ZADD', 'z', 2, 'two', 1.5, 'x', 'inf', 'last') redis.call('ZREM', 'z', 'x')",
      [],
      [],
    );
    await redis.multi().set('deleted', 'v').del('deleted').exec();
    await redis.exec(['SET', 'short', 'v', 'PX', '1']);
    await eventually(async () => expect(await redis.exists('short')).toBe(0));
    await redis.hset('short', { fresh: 'yes' });

    // Writers go on until the kill takes the server away; what each was told is what has to be there.
    let acknowledged = 0;
    const writer = (async () => {
      for (;;) acknowledged = Number(await redis.eval("return redis.call('INCR', 'counter')", [], []));
    })();
    await eventually(async () => expect(acknowledged).toBeGreaterThan(100));
    first.child.kill('SIGKILL');
    await expect(writer).rejects.toThrow();

    const second = await startProcess({ EMBEDDED_DIR: folder });
    const again = client(second.url, { automaticDeserialization: false });
    expect(Number(await again.get('counter'))).toBeGreaterThanOrEqual(acknowledged);
    expect(await again.get('text')).toBe('grüße 🎵\n"');
    expect(await again.pttl('expiring')).toBeGreaterThan(500_000);
    expect(await again.exec(['HGETALL', 'h'])).toEqual(['a', '1', 'c', '3']);
    expect(await again.exec(['ZRANGE', 'z', '0', '-1', 'WITHSCORES'])).toEqual(['two', '2', 'last', 'inf']);
    expect(await again.exists('gone', 'deleted')).toBe(0);
    expect(await again.exec(['HGETALL', 'short'])).toEqual(['fresh', 'yes']);
  });

  it('starts from a journal whose last line was cut off, and refuses one that is damaged before', async () => {
    const folder = temporaryFolder();
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const engine = await createEmbeddedEngine({ directory: folder });
    await engine.call(['SET', 'a', '1']);
    await engine.multi([
      ['SET', 'b', '2'],
      ['SET', 'c', '3'],
    ]);
    await engine.close();
    const file = join(folder, 'journal.jsonl');
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, -5));
    const cut = await createEmbeddedEngine({ directory: folder });
    // The transaction went as a whole: nothing of it is there.
    expect(await cut.call(['MGET', 'a', 'b', 'c'])).toEqual([Buffer.from('1'), null, null]);
    await cut.call(['SET', 'd', '4']);
    await cut.close();
    const repaired = await createEmbeddedEngine({ directory: folder });
    expect(await repaired.call(['MGET', 'a', 'd'])).toEqual([Buffer.from('1'), Buffer.from('4')]);
    await repaired.close();
    writeFileSync(file, `not json\n${readFileSync(file, 'latin1')}`, 'latin1');
    await expect(createEmbeddedEngine({ directory: folder })).rejects.toThrow(/journal\.jsonl, line 1/);
  });

  it('names what is wrong with its environment', async () => {
    await expect(startProcess({})).rejects.toThrow(/exactly one of REDIS_URL and EMBEDDED_DIR/);
    await expect(startProcess({ EMBEDDED_DIR: 'memory', PORT: 'x' })).rejects.toThrow(/configuration: PORT/);
  });

  it('finishes what is in flight on SIGTERM and exits with 0', async () => {
    const { child, url } = await startProcess({ EMBEDDED_DIR: 'memory' });
    const script = "for i = 1, 300000 do redis.call('INCR', 'n') end return redis.call('GET', 'n')";
    // The script holds the process; the signal arrives meanwhile.
    const inFlight = client(url).eval(script, [], []);
    await eventually(async () => expect((await fetch(`${url}/_stats`)).ok).toBe(true));
    child.kill('SIGTERM');
    expect(await inFlight).toBe(300_000);
    await exited(child);
    expect(child.exitCode).toBe(0);
  });

  it('ends when its parent does', async () => {
    const parent = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const { child } = await startProcess({ EMBEDDED_DIR: 'memory', PARENT_PID: String(parent.pid) });
    parent.kill('SIGKILL');
    await exited(child);
    expect(child.exitCode).toBe(0);
  });
});

if (redisBinary !== null) {
  describe('a real Redis behind the server', () => {
    it('is refused at once while it is down, and served again by itself', async () => {
      const folder = temporaryFolder();
      const real = await realRedis(redisBinary, folder);
      await real.start();
      onTestFinished(async () => {
        await real.kill();
        rmSync(folder, { recursive: true, force: true });
      });
      const { url, engine } = await startProcess({ REDIS_URL: real.url });
      expect(engine).toBe('redis');
      const redis = client(url);
      await eventually(async () => expect(await redis.set('k', 'kept')).toBe('OK'));
      await real.kill();
      await expect(redis.get('k')).rejects.toThrow(/^ERR upstream unavailable/);
      await expect(redis.multi().get('k').exec()).rejects.toThrow(/^ERR upstream unavailable/);
      const response = await fetch(`${url}/ping`, { headers: { authorization: `Bearer ${TOKEN}` } });
      expect(response.status).toBe(503);
      await real.start();
      await eventually(async () => expect(await redis.get('k')).toBe('kept'));
      real.freeze();
      await expect(redis.get('k')).rejects.toThrow(/^ERR upstream unavailable: Command timed out/);
      real.thaw();
      await eventually(async () => expect(await redis.get('k')).toBe('kept'));
    });

    it('agrees with the embedded engine on random commands', async () => {
      const real = await startReal(redisBinary);
      const embedded = await startEmbedded();
      onTestFinished(async () => {
        await real.stop();
        await embedded.stop();
      });
      let seed = 20_240_711;
      // A small linear congruential generator (Numerical Recipes' constants): a failure can be repeated.
      const random = (below: number) => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
      };
      const pick = (from: readonly string[]) => from[random(from.length)] ?? '';
      const key = () => pick(['a', 'b', 'c', 'd']);
      const name = () => pick(['x', 'y', 'z', 'é', '']);
      const number = () => pick(['0', '1', '-1', '7', '100', '1.5', 'x', '']);
      const bound = () => pick(['-inf', '+inf', '(1', '0', '2', '(7', 'x', '1.5']);
      const condition = () => pick(['NX', 'XX', 'GT', 'LT', 'CH', 'nx']);
      const shapes: (() => string[])[] = [
        () => ['SET', key(), number()],
        () => ['SET', key(), 'v', pick(['NX', 'XX', 'GET', 'KEEPTTL', 'PX'])],
        () => ['SET', key(), 'v', 'EX', pick(['100', '0', '-1', 'x'])],
        () => ['GET', key()],
        () => ['GETSET', key(), 'w'],
        () => ['GETDEL', key()],
        () => ['APPEND', key(), 'tail'],
        () => ['STRLEN', key()],
        () => ['MGET', key(), key()],
        () => ['INCRBY', key(), number()],
        () => ['DEL', key()],
        () => ['EXISTS', key(), key()],
        () => ['TYPE', key()],
        () => ['EXPIRE', key(), pick(['100', '200', '-1', 'x']), ...(random(2) ? [condition()] : [])],
        () => ['TTL', key()],
        () => ['PERSIST', key()],
        () => ['HSET', key(), name(), number(), ...(random(2) ? [name(), 'v'] : [])],
        () => ['HSETNX', key(), name(), 'v'],
        () => ['HGET', key(), name()],
        () => ['HMGET', key(), name(), name()],
        () => ['HDEL', key(), name(), name()],
        () => ['HINCRBY', key(), name(), number()],
        () => ['HLEN', key()],
        () => ['HEXISTS', key(), name()],
        () => ['HSTRLEN', key(), name()],
        () => ['HSCAN', key(), '0', 'MATCH', pick(['*', 'x', '[xy]', '?'])],
        () => ['ZADD', key(), number(), name()],
        () => ['ZADD', key(), condition(), number(), name(), number(), name()],
        () => ['ZADD', key(), condition(), condition(), '3', name()],
        () => ['ZADD', key(), 'INCR', number(), name()],
        () => ['ZREM', key(), name(), name()],
        () => ['ZCARD', key()],
        () => ['ZSCORE', key(), name()],
        () => ['ZRANK', key(), name()],
        () => ['ZREVRANK', key(), name()],
        () => ['ZCOUNT', key(), bound(), bound()],
        () => ['ZRANGE', key(), number(), number(), ...(random(2) ? ['WITHSCORES'] : ['REV'])],
        () => [
          'ZRANGE',
          key(),
          bound(),
          bound(),
          'BYSCORE',
          ...(random(2) ? ['REV'] : ['LIMIT', number(), number()]),
        ],
        () => ['ZRANGEBYSCORE', key(), bound(), bound(), 'WITHSCORES', 'LIMIT', number(), number()],
        () => ['ZREVRANGEBYSCORE', key(), bound(), bound()],
        () => ['ZREMRANGEBYSCORE', key(), bound(), bound()],
        () => ['ZREMRANGEBYRANK', key(), number(), number()],
        () => ['ZPOPMIN', key(), ...(random(2) ? ['2'] : [])],
        () => ['DBSIZE'],
        () => ['KEYS', pick(['*', '?', '[a-c]', '[^a]', 'a*'])],
      ];
      const shown = (reply: Reply): unknown => {
        if (Buffer.isBuffer(reply)) return reply.toString();
        if (reply instanceof RedisError) return `error: ${reply.message}`;
        return Array.isArray(reply) ? reply.map(shown) : reply;
      };
      const isUnordered = (command: string) => ['KEYS', 'HSCAN'].includes(command);
      const normal = (command: string, reply: Reply) => {
        const value = shown(reply);
        return isUnordered(command) ? JSON.stringify(value).split('').sort().join('') : value;
      };
      for (let round = 0; round < 150; round += 1) {
        const batch = Array.from({ length: 40 }, () => shapes[random(shapes.length)]?.() ?? ['PING']);
        const viaScript = batch.map(([command = '', ...args]) => [
          'EVAL',
          'return redis.pcall(unpack(ARGV))',
          '0',
          command,
          ...args,
        ]);
        for (const commands of [batch, viaScript]) {
          const replies = async ({ engine }: Harness) =>
            Promise.all(commands.map((command) => engine.call(command)));
          const [expected, actual] = await Promise.all([replies(real), replies(embedded)]);
          batch.forEach((command, index) => {
            const [first = ''] = command;
            expect([command, normal(first, actual[index] ?? null)]).toEqual([
              command,
              normal(first, expected[index] ?? null),
            ]);
          });
        }
      }
    });
  });
}
