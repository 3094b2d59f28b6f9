import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closeAtOnce, listenOnLoopback } from '../dev/loopback.ts';
import { drain } from './drain.ts';
import { DeployError } from './errors.ts';

let server: Server;
let url: string;
/** Sessions that are dirty, and how many of them one sweep flushes. */
let system: { dirty: number; perSweep: number; letters: number };
const asked: string[] = [];

beforeEach(async () => {
  system = { dirty: 0, perSweep: 2, letters: 0 };
  asked.length = 0;
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.headers.authorization !== 'Bearer secret') {
      response.writeHead(401).end('{}');
      return;
    }
    if (request.url === '/metrics') {
      response.end(`# TYPE backbeat_dirty_sessions gauge\nbackbeat_dirty_sessions ${system.dirty}\n`);
      return;
    }
    const sessions = Math.min(system.dirty, system.perSweep);
    system.dirty -= sessions;
    response.end(JSON.stringify({ sessions, messages: 0, dead_letters: system.letters }));
  });
  url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
});
afterEach(() => closeAtOnce(server));

it('sweeps until nothing is dirty, and says how far it is', async () => {
  system.dirty = 3;
  const lines: string[] = [];
  await drain({ url, flushSecret: 'secret' }, (line) => lines.push(line), 1);
  expect(lines).toEqual([
    'flushed 2 sessions and 0 messages; 1 sessions are left',
    'flushed 1 sessions and 0 messages; 0 sessions are left',
  ]);
  expect(asked).toEqual(['POST /flush', 'GET /metrics', 'POST /flush', 'GET /metrics']);
});

it('says what went to the dead letters', async () => {
  system.letters = 2;
  const lines: string[] = [];
  await drain({ url, flushSecret: 'secret' }, (line) => lines.push(line), 1);
  expect(lines).toContain('2 writes went to the dead letters: see GET /flush/dead');
});

it('gives up when sweeps get no further', async () => {
  system.dirty = 1;
  system.perSweep = 0;
  await expect(drain({ url, flushSecret: 'secret' }, () => {}, 1)).rejects.toThrow(
    '1 sessions stay dirty: see the Worker',
  );
});

it('names the secret that is wrong, and never shows it', async () => {
  const failure = await drain({ url, flushSecret: 'wrong' }, () => {}, 1).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(DeployError);
  expect(String(failure)).toContain('FLUSH_SECRET');
  expect(String(failure)).not.toContain('wrong');
});
