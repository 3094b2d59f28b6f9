/** The stores of an isolate, shared by its rooms, so that the circuit breaker is too: if Redis is down, it is for all of them. */
import { createStorage, type Storage } from '../buffer/index.ts';
import type { RoomConfig } from '../config.ts';
import { Admission } from '../sessions/admission.ts';
import { tokenVerifier } from '../sessions/tokens.ts';

let storage: Storage | undefined;
let admission: Admission | undefined;

export function storageOf(config: RoomConfig): Storage {
  storage ??= createStorage(config, { failures: config.BREAKER_FAILURES, retryMs: config.BREAKER_RETRY_MS });
  return storage;
}

export function admissionOf(config: RoomConfig): Admission {
  const { repository: sessions, people } = storageOf(config);
  admission ??= new Admission({ sessions, people, tokens: tokenVerifier(config) });
  return admission;
}
