/**
 * What this browser remembers: in `localStorage` the sessions it may enter and the person's name, in
 * `sessionStorage` what belongs to one tab.
 */
import * as z from 'zod';
import { parseUnacknowledged, type UnacknowledgedStore } from '../sdk/unacknowledged.ts';

const knownSessionSchema = z.object({
  id: z.string(),
  /** A session token. */
  token: z.string(),
  title: z.string().nullable(),
  enteredAtMs: z.number(),
  /** The account's subject; null when the user wasn't signed in. */
  subject: z.string().nullable().default(null),
  /** The secret of the invite that it came by. */
  invite: z.string().nullable().default(null),
});
/** A session that this browser holds a token of. */
export type KnownSession = z.infer<typeof knownSessionSchema>;

const SESSIONS_KEY = 'backbeat:sessions';
const USER_TOKEN_KEY = 'backbeat:user-token';
const NAME_KEY = 'backbeat:name';
const VOLUME_KEY = 'backbeat:volume';
const DEFAULT_VOLUME = 0.8;
const SESSIONS_KEPT = 20;
/**
 * How long a page waits for another to let go of the tab's connection id. One that has said that it leaves
 * will: it is the page before a reload, which a busy computer takes its time to end, and under whose id the
 * unsent text is kept.
 */
const CLAIM_TIMEOUT_MS = 1_000;
const LEAVING_CLAIM_TIMEOUT_MS = 15_000;

/** Newest first. */
export function knownSessions(): KnownSession[] {
  try {
    return z.array(knownSessionSchema).parse(JSON.parse(localStorage.getItem(SESSIONS_KEY) ?? '[]'));
  } catch {
    // Written by another version, or by hand: as good as nothing.
    return [];
  }
}

export function rememberSession(session: Omit<KnownSession, 'enteredAtMs'>): void {
  const others = knownSessions().filter((other) => other.id !== session.id);
  const all = [{ ...session, enteredAtMs: Date.now() }, ...others].slice(0, SESSIONS_KEPT);
  store(all);
}

function store(sessions: KnownSession[]): void {
  localStorage.setItem(SESSIONS_KEY, JSON.stringify(sessions));
}

/** Changes what is known of a session, if anything is; its place in the list stays. */
export function updateSession(id: string, changes: Partial<Omit<KnownSession, 'id'>>): void {
  store(knownSessions().map((session) => (session.id === id ? { ...session, ...changes } : session)));
}

export function forgetSessions(isForgotten: (session: KnownSession) => boolean): void {
  store(knownSessions().filter((session) => !isForgotten(session)));
}

/** The signed-in user's token; null when no user is signed in. */
export function storedUserToken(): string | null {
  return localStorage.getItem(USER_TOKEN_KEY);
}

export function storeUserToken(token: string | null): void {
  if (token === null) localStorage.removeItem(USER_TOKEN_KEY);
  else localStorage.setItem(USER_TOKEN_KEY, token);
}

/** From 0 to 1. */
export function keptVolume(): number {
  const volume = Number(localStorage.getItem(VOLUME_KEY) ?? DEFAULT_VOLUME);
  return volume >= 0 && volume <= 1 ? volume : DEFAULT_VOLUME;
}

export function keepVolume(volume: number): void {
  setIfRoom(localStorage, VOLUME_KEY, String(volume));
}

/** Where the browser keeps no more, only a convenience is lost. */
function setIfRoom(storage: Storage, key: string, value: string): void {
  try {
    storage.setItem(key, value);
  } catch {
    storage.removeItem(key);
  }
}

export function rememberedName(): string {
  return localStorage.getItem(NAME_KEY) ?? '';
}

export function rememberName(name: string): void {
  localStorage.setItem(NAME_KEY, name);
}

export interface TabIdentity {
  connectionId: string;
  /** Lets another page of this tab use it. */
  release: () => void;
}

/**
 * The tab's connection id for a session, the same after a reload. A duplicated tab starts with a copy of the
 * first one's `sessionStorage`; a lock tells the two apart, as two open connections mustn't share an id.
 */
export async function claimTabIdentity(sessionId: string): Promise<TabIdentity> {
  const key = `backbeat:tab:${sessionId}`;
  const known = sessionStorage.getItem(key);
  const leaving = `backbeat:leaving:${sessionId}`;
  const isLeaving = known !== null && sessionStorage.getItem(leaving) === known;
  const unlock =
    known === null ? null : await lock(known, isLeaving ? LEAVING_CLAIM_TIMEOUT_MS : CLAIM_TIMEOUT_MS);
  // Not before: this page may be reloaded while it waits.
  sessionStorage.removeItem(leaving);
  const connectionId = known !== null && unlock ? known : crypto.randomUUID();
  sessionStorage.setItem(key, connectionId);
  const release = unlock ?? (await lock(connectionId, CLAIM_TIMEOUT_MS));
  const leave = () => setIfRoom(sessionStorage, leaving, connectionId);
  window.addEventListener('pagehide', leave);
  return {
    connectionId,
    release() {
      window.removeEventListener('pagehide', leave);
      release?.();
    },
  };
}

/** Takes the lock of a connection id; null when another page keeps it. */
function lock(connectionId: string, timeoutMs: number): Promise<(() => void) | null> {
  // Locks exist only in secure contexts. Without them a duplicated tab is taken for the first one.
  if (!('locks' in navigator)) return Promise.resolve(() => {});
  return new Promise((resolve) => {
    navigator.locks
      .request(
        `backbeat:connection:${connectionId}`,
        { signal: AbortSignal.timeout(timeoutMs) },
        () => new Promise<void>((release) => resolve(release)),
      )
      .catch(() => resolve(null));
  });
}

/**
 * Keeps what is unacknowledged in `sessionStorage`.
 * @param onFull called once when the browser won't keep it.
 */
export function unacknowledgedStore(connectionId: string, onFull: () => void): UnacknowledgedStore {
  const key = `backbeat:unacknowledged:${connectionId}`;
  let isFull = false;
  return {
    load: () => parseUnacknowledged(sessionStorage.getItem(key)),
    save(unacknowledged) {
      try {
        if (unacknowledged === null) sessionStorage.removeItem(key);
        else sessionStorage.setItem(key, JSON.stringify(unacknowledged));
      } catch {
        if (!isFull) onFull();
        isFull = true;
      }
    },
  };
}

/**
 * A session's scratch code as it was when the session turned to a strudel; null when this tab didn't see
 * that.
 */
export function keptScratch(sessionId: string): string | null {
  return sessionStorage.getItem(`backbeat:scratch:${sessionId}`);
}

/** Keeps it as long as the tab lives; where the browser won't, only the way back to it is lost. */
export function keepScratch(sessionId: string, code: string): void {
  setIfRoom(sessionStorage, `backbeat:scratch:${sessionId}`, code);
}
