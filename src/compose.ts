/**
 * The only wiring: what an isolate has once, shared by its Worker and its rooms, and how the parts get it.
 */
import type { z } from 'zod';
import { Admission } from './access/admission.ts';
import { BadInvites } from './access/bad-invites.ts';
import { Budgets } from './access/budgets.ts';
import { InvitePreviews } from './access/invite-previews.ts';
import { KnockLimits } from './access/knock-limits.ts';
import { Knocking } from './access/knocking.ts';
import { providersOf } from './access/providers.ts';
import { SharedLimit } from './access/shared-limit.ts';
import { SignedInBrowsers } from './access/signed-in-browsers.ts';
import { StrangerCommits } from './access/stranger-commits.ts';
import { StrangerLimits } from './access/stranger-limits.ts';
import { tokenVerifier } from './access/token-verifier.ts';
import { WrongSecrets } from './access/wrong-secrets.ts';
import {
  type accessSchema,
  type Config,
  ConfigError,
  configSchema,
  parseConfig,
  type storageSchema,
} from './config.ts';
import type { AccountRepository } from './domain/accounts.ts';
import type { SessionDirectory } from './domain/directory.ts';
import { Gate } from './domain/gate.ts';
import type { PeopleRepository } from './domain/people.ts';
import { RequestBudget } from './domain/request-budget.ts';
import type { StrudelRepository } from './domain/strudels.ts';
import type { SessionRepository } from './domain/types.ts';
import { PostgresAccounts } from './postgres/accounts.ts';
import { connectNeon } from './postgres/client.ts';
import { PostgresDirectory } from './postgres/directory.ts';
import { PostgresPeople } from './postgres/people.ts';
import { PostgresSessionRepository } from './postgres/sessions.ts';
import { PostgresStrudels } from './postgres/strudels.ts';
import { MAX_RENAMES_PER_HOUR } from './protocol/limits.ts';
import { RedisScripts } from './redis/client.ts';
import { keysFor } from './redis/keys.ts';
import { SessionBuffer } from './redis/session-buffer.ts';
import type { AgentPorts } from './room/agent/agent-runs.ts';
import { Desk } from './room/agent/desk.ts';
import { countedPerson, createAgent, DailyLimits } from './room/agent/index.ts';
import type { RoomHost } from './room/host.ts';
import { Room } from './room/server.ts';
import { Alerts } from './worker/alerts.ts';
import { createApp } from './worker/app.ts';
import { DeskClient } from './worker/desk-client.ts';
import type { Env } from './worker/env.ts';
import type { AlertThresholds } from './worker/findings.ts';
import { requestFlush } from './worker/flush-client.ts';
import { History } from './worker/history.ts';
import { KnockClient } from './worker/knock-client.ts';
import { describeUnexpected, logError } from './worker/log.ts';
import { NO_PLATFORM, type RoomStubs, type SweeperStorage } from './worker/platform.ts';
import { retentionMark } from './worker/retention.ts';
import { RoomClient } from './worker/room-client.ts';
import type { Services } from './worker/services.ts';
import { createSweeper } from './worker/sweeper.ts';
import { SystemReader } from './worker/system-figures.ts';
import { WATCH_REQUESTS, Watch } from './worker/watch.ts';
import { type BreakerOptions, BufferedSessionRepository } from './write-behind/buffered-repository.ts';
import { Flusher } from './write-behind/flusher.ts';

/** A room's alarm has had the time to flush its session twice: what is dirty longer, no room will flush. */
const STALE_AFTER_ALARMS = 2;

export interface Storage {
  buffer: SessionBuffer;
  postgres: PostgresSessionRepository;
  /** What handlers and routes use. */
  repository: SessionRepository;
  people: PeopleRepository;
  accounts: AccountRepository;
  directory: SessionDirectory;
  strudels: StrudelRepository;
  redis: RedisScripts;
}

/**
 * The buffer, Postgres, and the repository over both. Nothing is sent before the first use.
 * @param budget counts the requests of all of it, and refuses those that exceed it. The sweeper makes both
 * anew for each turn.
 */
