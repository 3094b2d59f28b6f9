/**
 * The session that a room hosts: opened when the first event needs it, once, and given up when another room
 * has taken it over.
 */
import { z } from 'zod';
import { DamagedDataError, SessionNotFoundError, StorageUnavailableError } from '../../domain/errors.ts';
import { MAX_TERM } from '../../domain/revision.ts';
import {
  type OpenedSession,
  RECOVERY_SOURCES,
  type RecoveryRecord,
  type SessionRepository,
} from '../../domain/types.ts';
import type { RoomStorage } from '../host.ts';
import type { RoomAlarm } from '../room-alarm.ts';
import { LiveSession, type LiveSessionOptions, type LiveSessionPorts } from './live-session.ts';
import { type VersionNote, versionNoteSchema } from './versions.ts';

/** Where the record is in the room's storage, and the note of the versions. */
const RECORD = 'recovery';
const VERSIONS = 'versions';
/** How often a session is opened in a greater term when a store knows one as great. */
const MAX_TRIES = 5;

const count = z.number().int().nonnegative();
const recordSchema = z
  .object({ term: count, source: z.enum(RECOVERY_SOURCES).nullable(), lastCommit: count })
  .nullable()
  .catch(null) satisfies z.ZodType<RecoveryRecord | null>;

export interface HostedSessionOptions {
  id: string;
  storage: Pick<RoomStorage, 'get' | 'put'>;
  alarm: Pick<RoomAlarm, 'wakeForSession'>;
  repository: SessionRepository;
  session: LiveSessionOptions;
  /** What the session needs of its room, besides the storage. */
  ports: Omit<LiveSessionPorts, 'repository' | 'record' | 'noteVersions' | 'setAlarm'>;
  /** Called once the session is there, before anything else happens with it. */
  onOpened(): Promise<void>;
}

export class HostedSession {
  readonly #options: HostedSessionOptions;
  #opening: Promise<LiveSession> | null = null;
  #live: LiveSession | null = null;

  constructor(options: HostedSessionOptions) {
    this.#options = options;
  }

  /** The session if it is open; else null. */
  get live(): LiveSession | null {
    return this.#live;
  }

  /**
   * The session. A failure to open it is not kept.
   * @throws {SessionNotFoundError} there is no such session.
   * @throws {StorageUnavailableError} a store that may hold something newer is out of reach, or the room's
   *   own storage.
   * @throws {DamagedDataError}
   */
  open({ byAlarm = false } = {}): Promise<LiveSession> {
    this.#opening ??= this.#open(byAlarm).catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  /** False when Postgres is known to hold everything, without opening the session. */
  async mayBeDirty(): Promise<boolean> {
    return this.#live !== null || (await this.#record())?.source !== 'clean';
  }

  /**
   * Whether there may be something to do for an alarm that an earlier instance has set: not where Postgres
   * has everything, and the code is a version.
   */
  async mayNeedAlarm(): Promise<boolean> {
    if (this.#live !== null) return true;
    const source = (await this.#record())?.source ?? null;
    const isFlushed = source === 'clean' || source === 'postgres';
    return !isFlushed || ((await this.#versionNote())?.change ?? null) !== null;
  }

  /**
   * The session has just been made: Postgres has all there is of it, so that a room opens it even without the
   * buffer.
   */
  async recordCreated(): Promise<void> {
    if ((await this.#record()) === null) await this.#put({ term: 0, source: 'postgres', lastCommit: 0 });
  }

  /** Forgets the session, which another room has taken over, or which is to be opened in a new term. */
  giveUp(): void {
    this.#live?.close();
    this.#opening = null;
    this.#live = null;
  }

  async #open(byAlarm: boolean): Promise<LiveSession> {
    const { id, storage, alarm, repository, session, ports, onOpened } = this.#options;
    const { opened, term } = await this.#takeTerm();
    await this.#put({ term, source: opened.source, lastCommit: opened.lastCommit });
    if (opened.bufferFailure !== undefined) ports.log('opened_without_buffer', opened.bufferFailure);
    const versionNote = await this.#versionNote();
    const live: LiveSession = new LiveSession({ id, term, opened, versionNote }, session, {
      ...ports,
      repository,
      noteVersions: async (note) => {
        if (this.#live === live) await storage.put(VERSIONS, note);
      },
      record: async (record) => {
        // Whatever it still has under way mustn't put its record over that of the session that was opened
        // since.
        if (this.#live !== live)
          throw new StorageUnavailableError('room storage', 'the session was given up');
        await this.#put({ term, ...record });
      },
      setAlarm: (delayMs) => alarm.wakeForSession(Date.now() + delayMs),
    });
    this.#live = live;
    // What an earlier instance left dirty has an alarm, unless that was lost with it.
    if (opened.isDirty && !byAlarm) await live.armAlarm();
    if (opened.isPartial) await live.flush();
    await onOpened();
    return live;
  }

  /** Opens the session in a term that is greater than any that this room's storage or a store knows. */
  async #takeTerm(): Promise<{ opened: OpenedSession; term: number }> {
    const { id, repository } = this.#options;
    const record = await this.#record();
    let term = (record?.term ?? 0) + 1;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      // Recorded first: a request that was given up may register the term late, when a later instance is at
      // work.
      await this.#put({ source: null, lastCommit: 0, ...record, term });
      const opened = await repository.open(id, term, record);
      if (opened === null) throw new SessionNotFoundError(id);
      if (opened.outcome === 'opened') return { opened, term };
      term = opened.term + 1;
      if (term > MAX_TERM) throw new DamagedDataError('a store knows a term that no room can have taken');
    }
    throw new StorageUnavailableError('redis', 'other rooms open the session again and again');
  }

  async #record(): Promise<RecoveryRecord | null> {
    return recordSchema.parse((await this.#options.storage.get(RECORD)) ?? null);
  }

  async #versionNote(): Promise<VersionNote | null> {
    return versionNoteSchema
      .nullable()
      .catch(null)
      .parse((await this.#options.storage.get(VERSIONS)) ?? null);
  }

  async #put(record: RecoveryRecord): Promise<void> {
    try {
      await this.#options.storage.put(RECORD, record);
    } catch (error) {
      throw new StorageUnavailableError('room storage', 'the recovery record could not be written', {
        cause: error,
      });
    }
  }
}
