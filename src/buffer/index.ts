/** Wires the stores together from the configuration: the only place that knows both of them. */
import type { z } from 'zod';
import type { accessSchema, Config, storageSchema } from '../config.ts';
import { Admission } from '../sessions/admission.ts';
import type { SessionDirectory } from '../sessions/directory.ts';
import { connectNeon } from '../sessions/neon.ts';
import type { PeopleRepository } from '../sessions/people.ts';
import { PostgresSessionRepository } from '../sessions/postgres.ts';
import { PostgresDirectory } from '../sessions/postgres-directory.ts';
import { PostgresPeople } from '../sessions/postgres-people.ts';
import { PostgresStrudels } from '../sessions/postgres-strudels.ts';
import type { RequestBudget } from '../sessions/request-budget.ts';
import type { StrudelRepository } from '../sessions/strudels.ts';
import { tokenVerifier } from '../sessions/tokens.ts';
import type { SessionRepository } from '../sessions/types.ts';
import { BadInvites } from './bad-invites.ts';
import { type BreakerOptions, BufferedSessionRepository } from './buffered-repository.ts';
import { Flusher } from './flusher.ts';
import { keysFor } from './keys.ts';
import { RedisScripts } from './redis.ts';
import { SessionBuffer } from './session-buffer.ts';

/** A room's alarm has had the time to flush its session twice: what is dirty longer is left to nobody. */
const STALE_AFTER_ALARMS = 2;

export type { DeadLetter } from './dead-letter.ts';
export { Flusher, type FlushSummary, type SessionFlush, type SweeperRun, type Turn } from './flusher.ts';
export { type BufferStats, SessionBuffer } from './session-buffer.ts';
export { BufferedSessionRepository };

export interface Storage {
  buffer: SessionBuffer;
  postgres: PostgresSessionRepository;
  /** What handlers and routes use. */
  repository: SessionRepository;
  people: PeopleRepository;
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
    directory: new PostgresDirectory(database),
    strudels: new PostgresStrudels(database),
    redis,
  };
}

/** Who may enter, decided over a storage. */
export function createAdmission(
  { repository: sessions, people, redis }: Pick<Storage, 'repository' | 'people' | 'redis'>,
  config: z.infer<typeof accessSchema> & Pick<z.infer<typeof storageSchema>, 'KEY_PREFIX'>,
): Admission {
  const { KEY_PREFIX: keyPrefix, JWT_SECRET: secret } = config;
  const inviteGuard = new BadInvites({ redis, keyPrefix, secret });
  return new Admission({ sessions, people, inviteGuard, tokens: tokenVerifier(config) });
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
