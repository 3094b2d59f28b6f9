/**
 * The Worker's services without any store, to be told to fail: for tests of what needs none. What needs some
 * is tested over real ones (`api.ts`).
 */
import { LOCAL_LIMITS } from '../../dev/environment.ts';
import { Budgets } from '../../src/access/budgets.ts';
import { configSchema, parseConfig } from '../../src/config.ts';
import { NO_PLATFORM } from '../../src/worker/platform.ts';
import type { Services } from '../../src/worker/services.ts';
import { SystemReader } from '../../src/worker/system-figures.ts';

export const JWT_SECRET = 'a-jwt-secret-for-tests';
export const FLUSH_SECRET = 'a-flush-secret-for-tests';

export const WORKER_ENV = {
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  DATABASE_URL: 'postgres://user:password@db.test/backbeat',
  JWT_SECRET,
  FLUSH_SECRET,
  ...LOCAL_LIMITS,
};

export interface FakeServices extends Services {
  /** What was asked of the stores, in order. */
  calls: string[];
  /** What the next calls by that name throw. */
  failures: Map<string, Error>;
}

const unused = (): never => {
  throw new Error('the Worker does not call this');
};

function unusedStore<T extends object>(): T {
  return new Proxy({} as T, { get: unused });
}

export function fakeServices(env: Record<string, string> = {}): FakeServices {
  const calls: string[] = [];
  const failures = new Map<string, Error>();
  const called = (name: string, ...args: unknown[]) => {
    calls.push([name, ...args.map((arg) => JSON.stringify(arg))].join(' '));
    const failure = failures.get(name);
    if (failure) throw failure;
  };
  const summary = { sessions: 2, messages: 3, deadLetters: 0, undelivered: 0, busy: 0, transactions: 1 };

  const config = parseConfig(configSchema, { ...WORKER_ENV, ...env });
  const buffer: FakeServices['buffer'] = {
    async listDead(page) {
      called('listDead', page);
      return { letters: [], next: '42' };
    },
    async discardDead(id) {
      called('discardDead', id);
      if (id === 'unknown') return null;
      const reason = { code: 'too_large', message: 'no' };
      const letter = { id, session_id: 'x', kind: 'code', reason, at: '', data: 'secret' } as const;
      return { letter, letters: 1, bytes: 400, hasMore: false };
    },
    async discardDeadOf(id, until) {
      called('discardDeadOf', id, until);
      return { letters: 500, bytes: 90_000, hasMore: true };
    },
    forget: unused,
    async redirtySome(cursor) {
      called('redirtySome', cursor ?? null);
      return { marked: 2, next: cursor === undefined ? '42' : null };
    },
    async stats(limitKeys = []) {
      called('stats');
      return {
        dirtySessions: 3,
        oldestDirtyMs: 1_500,
        sweeperLeaseMs: 250,
        deadLetters: 1,
        deadLetterBytes: 900,
        isFull: false,
        commits: 10,
        edits: 40,
        messages: 5,
        flushes: 2,
        flushedSessions: 4,
        flushedMessages: 6,
        flushFailures: 7,
        deadLettered: 8,
        deadLettersRefused: 9,
        counts: limitKeys.map((_, index) => index + 1),
      };
    },
    async ping() {
      called('redis');
    },
  };

  return {
    calls,
    failures,
    config,
    repository: unusedStore(),
    people: unusedStore(),
    directory: unusedStore(),
    strudels: unusedStore(),
    ...NO_PLATFORM,
    sweeper: {
      async fetch(path, { method, body }) {
        called('sweeper', `${method} ${path}`, ...(body === undefined ? [] : [body]));
        return Response.json({ swept: true });
      },
    },
    wrongSecrets: { count: async () => null },
    strangerCommits: { take: unused },
    desk: { ask: unused },
    accounts: unusedStore(),
    providers: [],
    browsers: { add: unused, refresh: unused, removeByCookie: unused, removeByToken: unused },
    room: { sendCommand: unused, setCode: unused },
    tokens: { session: unused, user: unused, hasExpired: unused },
    knocking: { permit: unused, unheard: unused },
    renames: { take: unused },
    knocks: { knock: unused, state: unused, withdraw: unused },
    invitePreviews: { preview: unused },
    admission: {
      join: unused,
      check: unused,
      async enter(request) {
        called('enter', request);
        return { ok: false, status: 401, error: 'unauthorized', message: 'not here' };
      },
    },
    flusher: {
      async flushSession(id) {
        called('flushSession', id);
        return { ...summary, flushedRev: 7, isDirty: false, lastCommit: 3, isComplete: true };
      },
      flushSessions: unused,
      async replayDead(id) {
        called('replayDead', id);
        if (id === 'good') return 'replayed';
        return id === 'bad' ? { refused: '23514: no' } : 'not_found';
      },
    },
    buffer,
    system: new SystemReader({ buffer, budgets: new Budgets(config) }),
    thresholds: { lagMs: 120_000, deadLetters: 1, failedTurns: 3 },
    postgres: {
      async ping() {
        called('postgres');
      },
    },
  };
}
