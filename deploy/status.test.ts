import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closeAtOnce, listenOnLoopback } from '../dev/loopback.ts';
import { DeployError } from './errors.ts';
import { readStatus } from './status.ts';

let server: Server;
let url: string;
let system: { redis: boolean; dirty: number; ageS: number; letters: number; alerts: string[] };

beforeEach(async () => {
  system = { redis: true, dirty: 0, ageS: 0, letters: 0, alerts: [] };
  server = createServer((request, response) => {
    const answer = request.headers.authorization === 'Bearer secret' ? answers[request.url ?? '']?.() : null;
    const isDown = !system.redis && request.url === '/health';
    response.writeHead(answer ? (isDown ? 503 : 200) : 401).end(answer);
  });
  url = `http://127.0.0.1:${await listenOnLoopback(server)}`;
});
afterEach(() => closeAtOnce(server));

const answers: Record<string, () => string> = {
  '/health': () =>
    JSON.stringify({
      status: 'ok',
      redis: system.redis ? { ok: true, latency_ms: 4 } : { ok: false, latency_ms: 9, error: 'out of reach' },
      postgres: { ok: true, latency_ms: 12 },
    }),
  '/admin/status': () =>
    JSON.stringify({
      at: '2026-01-02T03:04:05.000Z',
      buffer: system.redis
        ? {
            dirty_sessions: system.dirty,
            oldest_dirty_ms: system.ageS * 1_000 + 400,
            sweeper_lease_ms: 0,
            dead_letters: system.letters,
            dead_letter_bytes: 0,
            is_full: false,
            totals: {
              commits: 1,
              edits: 2,
              messages: 3,
              flushes: 4,
              flushed_sessions: 5,
              flushed_messages: 6,
              flush_failures: 7,
              dead_lettered: 8,
              dead_letters_refused: 9,
            },
          }
        : null,
      budgets: [
        { name: 'sessions', used: 7, limit: 500, resets_at: '2026-01-03T00:00:00.000Z' },
        { name: 'ai', used: 0, limit: 1_000, resets_at: '2026-01-03T00:00:00.000Z' },
      ],
      alerts: system.alerts.map((message) => ({ name: 'x', level: 'warning', message, since: null })),
    }),
  '/flush/dead?limit=5': () =>
    JSON.stringify({
      letters: [
        {
          id: 'a-session:c:7',
          session_id: 'a-session',
          kind: 'code',
          at: '2026-01-02T03:04:05.000Z',
          reason: { code: '22021', message: 'invalid byte sequence' },
          data: '{"code":"secret words"}',
        },
      ],
      next: null,
      at: '2026-01-02T03:05:00.000Z',
    }),
};

const status = (flushSecret = 'secret') => readStatus({ url, flushSecret });

it('of a system that is well says what it has done', async () => {
  expect(await status()).toEqual({
    problems: [],
    lines: [
      'redis      answers in 4 ms',
      'postgres   answers in 12 ms',
      'waiting    nothing: Postgres holds everything',
      'committed  1 times: 2 edits, 3 messages',
      'flushed    4 batches: 5 sessions, 6 messages',
      'failed     7 sweeps that a store cut short',
      'today      sessions: 7 of 500',
      '           ai: 0 of 1000',
      'letters    none',
    ],
  });
});

it('names what waits too long and what Postgres refused, and shows nothing of its content', async () => {
  const alerts = ['3 sessions wait for Postgres, one for 240 s', '1 dead letters wait to be looked at'];
  system = { ...system, dirty: 3, ageS: 240, letters: 1, alerts };
  const { lines, problems } = await status();
  expect(problems).toEqual(alerts);
  expect(lines).toContain('waiting    3 sessions, one for 240 s');
  expect(lines.at(-1)).toBe(
    '           2026-01-02T03:04:05.000Z code a-session:c:7: 22021, invalid byte sequence',
  );
  expect(lines.join()).not.toContain('secret words');
});

it('says no more than which store is out of reach when Redis is', async () => {
  system.redis = false;
  expect(await status()).toEqual({
    problems: ['redis does not answer'],
    lines: ['redis      out of reach', 'postgres   answers in 12 ms'],
  });
});

it('names the secret that is wrong, and never shows it', async () => {
  const failure = await status('wrong').catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(DeployError);
  expect(String(failure)).toContain('FLUSH_SECRET');
  expect(String(failure)).not.toContain('wrong');
});
