/** The only wiring: what an isolate has once, shared by its Worker and its rooms, and how the parts get it. */
import { countedPerson, createAgent, DailyLimits } from './ai/index.ts';
import { createAdmission, createFlusher, createStorage, type Storage } from './buffer/index.ts';
import { type Config, ConfigError, configSchema, parseConfig } from './config.ts';
import type { AgentPorts } from './room/agent-runs.ts';
import type { RoomHost } from './room/host.ts';
import { Room } from './room/server.ts';
import { RequestBudget } from './sessions/request-budget.ts';
import { tokenVerifier } from './sessions/tokens.ts';
import type { SessionRepository } from './sessions/types.ts';
import { createApp } from './worker/app.ts';
import type { Env } from './worker/env.ts';
import { requestFlush } from './worker/flush-client.ts';
import { describeUnexpected, logError } from './worker/log.ts';
import { NO_PLATFORM, type RoomStubs } from './worker/platform.ts';
import { RoomClient } from './worker/room-client.ts';
import type { Services } from './worker/services.ts';
import { createSweeper } from './worker/sweeper.ts';

type Variables = Env['variables'];

/** What doesn't depend on the platform. */
interface Shared extends Omit<Services, 'room' | 'rooms' | 'sweeper'> {
  storage: Storage;
}

let shared: { value: Shared } | { error: unknown } | null = null;

/** Made at the first use, and its failure is kept too: an isolate's variables never change. @throws {ConfigError} */
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
    admission: createAdmission(storage, config),
    flusher: createFlusher(storage, config),
  };
}

/** The Worker's HTTP side. It takes what the host gives as Hono's bindings. */
export const app = createApp({
  services: ({ variables, platform }) => ({
    ...sharedOf(variables),
    ...platform,
    room: new RoomClient(platform.rooms),
  }),
});

/** The Cron Trigger, by the flush route. @throws when the sweeper fails, so that the platform counts the turn as failed. */
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

/** The sweeper's side of its requests. It has a storage of its own, as what a turn asks for is counted. */
export function answerSweeper(request: Request, variables: Variables, rooms: RoomStubs): Promise<Response> {
  const { config } = sharedOf(variables);
  const sweeper = createSweeper((maxRequests) => {
    const budget = new RequestBudget(maxRequests ?? Number.POSITIVE_INFINITY);
    const storage = createStorage(config, breakerOf(config), budget);
    return {
      ...storage,
      flusher: createFlusher(storage, config),
      room: new RoomClient(rooms),
      budget,
      afterMs: config.INACTIVE_AFTER_MS,
    };
  }, config.SWEEP_MAX_REQUESTS);
  return Promise.resolve(sweeper.fetch(request));
}

type MakeRepository = (config: Config) => SessionRepository;
let makeRepository: MakeRepository | null = null;

/** Wires the rooms to another repository than the buffered one; called before the first room, by an entry that isn't the product's own. */
export function wireRooms(make: MakeRepository): void {
  makeRepository = make;
}

/** The room of one session. @throws {ConfigError} */
export function createRoom(host: RoomHost, variables: Variables): Room {
  const { config, storage } = sharedOf(variables);
  return new Room(host, {
    config,
    repository: makeRepository?.(config) ?? storage.repository,
    people: storage.people,
    strudels: storage.strudels,
    agentPorts: () => agentPortsOf(config, storage),
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
function agentPortsOf(config: Config, { redis }: Storage): AgentPorts {
  agentPorts ??= {
    agent: createAgent(config),
    limits: new DailyLimits({ redis, keyPrefix: config.KEY_PREFIX }),
    countedPerson: ({ id, state: { userId, address } }) =>
      countedPerson({ userId, address, connectionId: id }, config.JWT_SECRET),
  };
  return agentPorts;
}
