/** The session that a room hosts: opened when the first event needs it, once, and given up when another room has taken it over. */
import { z } from 'zod';
import { SessionNotFoundError } from '../../domain/errors.ts';
import { HOMES, type Home, type Known, type SessionRepository } from '../../domain/types.ts';
import type { RoomStorage } from '../host.ts';
import { LiveSession, type LiveSessionOptions, type LiveSessionPorts } from './live-session.ts';

const count = z.number().int().nonnegative().catch(0);
const knownSchema = z.object({ epoch: count, lastCommit: count }) satisfies z.ZodType<Known>;
const homeSchema = z.enum(HOMES).nullable().catch(null);

export interface HostedSessionOptions {
  id: string;
  storage: RoomStorage;
  repository: SessionRepository;
  session: LiveSessionOptions;
  /** What the session needs of its room, besides the storage. */
  ports: Omit<LiveSessionPorts, 'repository' | 'noteHome' | 'armAlarm'>;
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
   * @throws {StorageUnavailableError} a store that may hold something newer is out of reach.
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
    return this.#live !== null || (await this.#home()) !== 'clean';
  }

  /** Forgets the session, which another room has taken over. */
  giveUp(): void {
    this.#opening = null;
    this.#live = null;
  }

  async #open(byAlarm: boolean): Promise<LiveSession> {
    const { id, storage, repository, session, ports, onOpened } = this.#options;
    const [home, epoch, lastCommit] = await Promise.all([
      this.#home(),
      storage.get('epoch'),
      storage.get('last_commit'),
    ]);
    const known = knownSchema.parse({ epoch, lastCommit });
    const note = (where: Home, by: number) => storage.put({ home: where, epoch: by });
    const opened = await repository.open(id, home, known, (by) => note('postgres', by));
    if (!opened) throw new SessionNotFoundError(id);
    await note(opened.home, opened.epoch);
    const armAlarm = (delayMs: number) => storage.setAlarm(Date.now() + delayMs);
    const live = new LiveSession(opened, session, {
      ...ports,
      repository,
      noteHome: (where, last) => storage.put({ home: where, last_commit: last }),
      armAlarm,
    });
    this.#live = live;
    // What an earlier instance left dirty has an alarm, unless that was lost with it.
    if (opened.isDirty && !byAlarm) await live.armAlarm();
    await onOpened();
    return live;
  }

  async #home(): Promise<Home | null> {
    return homeSchema.parse((await this.#options.storage.get('home')) ?? null);
  }
}
