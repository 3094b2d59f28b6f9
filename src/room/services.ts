/** What the rooms and the edge of one isolate share. */
import { createStorage, type Storage } from '../buffer/index.ts';
import { parseConfig, type RoomConfig, roomConfigSchema } from '../config.ts';
import { Admission } from '../sessions/admission.ts';

let config: RoomConfig | undefined;
let services: (Pick<Storage, 'repository' | 'people' | 'strudels'> & { admission: Admission }) | undefined;

/** The configuration; parsed once. @throws {ConfigError} */
export function configOf(env: Record<string, unknown>): RoomConfig {
  config ??= parseConfig(roomConfigSchema, env);
  return config;
}

/** The stores and what is decided by them: one for all rooms, so that they share the circuit breaker. If Redis is down, it is for all of them. */
export function servicesOf(settings: RoomConfig) {
  if (!services) {
    const storage = createStorage(settings, {
      failures: settings.BREAKER_FAILURES,
      retryMs: settings.BREAKER_RETRY_MS,
    });
    services = { ...storage, admission: new Admission({ ...storage, config: settings }) };
  }
  return services;
}