export function createStorage(
  config: z.infer<typeof storageSchema>,
  breaker: BreakerOptions,
  budget?: RequestBudget,
): Storage {
  const onRequest = budget && (() => budget.spend());
  const database = connectNeon({
    databaseUrl: config.DATABASE_URL,
    fetchEndpoint: config.NEON_FETCH_ENDPOINT,
    timeoutMs: config.POSTGRES_TIMEOUT_MS,
    onRequest,
  });
  const postgres = new PostgresSessionRepository(database);
  const redis = new RedisScripts({
    url: config.UPSTASH_REDIS_REST_URL,
    token: config.UPSTASH_REDIS_REST_TOKEN,
    timeoutMs: config.REDIS_TIMEOUT_MS,
    onRequest,
  });
  const buffer = new SessionBuffer({
    redis,
    keys: keysFor(config.KEY_PREFIX),
    cleanTtlS: config.CLEAN_TTL_S,
  });
  return {
    buffer,
    postgres,
    repository: new BufferedSessionRepository({ buffer, postgres, breaker }),
    people: new PostgresPeople(database),
    accounts: new PostgresAccounts(database),
    directory: new PostgresDirectory(database),
    strudels: new PostgresStrudels(database),
    redis,
  };
}

/** Who may enter, and what invites lead to, decided over a storage. */
export function createAdmission(
  { repository: sessions, people, redis }: Pick<Storage, 'repository' | 'people' | 'redis'>,
  config: z.infer<typeof accessSchema> & Pick<z.infer<typeof storageSchema>, 'KEY_PREFIX'>,
): { admission: Admission; invitePreviews: InvitePreviews } {
  const { KEY_PREFIX: keyPrefix, JWT_SECRET: secret } = config;
  const inviteGuard = new BadInvites({ redis, keyPrefix, secret });
  const strangers = new StrangerLimits(config, { redis, keyPrefix, secret });
  const tokens = tokenVerifier(config);
  return {
    admission: new Admission({ sessions, people, inviteGuard, strangers, tokens }),
    invitePreviews: new InvitePreviews(people, inviteGuard),
  };
}

/** Who may ask to be let in, decided over a storage. */
export function createKnocking(
  { people, redis }: Pick<Storage, 'people' | 'redis'>,
  config: z.infer<typeof accessSchema> & Pick<z.infer<typeof storageSchema>, 'KEY_PREFIX'>,
): Knocking {
  const options = { redis, keyPrefix: config.KEY_PREFIX, secret: config.JWT_SECRET };
  return new Knocking({
    people,
    tokens: tokenVerifier(config),
    strangers: new StrangerLimits(config, options),
    limits: new KnockLimits(config, options),
  });
}

/** Counts changes of participants' names. */
export function createRenames(
  { redis }: Pick<Storage, 'redis'>,
  { KEY_PREFIX }: Pick<z.infer<typeof storageSchema>, 'KEY_PREFIX'>,
): SharedLimit {
  const keyPrefix = `${KEY_PREFIX}renames`;
  return new SharedLimit({ redis, keyPrefix, max: MAX_RENAMES_PER_HOUR, window: '1 h' });
}

/** The flusher over a storage. */
export function createFlusher(
  { buffer, postgres }: Pick<Storage, 'buffer' | 'postgres'>,
  config: Pick<
    Config,
    | 'FLUSH_ALARM_MS'
    | 'SWEEP_ABOVE_SESSIONS'
    | 'FLUSH_BATCH_SESSIONS'
    | 'FLUSH_BATCH_BYTES'
    | 'FLUSH_INTERVAL_MS'
    | 'SWEEP_LEASE_MS'
    | 'INACTIVE_AFTER_MS'
    | 'INACTIVE_CHECK_MS'
  >,
): Flusher {
  return new Flusher({
    buffer,
    writer: postgres,
    bounds: { maxSessions: config.FLUSH_BATCH_SESSIONS, maxBytes: config.FLUSH_BATCH_BYTES },
    sweepAbove: config.SWEEP_ABOVE_SESSIONS,
    staleAfterMs: STALE_AFTER_ALARMS * config.FLUSH_ALARM_MS,
    intervalMs: config.FLUSH_INTERVAL_MS,
    leaseMs: config.SWEEP_LEASE_MS,
    inactivity: { afterMs: config.INACTIVE_AFTER_MS, everyMs: config.INACTIVE_CHECK_MS },
  });
}

