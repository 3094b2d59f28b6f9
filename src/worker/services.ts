/** What the routes work with. */
import type { Flusher } from '../buffer/flusher.ts';
import type { SessionBuffer } from '../buffer/session-buffer.ts';
import type { Config } from '../config.ts';
import type { Admission, TokenVerifier } from '../sessions/admission.ts';
import type { SessionDirectory } from '../sessions/directory.ts';
import type { PeopleRepository } from '../sessions/people.ts';
import type { StrudelRepository } from '../sessions/strudels.ts';
import type { SessionRepository } from '../sessions/types.ts';
import type { Platform } from './platform.ts';
import type { RoomClient } from './room-client.ts';

export interface Services extends Platform {
  config: Config;
  repository: SessionRepository;
  people: PeopleRepository;
  directory: SessionDirectory;
  strudels: StrudelRepository;
  tokens: TokenVerifier;
  admission: Pick<Admission, 'enter' | 'join' | 'check'>;
  room: Pick<RoomClient, 'tell' | 'setCode'>;
  flusher: Pick<Flusher, 'flushSession' | 'replayDead'>;
  buffer: Pick<SessionBuffer, 'listDead' | 'stats' | 'ping'>;
  /** @throws {StorageUnavailableError} */
  postgres: { ping(): Promise<void> };
}
