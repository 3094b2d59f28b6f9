/** The Worker's app over stores that live in memory and can be told to fail: for tests of parsing, access and errors. */
import { randomUUID } from 'node:crypto';
import { parseConfig, workerConfigSchema } from '../../src/config.ts';
import { SYSTEM_USER_ID } from '../../src/sessions/schema.ts';
import type { Invite, Session, SessionMessage, UserProfile } from '../../src/sessions/types.ts';
import type { Services } from '../../src/worker/services.ts';

export const JWT_SECRET = 'a-jwt-secret-for-tests';
export const FLUSH_SECRET = 'a-flush-secret-for-tests';

export const WORKER_ENV = {
  UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  DATABASE_URL: 'postgres://user:password@db.test/backbeat',
  JWT_SECRET,
  FLUSH_SECRET,
};

export interface FakeServices extends Services {
  sessions: Map<string, Session>;
  invites: Map<string, Invite>;
  users: Map<string, UserProfile>;
  messages: SessionMessage[];
  /** What was asked of the stores, in order. */
  calls: string[];
  /** What the next calls by that name throw. */
  failures: Map<string, Error>;
}

const unused = (): never => {
  throw new Error('the Worker does not call this');
};

export function fakeServices(env: Record<string, string> = {}): FakeServices {
  const sessions = new Map<string, Session>();
  const invites = new Map<string, Invite>();
  const users = new Map<string, UserProfile>();
  const messages: SessionMessage[] = [];
  const calls: string[] = [];
  const failures = new Map<string, Error>();
  const called = (name: string, ...args: unknown[]) => {
    calls.push([name, ...args.map((arg) => JSON.stringify(arg))].join(' '));
    const failure = failures.get(name);
    if (failure) throw failure;
  };
  const summary = { sessions: 2, messages: 3, deadLetters: 0, busy: 0, transactions: 1 };

  return {
    sessions,
    invites,
    users,
    messages,
    calls,
    failures,
    config: parseConfig(workerConfigSchema, { ...WORKER_ENV, ...env }),
    repository: {
      open: unused,
      commit: unused,
      flushState: unused,
      deleteSession: unused,
      async getSession(id) {
        called('getSession', id);
        return sessions.get(id) ?? null;
      },
      async getMessages(id, page) {
        called('getMessages', id, page);
        return messages
          .filter((m) => page.types === undefined || page.types.includes(m.type))
          .slice(-page.limit);
      },
      async createSession(input) {
        called('createSession');
        const session: Session = {
          id: randomUUID(),
          title: input.title,
          hostUserId: input.hostUserId ?? SYSTEM_USER_ID,
          code: input.code,
          rev: 0,
          epoch: 0,
          isActive: true,
          isDiscoverable: false,
          createdAtMs: Date.UTC(2026, 0, 1),
          endedAtMs: null,
          lastActivityMs: Date.UTC(2026, 0, 1),
        };
        sessions.set(session.id, session);
        return session;
      },
      async createInvite(input) {
        called('createInvite', input);
        const token = `invite-${invites.size}`;
        const invite = { ...input, id: randomUUID(), token, usesCount: 0, createdAtMs: Date.UTC(2026, 0, 1) };
        invites.set(token, invite);
        return invite;
      },
      async consumeInvite(token) {
        called('consumeInvite', token);
        const invite = invites.get(token);
        return invite ? { sessionId: invite.sessionId, role: invite.role } : null;
      },
      async upsertUser(profile) {
        called('upsertUser', profile);
        const known = [...users].find(([, user]) => user.subject === profile.subject);
        const id = known?.[0] ?? randomUUID();
        users.set(id, profile);
        return id;
      },
    },
    flusher: {
      async flushSession(id) {
        called('flushSession', id);
        return { ...summary, flushedRev: 7, isDirty: false, wasForgotten: false };
      },
      async sweep() {
        called('sweep');
        return summary;
      },
      async runSweeper(untilMs) {
        called('runSweeper', untilMs);
        return { ...summary, outcome: 'swept', sweeps: 1, failures: 0, lastFailure: null };
      },
      async replayDead(id) {
        called('replayDead', id);
        if (id === 'good') return 'replayed';
        return id === 'bad' ? { refused: '23514: no' } : 'not_found';
      },
    },
    buffer: {
      async listDead(page) {
        called('listDead', page);
        return { letters: [], next: '42' };
      },
      async stats() {
        called('stats');
        return {
          dirtySessions: 3,
          oldestDirtyMs: 1_500,
          sweeperLeaseMs: 250,
          deadLetters: 1,
          commits: 10,
          edits: 40,
          messages: 5,
          flushes: 2,
          flushedSessions: 4,
          flushedEdits: 39,
          flushedMessages: 6,
          flushFailures: 7,
          deadLettered: 8,
        };
      },
      async ping() {
        called('redis');
      },
    },
    postgres: {
      async ping() {
        called('postgres');
      },
    },
  };
}