type Variables = Env['variables'];

/** What doesn't depend on the platform. */
interface Shared
  extends Omit<Services, 'room' | 'knocks' | 'desk' | 'rooms' | 'desks' | 'sweeper' | 'assets'> {
  storage: Storage;
}

let shared: { value: Shared } | { error: unknown } | null = null;

/**
 * Made at the first use, and its failure is kept too: an isolate's variables never change. @throws
 * {ConfigError}
 */
function sharedOf(variables: Variables): Shared {
  if (shared === null) {
    try {
      shared = { value: createShared(parseConfig(configSchema, variables)) };
    } catch (error) {
      shared = { error };
      // Its message names variables, never their values.
      if (error instanceof ConfigError) logError('bad_configuration', { reason: error.message });
      else logError('start_failed', describeUnexpected(error));
    }
  }
  if ('error' in shared) throw shared.error;
  return shared.value;
}

const breakerOf = ({ BREAKER_FAILURES: failures, BREAKER_RETRY_MS: retryMs }: Config) => ({
  failures,
  retryMs,
});

/** The circuit breaker is shared, too: if Redis is down, it is for all rooms. */
function createShared(config: Config): Shared {
  const storage = createStorage(config, breakerOf(config));
  return {
    config,
    ...storage,
    storage,
    tokens: tokenVerifier(config),
    providers: providersOf(config),
    browsers: new SignedInBrowsers(storage.accounts, config, Date.now),
    ...createAdmission(storage, config),
    knocking: createKnocking(storage, config),
    renames: createRenames(storage, config),
    flusher: createFlusher(storage, config),
    system: new SystemReader({ buffer: storage.buffer, budgets: new Budgets(config) }),
    thresholds: thresholdsOf(config),
    wrongSecrets: new WrongSecrets({
      redis: storage.redis,
      keyPrefix: config.KEY_PREFIX,
      secret: config.JWT_SECRET,
      onLimit: () => logError('wrong_secrets'),
    }),
    strangerCommits: new StrangerCommits({
      redis: storage.redis,
      keyPrefix: config.KEY_PREFIX,
      secret: config.JWT_SECRET,
      perNetwork: config.ANONYMOUS_COMMITS_PER_NETWORK,
      perDay: config.ANONYMOUS_COMMITS_PER_DAY,
    }),
  };
}

/** The Worker's HTTP side. It takes what the host gives as Hono's bindings. */
export const app = createApp({
  services: ({ variables, platform }) => ({
    ...sharedOf(variables),
    ...platform,
    room: new RoomClient(platform.rooms),
    knocks: new KnockClient(platform.rooms),
    desk: new DeskClient(platform.desks, (asker) =>
      countedPerson({ ...asker, connectionId: 'http' }, sharedOf(variables).config.JWT_SECRET),
    ),
  }),
});

/**
 * The Cron Trigger, by the flush route. @throws when the sweeper fails, so that the platform counts the turn
 * as failed.
 */
export async function runCron(scheduledMs: number, env: Env): Promise<void> {
  const request = new Request('https://backbeat.internal/flush/turn', {
    method: 'POST',
    headers: { authorization: `Bearer ${sharedOf(env.variables).config.FLUSH_SECRET}` },
    body: JSON.stringify({ scheduled_ms: scheduledMs }),
  });
  const response = await app.fetch(request, env);
  await response.body?.cancel();
  if (!response.ok) throw new Error(`the turn failed with status ${response.status}`);
}

let desk: Desk | null = null;

