/** What the routes work with. */

import type { Admission, TokenVerifier } from '../access/admission.ts';
import type { StrangerCommits } from '../access/stranger-commits.ts';
import type { Config } from '../config.ts';
import type { SessionDirectory } from '../domain/directory.ts';
import type { PeopleRepository } from '../domain/people.ts';
import type { StrudelRepository } from '../domain/strudels.ts';
import type { SessionRepository } from '../domain/types.ts';
import type { SessionBuffer } from '../redis/session-buffer.ts';
import type { Flusher } from '../write-behind/flusher.ts';
import type { AlertThresholds } from './findings.ts';
import type { Platform } from './platform.ts';
import type { RoomClient } from './room-client.ts';
import type { SystemReader } from './system-figures.ts';

export interface Services extends Platform {
  config: Config;
  repository: SessionRepository;
  people: PeopleRepository;
  directory: SessionDirectory;
  strudels: StrudelRepository;
  tokens: TokenVerifier;
  strangerCommits: Pick<StrangerCommits, 'take'>;
  admission: Pick<Admission, 'enter' | 'join' | 'check'>;
  room: Pick<RoomClient, 'sendCommand' | 'setCode'>;
  flusher: Pick<Flusher, 'flushSession' | 'replayDead'>;
  buffer: Pick<SessionBuffer, 'listDead' | 'redirtySome' | 'stats' | 'ping'>;
  system: Pick<SystemReader, 'read'>;
  /** From when on something is wrong. */
  thresholds: AlertThresholds;
  /** @throws {StorageUnavailableError} */
  postgres: { ping(): Promise<void> };
}
