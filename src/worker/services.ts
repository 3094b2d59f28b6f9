/** What the routes work with, made once an isolate from its environment. */
import type { Flusher } from '../buffer/flusher.ts';
import { createAdmission, createFlusher, createStorage } from '../buffer/index.ts';
import type { SessionBuffer } from '../buffer/session-buffer.ts';
import { parseConfig, type WorkerConfig, workerConfigSchema } from '../config.ts';
import type { Admission, TokenVerifier } from '../sessions/admission.ts';
import type { SessionDirectory } from '../sessions/directory.ts';
import type { PeopleRepository } from '../sessions/people.ts';
import type { StrudelRepository } from '../sessions/strudels.ts';
import { tokenVerifier } from '../sessions/tokens.ts';
import type { SessionRepository } from '../sessions/types.ts';
import type { Env } from './env.ts';
import { RoomClient } from './room-client.ts';

export interface Services {
  config: WorkerConfig;
  repository: SessionRepository;
  people: PeopleRepository;
  directory: SessionDirectory;
  strudels: StrudelRepository;
  tokens: TokenVerifier;
  admission: Pick<Admission, 'enter' | 'join'>;
  room: Pick<RoomClient, 'tell' | 'setCode'>;
  flusher: Pick<Flusher, 'flushSession' | 'flushSessions' | 'sweep' | 'runSweeper' | 'replayDead'>;
  buffer: Pick<SessionBuffer, 'listDead' | 'stats' | 'ping' | 'adopt' | 'retire'>;
  /** @throws {StorageUnavailableError} */
  postgres: { ping(): Promise<void> };
}

/** Guards commits, which only rooms make; the Worker reads past it. */
const BREAKER = { failures: 3, retryMs: 3_000 };

/** @throws {ConfigError} naming each missing or malformed variable. */
export function createServices(env: Env): Services {
  const config = parseConfig(workerConfigSchema, env);
  const storage = createStorage(config, BREAKER);
  const tokens = tokenVerifier(config);
  const admission = createAdmission(storage, config);
  const room = new RoomClient({ url: config.ROOM_URL, secret: config.FLUSH_SECRET });
  return { config, ...storage, tokens, admission, room, flusher: createFlusher(storage, config) };
}

/**
 * `create`, called once: its result is kept, and so is its failure, as an isolate's environment never changes.
 * @param onFailure told of the failure, once.
 */
export function once(
  create: (env: Env) => Services,
  onFailure: (error: unknown) => void,
): (env: Env) => Services {
  let made: { services: Services } | { error: unknown } | null = null;
  return (env) => {
    if (made === null) {
      try {
        made = { services: create(env) };
      } catch (error) {
        made = { error };
        onFailure(error);
      }
    }
    if ('error' in made) throw made.error;
    return made.services;
  };
}
