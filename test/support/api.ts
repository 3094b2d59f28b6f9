/**
 * The Worker's app in this process, over real stores (the embedded engines), with rooms that only take note
 * of what they are told.
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { Budgets } from '../../src/access/budgets.ts';
import { providersOf } from '../../src/access/providers.ts';
import { type SessionAccess, signSessionToken } from '../../src/access/session-token.ts';
import { SignedInBrowsers } from '../../src/access/signed-in-browsers.ts';
import { StrangerCommits } from '../../src/access/stranger-commits.ts';
import { tokenVerifier } from '../../src/access/token-verifier.ts';
import { WrongSecrets } from '../../src/access/wrong-secrets.ts';
import {
  createAdmission,
  createFlusher,
  createKnocking,
  createRenames,
  createStorage,
} from '../../src/compose.ts';
import { configSchema, parseConfig } from '../../src/config.ts';
import type { Participant } from '../../src/domain/people.ts';
import { RequestBudget } from '../../src/domain/request-budget.ts';
import { numberIn, termOf } from '../../src/domain/revision.ts';
import type { Role } from '../../src/domain/types.ts';
import { PostgresAccounts } from '../../src/postgres/accounts.ts';
import { connectNeon, type Database } from '../../src/postgres/client.ts';
import { PostgresDirectory } from '../../src/postgres/directory.ts';
import { PostgresPeople } from '../../src/postgres/people.ts';
import { PostgresSessionRepository } from '../../src/postgres/sessions.ts';
import { PostgresStrudels } from '../../src/postgres/strudels.ts';
import type { RedisScripts } from '../../src/redis/client.ts';
import type { SessionBuffer } from '../../src/redis/session-buffer.ts';
import { Desk } from '../../src/room/agent/desk.ts';
import { countedPerson, createAgent, DailyLimits } from '../../src/room/agent/index.ts';
import type { RoomCommand } from '../../src/room/handlers/room-command.ts';
import { createApp } from '../../src/worker/app.ts';
import { DeskClient } from '../../src/worker/desk-client.ts';
import { NO_PLATFORM } from '../../src/worker/platform.ts';
import { retentionMark } from '../../src/worker/retention.ts';
import type { TurnPorts } from '../../src/worker/scheduled.ts';
import type { Services } from '../../src/worker/services.ts';
import { SystemReader } from '../../src/worker/system-figures.ts';
import { BufferedSessionRepository } from '../../src/write-behind/buffered-repository.ts';
import { startBuffer } from './buffer.ts';
import { makeCommit } from './commits.ts';
import { startPostgresFront } from './postgres.ts';
import { JWT_SECRET, WORKER_ENV } from './worker-services.ts';

export interface Call {
  method?: string | undefined;
  body?: unknown;
  /** A body as it is. */
  raw?: string;
  token?: string | null | undefined;
  headers?: Record<string, string>;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks for in a reply is what it tests.
  json: any;
}

export interface Api {
  call(path: string, init?: Call): Promise<Reply>;
  services: Services;
  app: ReturnType<typeof createApp>;
  buffer: SessionBuffer;
  db: Database;
  scripts: RedisScripts;
  /** One Redis command, as any client would send it. */
  redis(...command: string[]): Promise<unknown>;
  /** Counts the buffer's commands from now on. */
  countCommands(): () => number;
  /**
   * What a turn of the sweeper works with: a storage of its own over the same stores, and a budget that
   * counts its requests.
   */
  turnPorts(maxRequests?: number): TurnPorts;
  /** By how much the clock of refresh tokens is ahead. */
  clock: { skewMs: number };
  /** Sessions whose rooms were told that they are new. */
  created: string[];
  /** What else rooms were told, in order. */
  told: { sessionId: string; request: RoomCommand }[];
  /** Who knocked at which room, in order. */
  knocked: { sessionId: string; knock: Parameters<Services['knocks']['knock']>[1] }[];
  /** What rooms throw when they are told something; null: nothing. */
  failRooms(error: Error | null): void;
  /** A user's own token; the same `sub` is the same person. */
  userToken(sub?: string, claims?: Record<string, unknown>, options?: TokenOptions): Promise<string>;
  /** Gives somebody anonymous a place in a session; their session token. */
  place(sessionId: string, role: Role, displayName?: string): Promise<{ token: string; id: string }>;
  stop(): Promise<void>;
}

