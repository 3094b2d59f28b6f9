/**
 * Changes of access that the room was told about, in its durable storage.
 *
 * Postgres decides about access, and every caller was checked against it a moment ago. Two cases need more
 * than that check: a change that was made while the caller was on the way, and any change at all while
 * Postgres is out of reach and a caller has nothing but a session token.
 */
import { z } from 'zod';
import { type ErrorCode, type Role, roleSchema } from '../../protocol/index.ts';
import type { RoomStorage } from '../host.ts';
import type { ConnectionState } from './connection-state.ts';

/** A session token expires after seven days. After that every caller was checked against Postgres again. */
const LIFETIME_MS = 8 * 24 * 3600 * 1_000;
/** Part of the stored format: another prefix would forget what earlier instances recorded. */
const PREFIX = 'note:';
/** One call of the storage deletes so many keys at most. */
const MAX_DELETED_KEYS = 128;

const recordSchema = z.object({
  atMs: z.number(),
  /** Of a participant: their new role; null: they were removed. */
  role: roleSchema.nullable().optional(),
  /** Of the session's end. */
  reason: z.string().optional(),
});
type AccessRecord = z.infer<typeof recordSchema>;

/** Why a caller has no access. */
export interface AccessRefusal {
  status: 401 | 403 | 410;
  error: ErrorCode;
  message: string;
  /** The session is over for them, though it goes on for its hosts. */
  isEnd?: true;
}

export type AccessDecision =
  | { isAllowed: true; role: Role; joinMethod: ConnectionState['joinMethod'] }
  | ({ isAllowed: false } & AccessRefusal);

/** The access that a caller was found to have, and when: see {@link AdmissionGrant.knownAtMs}. */
export interface AccessClaim
  extends Pick<ConnectionState, 'participantId' | 'userId' | 'role' | 'joinMethod' | 'inviteId'> {
  knownAtMs: number;
}

export const REMOVED = 'you have been removed from this session';
export const INVITE_REVOKED = 'the invite to this session has been revoked';
export const NO_LONGER_OPEN = 'this session is no longer open to everyone';
export const LIVE_ENDED = 'the live session is over';
export const ACCOUNT_DELETED = 'the account has been deleted';
export const ENDED = 'the session has ended';
export const SESSION_ENDED: AccessRefusal = { status: 410, error: 'not_found', message: ENDED };

export const SIGNED_OUT = {
  status: 401,
  error: 'unauthorized',
  message: 'you have signed out everywhere: sign in again',
} as const satisfies AccessRefusal;

type RevocationsStorage = Pick<RoomStorage, 'list' | 'delete'> & {
  put(key: string, value: unknown): Promise<void>;
};

export class AccessRevocations {
  readonly #storage: RevocationsStorage;
  readonly #now: () => number;
  readonly #records = new Map<string, AccessRecord>();
  #loading: Promise<void> | null = null;

  constructor(storage: RevocationsStorage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  /** Reads what earlier instances recorded. Nothing else here is right before it has resolved. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Why the session has ended; null while it goes on. */
  get ended(): { reason: string } | null {
    const record = this.#records.get('ended');
    return record ? { reason: record.reason ?? '' } : null;
  }

  recordEnded(reason: string): void {
    this.#record('ended', { reason });
  }

  recordRole(participantId: string, role: Role): void {
    this.#record(`participant:${participantId}`, { role });
  }

  recordRemoved(participantId: string): void {
    this.#record(`participant:${participantId}`, { role: null });
  }

  recordSignedOut(userId: string): void {
    this.#record(`user:${userId}`);
  }

  recordInviteRevoked(inviteId: string): void {
    this.#record(`invite:${inviteId}`);
  }

  recordDiscoveryEnded(): void {
    this.#record('discovery');
  }

  recordLiveEnded(): void {
    this.#record('live');
  }

  /**
   * Whether the caller still has access, and in which role, by what was recorded since their access was read.
   */
  check(claim: AccessClaim): AccessDecision {
    if (this.ended) return { isAllowed: false, ...SESSION_ENDED };
    const since = (key: string) => {
      const record = this.#records.get(key);
      return record && record.atMs >= claim.knownAtMs ? record : undefined;
    };
    if (claim.userId !== null && since(`user:${claim.userId}`)) return { isAllowed: false, ...SIGNED_OUT };
    const own = since(`participant:${claim.participantId}`);
    if (own?.role === null) return { isAllowed: false, ...forbidden(REMOVED) };
    // A role that the host gave needs no invite and no discovery.
    if (own?.role) return { isAllowed: true, role: own.role, joinMethod: 'grant' };
    const { role, joinMethod } = claim;
    if (joinMethod === 'invite' && since(`invite:${claim.inviteId}`))
      return { isAllowed: false, ...forbidden(INVITE_REVOKED) };
    if (joinMethod === 'discovery' && since('discovery'))
      return { isAllowed: false, ...forbidden(NO_LONGER_OPEN) };
    if ((joinMethod === 'invite' || joinMethod === 'discovery') && since('live'))
      return { isAllowed: false, ...forbidden(LIVE_ENDED) };
    return { isAllowed: true, role, joinMethod };
  }

  #record(key: string, content: Omit<AccessRecord, 'atMs'> = {}): void {
    const record = { atMs: this.#now(), ...content };
    this.#records.set(key, record);
    // Not awaited: the platform sends nothing that the room says before the room's writes are on disk.
    void this.#storage.put(PREFIX + key, record);
  }

  async #load(): Promise<void> {
    const now = this.#now();
    const expired: string[] = [];
    for (const [key, value] of await this.#storage.list({ prefix: PREFIX })) {
      const name = key.slice(PREFIX.length);
      const record = recordSchema.safeParse(value);
      const isExpired = !record.success || (name !== 'ended' && now - record.data.atMs > LIFETIME_MS);
      if (isExpired) expired.push(key);
      else if (!this.#records.has(name)) this.#records.set(name, record.data);
    }
    // The next instance deletes the rest.
    if (expired.length > 0) await this.#storage.delete(expired.slice(0, MAX_DELETED_KEYS));
  }
}

export function forbidden(message: string): AccessRefusal {
  return { status: 403, error: 'forbidden', message };
}
