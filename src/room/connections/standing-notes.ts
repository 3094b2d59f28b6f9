/**
 * What a room was told about who may be in it, kept in its durable storage.
 *
 * Postgres is the truth about access, and whoever enters was checked against it a moment ago. The notes are for what
 * that check can't know: a change that was made while the newcomer was on the way, and everything when Postgres is out
 * of reach and only a session token vouches for somebody.
 */
import { z } from 'zod';
import { type ErrorCode, type Role, roleSchema } from '../../protocol/index.ts';
import type { RoomStorage } from '../host.ts';
import type { ConnectionState } from './connection.ts';

/** A session token lives for seven days; after that nobody comes in without Postgres, and notes have done their work. */
const NOTE_LIFETIME_MS = 8 * 24 * 3600 * 1_000;
const PREFIX = 'note:';

const noteSchema = z.object({
  atMs: z.number(),
  /** For a participant: the role given; null: removed. */
  role: roleSchema.nullable().optional(),
  /** For the session's end. */
  reason: z.string().optional(),
});
type Note = z.infer<typeof noteSchema>;

/** Why a caller may not be in. */
export interface Refused {
  status: 403 | 410;
  error: ErrorCode;
  message: string;
}

export type Judgement = { isIn: true; role: Role; via: ConnectionState['via'] } | ({ isIn: false } & Refused);

/** Who asks to be in, and from when on changes aren't known to have been heeded when he was let in. */
export interface Claim extends Pick<ConnectionState, 'participantId' | 'role' | 'via' | 'inviteId'> {
  knownAtMs: number;
}

export const REMOVED = 'you have been removed from this session';
export const INVITE_REVOKED = 'the invite to this session has been revoked';
export const NO_LONGER_OPEN = 'this session is no longer open to everybody';
export const LIVE_ENDED = 'the live session is over';
export const ENDED = 'the session has ended';
export const SESSION_ENDED: Refused = { status: 410, error: 'not_found', message: ENDED };

type NotesStorage = Pick<RoomStorage, 'list' | 'delete'> & {
  put(key: string, value: unknown): Promise<void>;
};

export class StandingNotes {
  readonly #storage: NotesStorage;
  readonly #now: () => number;
  readonly #notes = new Map<string, Note>();
  #loading: Promise<void> | null = null;

  constructor(storage: NotesStorage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  /** Reads what earlier instances noted; everything else needs it. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Why the session has ended, or null. */
  get ended(): { reason: string } | null {
    const note = this.#notes.get('ended');
    return note ? { reason: note.reason ?? '' } : null;
  }

  noteEnded(reason: string): void {
    this.#note('ended', { reason });
  }

  /** @param role null: removed. */
  noteParticipant(participantId: string, role: Role | null): void {
    this.#note(`participant:${participantId}`, { role });
  }

  noteInviteRevoked(inviteId: string): void {
    this.#note(`invite:${inviteId}`);
  }

  noteDiscoveryEnded(): void {
    this.#note('discovery');
  }

  noteLiveEnded(): void {
    this.#note('live');
  }

  /** Whether somebody may be in, and as what, by what was noted since he was let in. */
  judge(claim: Claim): Judgement {
    if (this.ended) return { isIn: false, ...SESSION_ENDED };
    const since = (key: string) => {
      const note = this.#notes.get(key);
      return note && note.atMs >= claim.knownAtMs ? note : undefined;
    };
    const own = since(`participant:${claim.participantId}`);
    if (own?.role === null) return { isIn: false, ...forbidden(REMOVED) };
    // Whoever the host gave a role is in by that alone, whatever else he came by.
    if (own?.role) return { isIn: true, role: own.role, via: 'grant' };
    const { role, via } = claim;
    if (via === 'invite' && since(`invite:${claim.inviteId}`))
      return { isIn: false, ...forbidden(INVITE_REVOKED) };
    if (via === 'discovery' && since('discovery')) return { isIn: false, ...forbidden(NO_LONGER_OPEN) };
    if ((via === 'invite' || via === 'discovery') && since('live'))
      return { isIn: false, ...forbidden(LIVE_ENDED) };
    return { isIn: true, role, via };
  }

  #note(key: string, content: Omit<Note, 'atMs'> = {}): void {
    const note = { atMs: this.#now(), ...content };
    this.#notes.set(key, note);
    // Not awaited: nothing leaves the room before its writes are on disk.
    void this.#storage.put(PREFIX + key, note);
  }

  async #load(): Promise<void> {
    const now = this.#now();
    const old: string[] = [];
    for (const [key, value] of await this.#storage.list({ prefix: PREFIX })) {
      const name = key.slice(PREFIX.length);
      const note = noteSchema.safeParse(value);
      const isOld = !note.success || (name !== 'ended' && now - note.data.atMs > NOTE_LIFETIME_MS);
      if (isOld) old.push(key);
      else if (!this.#notes.has(name)) this.#notes.set(name, note.data);
    }
    // One delete takes 128 keys at most; the rest goes another time.
    if (old.length > 0) await this.#storage.delete(old.slice(0, 128));
  }
}

export function forbidden(message: string): Refused {
  return { status: 403, error: 'forbidden', message };
}