/** The side of the object that asks the AI for one person. One desk an isolate, as with the rooms' limits. */
export function handleDeskRequest(
  request: Request,
  variables: Variables,
  rooms: RoomStubs,
): Promise<Response> {
  const { config, storage } = sharedOf(variables);
  const room = new RoomClient(rooms);
  desk ??= new Desk({ ...agentPortsOf(config, storage), subjectOf: (id) => room.aiSubject(id) });
  return desk.handle(request);
}

/** The sweeper's side of its requests. It has a storage of its own, as what a turn asks for is counted. */
export function handleSweeperRequest(
  request: Request,
  variables: Variables,
  rooms: RoomStubs,
  sweeperStorage: SweeperStorage,
): Promise<Response> {
  const shared = sharedOf(variables);
  const { config } = shared;
  const sweeper = createSweeper(
    (maxRequests) => {
      const budget = new RequestBudget(maxRequests ?? Number.POSITIVE_INFINITY);
      const storage = createStorage(config, breakerOf(config), budget);
      return {
        ...storage,
        flusher: createFlusher(storage, config),
        room: new RoomClient(rooms),
        budget,
        afterMs: config.INACTIVE_AFTER_MS,
        retention: {
          mark: retentionMark(storage.redis, config.KEY_PREFIX),
          directory: storage.directory,
          accounts: storage.accounts,
          days: { anonymous: config.KEEP_ANONYMOUS_DAYS, others: config.KEEP_ENDED_DAYS },
        },
      };
    },
    config.SWEEP_MAX_REQUESTS - WATCH_REQUESTS,
    createWatch(shared, sweeperStorage),
  );
  return Promise.resolve(sweeper.fetch(request));
}

function createWatch({ config, system, thresholds }: Shared, storage: SweeperStorage): Watch {
  const alerts = new Alerts({ webhookUrl: config.ALERT_WEBHOOK_URL, thresholds, storage });
  return new Watch({ system, history: new History(storage), alerts });
}

function thresholdsOf(config: Config): AlertThresholds {
  return {
    lagMs: config.ALERT_LAG_S * 1000,
    deadLetters: config.ALERT_DEAD_LETTERS,
    failedTurns: config.ALERT_FAILED_TURNS,
  };
}

type MakeRepository = (config: Config) => SessionRepository;
let makeRepository: MakeRepository | null = null;

/**
 * Wires the rooms to another repository than the buffered one; called before the first room, by an entry that
 * isn't the product's own.
 */
export function wireRooms(make: MakeRepository): void {
  makeRepository = make;
}

const alarmGate = new Gate({ places: 10 });

/** The room of one session. @throws {ConfigError} */
export function createRoom(host: RoomHost, variables: Variables): Room {
  const { config, storage, strangerCommits } = sharedOf(variables);
  return new Room(host, {
    config,
    repository: makeRepository?.(config) ?? storage.repository,
    people: storage.people,
    strudels: storage.strudels,
    strangerCommits,
    agentPorts: () => agentPortsOf(config, storage),
    alarmGate,
    // By the flush route in this isolate, with the room's own limits of requests.
    flush: (sessionId) =>
      requestFlush(sessionId, {
        send: (request) => Promise.resolve(app.fetch(request, { variables, platform: NO_PLATFORM })),
        flushSecret: config.FLUSH_SECRET,
      }),
  });
}

let agentPorts: AgentPorts | null = null;

/** One set an isolate, so that all its rooms count in one place while Redis is out of reach. */
function agentPortsOf(config: Config, { redis, strudels }: Storage): AgentPorts {
  agentPorts ??= {
    agent: createAgent(config),
    strudels,
    isForStrangers: config.AI_FOR === 'everybody',
    limits: new DailyLimits({
      redis,
      keyPrefix: config.KEY_PREFIX,
      perDay: { all: config.AI_REQUESTS_PER_DAY, anonymous: config.AI_ANONYMOUS_REQUESTS_PER_DAY },
    }),
    countedPerson: ({ id, state: { userId, address } }) =>
      countedPerson({ userId, address, connectionId: id }, config.JWT_SECRET),
  };
  return agentPorts;
}
