/** What the routes work with. */

import type { Admission } from '../access/admission.ts';
import type { TokenVerifier } from '../access/caller.ts';
import type { InvitePreviews } from '../access/invite-previews.ts';
import type { Knocking } from '../access/knocking.ts';
import type { Provider } from '../access/providers.ts';
import type { SharedLimit } from '../access/shared-limit.ts';
import type { SignedInBrowsers } from '../access/signed-in-browsers.ts';
import type { StrangerCommits } from '../access/stranger-commits.ts';
import type { WrongSecrets } from '../access/wrong-secrets.ts';
import type { Config } from '../config.ts';
import type { AccountRepository } from '../domain/accounts.ts';
import type { SessionDirectory } from '../domain/directory.ts';
import type { PeopleRepository } from '../domain/people.ts';
import type { StrudelRepository } from '../domain/strudels.ts';
import type { SessionRepository } from '../domain/types.ts';
import type { SessionBuffer } from '../redis/session-buffer.ts';
import type { Flusher } from '../write-behind/flusher.ts';
import type { DeskClient } from './desk-client.ts';
import type { AlertThresholds } from './findings.ts';
import type { KnockClient } from './knock-client.ts';
import type { Platform } from './platform.ts';
import type { RoomClient } from './room-client.ts';
import type { SystemReader } from './system-figures.ts';

export interface Services extends Platform {
  config: Config;
  repository: SessionRepository;
  people: PeopleRepository;
  directory: SessionDirectory;
  strudels: StrudelRepository;
  accounts: AccountRepository;
  /** Those that one can sign in with, in the order in which they are shown. */
  providers: readonly Pick<Provider, 'id' | 'name' | 'isLocal' | 'begin' | 'finish'>[];
  browsers: Pick<SignedInBrowsers, 'add' | 'refresh' | 'removeByCookie' | 'removeByToken'>;
  tokens: TokenVerifier;
  wrongSecrets: Pick<WrongSecrets, 'count'>;
  strangerCommits: Pick<StrangerCommits, 'take'>;
  admission: Pick<Admission, 'enter' | 'join' | 'check'>;
  invitePreviews: Pick<InvitePreviews, 'preview'>;
  knocking: Pick<Knocking, 'permit' | 'unheard'>;
  /** Counts changes of participants' names. */
  renames: Pick<SharedLimit, 'take'>;
  knocks: Pick<KnockClient, 'knock' | 'state' | 'withdraw'>;
  room: Pick<RoomClient, 'sendCommand' | 'setCode'>;
  desk: Pick<DeskClient, 'ask'>;
  flusher: Pick<Flusher, 'flushSession' | 'flushSessions' | 'replayDead'>;
  buffer: Pick<
    SessionBuffer,
    'listDead' | 'discardDead' | 'discardDeadOf' | 'redirtySome' | 'stats' | 'ping' | 'forget'
  >;
  system: Pick<SystemReader, 'read'>;
  /** From when on something is wrong. */
  thresholds: AlertThresholds;
  /** @throws {StorageUnavailableError} */
  postgres: { ping(): Promise<void> };
}
