/** What an isolate has of everything once, shared by its edge and its rooms; the circuit breaker too: if Redis is down, it is for all of them. */
import { createStorage, type Storage } from '../buffer/index.ts';
import { parseConfig, type RoomConfig, roomConfigSchema } from '../config.ts';
import { Admission } from '../sessions/admission.ts';
import { tokenVerifier } from '../sessions/tokens.ts';

let parsed: RoomConfig | undefined;
let storage: Storage | undefined;
let admission: Admission | undefined;

/** The configuration. @throws {ConfigError} */
export function configOf(env: Record<string, unknown>): RoomConfig {
  parsed ??= parseConfig(roomConfigSchema, env);
  return parsed;
}

export function storageOf(config: RoomConfig): Storage {
  storage ??= createStorage(config, { failures: config.BREAKER_FAILURES, retryMs: config.BREAKER_RETRY_MS });
  return storage;
}

export function admissionOf(config: RoomConfig): Admission {
  const { repository: sessions, people } = storageOf(config);
  admission ??= new Admission({ sessions, people, tokens: tokenVerifier(config) });
  return admission;
}
