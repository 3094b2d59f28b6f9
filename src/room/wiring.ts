/** Which repository the rooms write through: the buffered one, unless an entry chooses another before the first room. */
import { createStorage } from '../buffer/index.ts';
import type { RoomConfig } from '../config.ts';
import type { SessionRepository } from '../sessions/types.ts';

type MakeRepository = (config: RoomConfig) => SessionRepository;

let make: MakeRepository = (config) =>
  createStorage(config, { failures: config.BREAKER_FAILURES, retryMs: config.BREAKER_RETRY_MS }).repository;
let repository: SessionRepository | undefined;

/** Wires the rooms differently; called by an entry that isn't the product's own. */
export function wireRooms(makeRepository: MakeRepository): void {
  make = makeRepository;
}

/** One repository an isolate, so that all its rooms share the circuit breaker: if Redis is down, it is for all of them. */
export function repositoryOf(config: RoomConfig): SessionRepository {
  repository ??= make(config);
  return repository;
}
