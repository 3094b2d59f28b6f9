/** What an isolate has of everything once, shared by its edge and its rooms; the circuit breaker too: if Redis is down, it is for all of them. */
import { createAdmission, createStorage, type Storage } from '../buffer/index.ts';
import { parseConfig, type RoomConfig, roomConfigSchema } from '../config.ts';
import type { Admission } from '../sessions/admission.ts';
import type { SessionRepository } from '../sessions/types.ts';

let parsed: RoomConfig | undefined;
let storage: Storage | undefined;
let admission: Admission | undefined;

/** The configuration. @throws {ConfigError} */
export function configOf(env: Record<string, unknown>): RoomConfig {
  parsed ??= parseConfig(roomConfigSchema, env);
  return parsed;
}

type MakeRepository = (config: RoomConfig) => SessionRepository;
let makeRepository: MakeRepository | undefined;

/** Wires the rooms to another repository than the buffered one; called before the first room, by an entry that isn't the product's own. */
export function wireRooms(make: MakeRepository): void {
  makeRepository = make;
}

export function storageOf(config: RoomConfig): Storage {
  if (!storage) {
    storage = createStorage(config, { failures: config.BREAKER_FAILURES, retryMs: config.BREAKER_RETRY_MS });
    if (makeRepository) storage.repository = makeRepository(config);
  }
  return storage;
}

export function admissionOf(config: RoomConfig): Admission {
  admission ??= createAdmission(storageOf(config), config);
  return admission;
}
