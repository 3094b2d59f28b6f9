/** What the routes work with, made once an isolate from its environment. */
import type { Flusher } from '../buffer/flusher.ts';
import { createFlusher, createStorage } from '../buffer/index.ts';
import type { SessionBuffer } from '../buffer/session-buffer.ts';
import { parseConfig, type WorkerConfig, workerConfigSchema } from '../config.ts';
import type { SessionRepository } from '../sessions/types.ts';
import type { Env } from './env.ts';

export interface Services {
  config: WorkerConfig;
  repository: SessionRepository;
  flusher: Pick<Flusher, 'flushSession' | 'sweep' | 'runSweeper' | 'replayDead'>;
  buffer: Pick<SessionBuffer, 'listDead' | 'stats' | 'ping'>;
  /** @throws {StorageUnavailableError} */
  postgres: { ping(): Promise<void> };
}

/** Guards commits, which only rooms make; the Worker reads past it. */
const BREAKER = { failures: 3, retryMs: 3_000 };

/** @throws {ConfigError} naming each missing or malformed variable. */
export function createServices(env: Env): Services {
  const config = parseConfig(workerConfigSchema, env);
  const storage = createStorage(config, BREAKER);
  return { config, ...storage, flusher: createFlusher(storage, config) };
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