export interface TokenOptions {
  secret?: string;
  /** As jose takes it: `1h`, `-1s`. */
  expires?: string;
}

/** @param env variables that differ from the defaults. */
export async function startApi(
  env: Record<string, string> = {},
  postgresEngine: 'embedded' | 'any' = 'any',
): Promise<Api> {
  const [front, redis] = await Promise.all([
    startPostgresFront(postgresEngine),
    startBuffer('embedded', env.KEY_PREFIX),
  ]);
  const db = connectNeon({ ...front, timeoutMs: 20_000 });
  const config = parseConfig(configSchema, { ...WORKER_ENV, ...env });
  const postgres = new PostgresSessionRepository(db);
  const { buffer } = redis;
  const people = new PostgresPeople(db);
  const repository = new BufferedSessionRepository({
    buffer,
    postgres,
    breaker: { failures: 3, retryMs: 100 },
  });
  const accounts = new PostgresAccounts(db);
  const tokens = tokenVerifier(config);
  const told: Api['told'] = [];
  const created: string[] = [];
  const knocked: Api['knocked'] = [];
  const clock = { skewMs: 0 };
  let failure: Error | null = null;
  const tell = (sessionId: string, request: RoomCommand) => {
    if (failure) throw failure;
    if (request.kind === 'created') {
      created.push(sessionId);
      return;
    }
    told.push({ sessionId, request });
  };
  const strudels = new PostgresStrudels(db);
  const desk = new Desk({
    agent: createAgent(config),
    strudels,
    isForStrangers: config.AI_FOR === 'everybody',
    limits: new DailyLimits({
      redis: redis.redis,
      keyPrefix: redis.keys.prefix,
      perDay: { all: config.AI_REQUESTS_PER_DAY, anonymous: config.AI_ANONYMOUS_REQUESTS_PER_DAY },
    }),
    subjectOf: async () => null,
  });
  const services: Services = {
    ...NO_PLATFORM,
    config,
    repository,
    people,
    directory: new PostgresDirectory(db),
    strudels,
    accounts,
    providers: providersOf(config),
    browsers: new SignedInBrowsers(accounts, config, () => Date.now() + clock.skewMs),
    tokens,
    ...createAdmission(
      { repository, people, redis: redis.redis },
      { ...config, KEY_PREFIX: redis.keys.prefix },
    ),
    knocking: createKnocking({ people, redis: redis.redis }, { ...config, KEY_PREFIX: redis.keys.prefix }),
    renames: createRenames({ redis: redis.redis }, { KEY_PREFIX: redis.keys.prefix }),
    knocks: {
      async knock(sessionId, knock) {
        if (failure) throw failure;
        knocked.push({ sessionId, knock });
        return { knock_id: randomUUID(), expires_at_ms: Date.now() + 600_000 };
      },
      state: async () => ({ status: 'waiting' }),
      withdraw: async () => {},
    },
    wrongSecrets: new WrongSecrets({
      redis: redis.redis,
      keyPrefix: redis.keys.prefix,
      secret: config.JWT_SECRET,
      onLimit: () => {},
    }),
    strangerCommits: new StrangerCommits({
      redis: redis.redis,
      keyPrefix: redis.keys.prefix,
      secret: config.JWT_SECRET,
      perNetwork: config.ANONYMOUS_COMMITS_PER_NETWORK,
      perDay: config.ANONYMOUS_COMMITS_PER_DAY,
    }),
    room: {
      async sendCommand(sessionId, request) {
        tell(sessionId, request);
        return 0;
      },
      async setCode(sessionId, edit) {
        tell(sessionId, { kind: 'set_code', ...edit });
        // As a room does: the session's next revision, committed.
        const { rev } = (await repository.getSession(sessionId)) ?? { rev: 0 };
        const term = termOf(rev) + 1;
        const commit = makeCommit({ sessionId, term, text: edit.code, flushedRev: rev });
        await buffer.commit(commit);
        return { rev: numberIn(term, 1), durable: 'buffer' };
      },
    },
    desk: new DeskClient(
      { fetch: (_name, path, init) => desk.handle(new Request(`https://object.internal${path}`, init)) },
      (asker) => countedPerson({ ...asker, connectionId: 'http' }, config.JWT_SECRET),
    ),
    flusher: createFlusher({ buffer, postgres }, config),
    system: new SystemReader({
      buffer,
      budgets: new Budgets({ ...config, KEY_PREFIX: redis.keys.prefix }),
    }),
    thresholds: { lagMs: 120_000, deadLetters: 1, failedTurns: 3 },
    buffer,
    postgres,
  };
  const app = createApp({ services: () => services });

  return {
    services,
    app,
    buffer,
    db,
    scripts: redis.redis,
    redis: redis.command,
    countCommands: () => {
      let commands = 0;
      const call = redis.redis.call.bind(redis.redis);
      redis.redis.call = (what, command) => {
        commands += 1;
        return call(what, command);
      };
      return () => commands;
    },
    turnPorts: (maxRequests = config.SWEEP_MAX_REQUESTS) => {
      const budget = new RequestBudget(maxRequests);
      const storage = createStorage(
        {
          ...config,
          UPSTASH_REDIS_REST_URL: redis.url,
          UPSTASH_REDIS_REST_TOKEN: redis.token,
          DATABASE_URL: front.databaseUrl,
          NEON_FETCH_ENDPOINT: front.fetchEndpoint,
          KEY_PREFIX: redis.keys.prefix,
        },
        { failures: 3, retryMs: 100 },
        budget,
      );
      const { buffer, directory, people, accounts } = storage;
      const flusher = createFlusher(storage, config);
      const { room } = services;
      const retention = {
        mark: retentionMark(storage.redis, redis.keys.prefix),
        directory,
        accounts,
        days: { anonymous: config.KEEP_ANONYMOUS_DAYS, others: config.KEEP_ENDED_DAYS },
      };
      return {
        flusher,
        buffer,
        directory,
        people,
        room,
        budget,
        afterMs: config.INACTIVE_AFTER_MS,
        retention,
      };
    },
    clock,
    created,
    told,
    knocked,
    failRooms: (error) => {
      failure = error;
    },
    async call(path, { method, body, raw, token, headers = {} } = {}) {
      const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await app.request(path, {
        method: method ?? (content === undefined ? 'GET' : 'POST'),
        headers: { ...headers, ...(token == null ? {} : { Authorization: `Bearer ${token}` }) },
        ...(content === undefined ? {} : { body: content }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.startsWith('application/json');
      return {
        status: response.status,
        headers: response.headers,
        text,
        json: isJson ? JSON.parse(text) : null,
      };
    },
    userToken: (sub = randomUUID(), claims = {}, { secret = JWT_SECRET, expires = '1h' } = {}) =>
      new SignJWT({ name: 'Ada', ...claims })
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject(sub)
        .setExpirationTime(expires)
        .sign(new TextEncoder().encode(secret)),
    async place(sessionId, role, displayName = role) {
      const entered = await enterByInvite(people, sessionId, displayName);
      await people.setRole(sessionId, entered.id, role);
      return { id: entered.id, token: await signSessionToken(accessOf(entered, role), JWT_SECRET) };
    },
    stop: async () => {
      await Promise.all([front.stop(), redis.stop()]);
    },
  };
}

async function enterByInvite(
  people: PostgresPeople,
  sessionId: string,
  displayName: string,
): Promise<Participant> {
  const { token } = await people.createInvite({ sessionId, role: 'viewer', maxUses: 1, expiresAtMs: null });
  const outcome = await people.enter({
    sessionId,
    userId: null,
    epoch: null,
    participantId: null,
    inviteToken: token,
    displayName,
    fallbackName: displayName,
    newParticipantId: randomUUID(),
  });
  if (outcome.outcome !== 'entered') throw new Error(`not let in: ${outcome.outcome}`);
  return outcome.participant;
}

function accessOf({ id, sessionId, displayName }: Participant, role: Role): SessionAccess {
  return { sessionId, participantId: id, userId: null, displayName, avatarUrl: null, role };
}
