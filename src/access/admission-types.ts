/** What is asked of admission, and what it answers. */
import type { JoinMethod, Role, Session } from '../domain/types.ts';
import type { Refusal } from './refusals.ts';

export interface AdmissionRequest {
  /** null: make a new session, with the caller as its host. */
  sessionId: string | null;
  /** A session token or a user's own. */
  token: string | null;
  invite: string | null;
  displayName: string | null;
  /** Of a participant without an account, who may have been made by an earlier attempt of this caller's. */
  anonymousId?: string | null;
  /** For a new session: the one whose code it starts with, if the caller may read that. */
  previousSessionId: string | null;
  /** The caller's network address. Without it, bad invites aren't counted. */
  address?: string | null;
  title?: string;
  code?: string;
  isDiscoverable?: boolean;
}

export interface Admitted {
  sessionId: string;
  participantId: string;
  userId: string | null;
  /** The user's `token_epoch`, for the session token that they get. */
  epoch: string | null;
  displayName: string;
  avatarUrl: string | null;
  role: Role;
  joinMethod: JoinMethod;
  inviteId: string | null;
  /** Postgres was out of reach: this is what a session token says, which may be out of date. */
  isUnconfirmed: boolean;
  /** The session, if this request made it. */
  session: Session | null;
}

/** The session's room, which has to reserve a place for the caller's connection. */
export interface RoomReservation {
  /** @returns null when the room has reserved a place, else its refusal. */
  reserve(admitted: Admitted): Promise<Refusal | null>;
  /** Gives the reserved place back, which would stay taken for half a minute otherwise. Never throws. */
  release(): Promise<void>;
}

export type AdmissionOutcome = { ok: true; admitted: Admitted } | Refusal;

/** Bounds what people without an account may cost. No method throws when its store is out of reach. */
export interface StrangerGuard {
  /** Why they may not do this at all; null when they may. */
  refusalOf(what: 'session' | 'entry'): Refusal | null;
  /** Counts that one makes a session, or enters one without a token; or refuses it. */
  take(what: 'session' | 'entry', address: string | null): Promise<Refusal | null>;
  /** Names a network without saying which it is; null where the platform doesn't say. */
  originOf(address: string | null): Promise<string | null>;
  /** Takes back what {@link take} counted, as nothing came of it. */
  giveBack(what: 'session' | 'entry', address: string | null): Promise<void>;
}
