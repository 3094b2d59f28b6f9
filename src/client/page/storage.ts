/**
 * What this browser remembers: as long as the browser the sessions it may enter and the person's name, as
 * long as the tab what belongs to that.
 */
import * as z from 'zod';
import { randomId } from '../sdk/random-id.ts';
import { parseUnacknowledged, type UnacknowledgedStore } from '../sdk/unacknowledged.ts';
import { browserKeeper, type Keeper, tabKeeper } from './keeping.ts';

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
const ACCOUNT_KEY = 'backbeat:account';
const CLAIM_KEY = 'backbeat:claim';
const NAME_KEY = 'backbeat:name';
const VOLUME_KEY = 'backbeat:volume';
const VIEW_KEY = 'backbeat:view';
const DEFAULT_VOLUME = 0.8;
const SESSIONS_KEPT = 20;
const UNSENT_KEPT = 10;
/**
 * How long a page waits for another to let go of the tab's connection id. One that has said that it leaves
 * will: it is the page before a reload, which a busy computer takes its time to end, and under whose id the
 * unsent text is kept.
 */
const CLAIM_TIMEOUT_MS = 1_000;
const LEAVING_CLAIM_TIMEOUT_MS = 15_000;

/** What is kept under a key; null where that is nothing, or was written by another version or by hand. */
function read<T>(keeper: Keeper, key: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.parse(JSON.parse(keeper.get(key) ?? 'null'));
  } catch {
    return null;
  }
}

/** Newest first. */
export function knownSessions(): KnownSession[] {
  return read(browserKeeper, SESSIONS_KEY, z.array(knownSessionSchema)) ?? [];
}

export function rememberSession(session: Omit<KnownSession, 'enteredAtMs'>): void {
  const others = knownSessions().filter((other) => other.id !== session.id);
  const all = [{ ...session, enteredAtMs: Date.now() }, ...others].slice(0, SESSIONS_KEPT);
  store(all);
}

function store(sessions: KnownSession[]): void {
  browserKeeper.set(SESSIONS_KEY, JSON.stringify(sessions));
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
  return browserKeeper.get(USER_TOKEN_KEY);
}

/** Signed out, nothing that is kept of the account stays. */
export function storeUserToken(token: string | null): void {
  if (token === null) {
    for (const key of [USER_TOKEN_KEY, ACCOUNT_KEY, CLAIM_KEY]) browserKeeper.remove(key);
  } else browserKeeper.set(USER_TOKEN_KEY, token);
}

/** Whether a change of the browser's storage, made by another page, is of the user's token. */
export function isOfUserToken({ key }: StorageEvent): boolean {
  return key === USER_TOKEN_KEY || key === null;
}

/** What an account's token doesn't say. */
const keptAccountSchema = z.object({
  subject: z.string(),
  name: z.string(),
  email: z.string(),
  /** When this browser got the token, by its own clock. */
  tokenAtMs: z.number(),
});
export type KeptAccount = z.infer<typeof keptAccountSchema>;

/** Null where nothing is kept, or of another account than this. */
export function keptAccount(subject: string): KeptAccount | null {
  const kept = read(browserKeeper, ACCOUNT_KEY, keptAccountSchema);
  return kept?.subject === subject ? kept : null;
}

export function keepAccount(account: KeptAccount): void {
  browserKeeper.set(ACCOUNT_KEY, JSON.stringify(account));
}

/** The sessions of this browser are still to be made the account's own. */
export function isClaimPending(): boolean {
  return browserKeeper.get(CLAIM_KEY) !== null;
}

export function setClaimPending(isPending: boolean): void {
  if (isPending) browserKeeper.set(CLAIM_KEY, '1');
  else browserKeeper.remove(CLAIM_KEY);
}

/** From 0 to 1. */
export function keptVolume(): number {
  const volume = Number(browserKeeper.get(VOLUME_KEY) ?? DEFAULT_VOLUME);
  return volume >= 0 && volume <= 1 ? volume : DEFAULT_VOLUME;
}

export function keepVolume(volume: number): void {
  browserKeeper.set(VOLUME_KEY, String(volume));
}

const VIEWS = ['roll', 'scope', 'none'] as const;
/** The picture of what sounds: the piano roll, the oscilloscope, or none. */
export type View = (typeof VIEWS)[number];

export function keptView(): View {
  const kept = browserKeeper.get(VIEW_KEY);
  return VIEWS.find((view) => view === kept) ?? 'roll';
}

export function keepView(view: View): void {
  browserKeeper.set(VIEW_KEY, view);
}

export function rememberedName(): string {
  return browserKeeper.get(NAME_KEY) ?? '';
}

export function rememberName(name: string): void {
  browserKeeper.set(NAME_KEY, name);
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
  const known = tabKeeper.get(key);
  const leaving = `backbeat:leaving:${sessionId}`;
  const isLeaving = known !== null && tabKeeper.get(leaving) === known;
  const unlock =
    known === null ? null : await lock(known, isLeaving ? LEAVING_CLAIM_TIMEOUT_MS : CLAIM_TIMEOUT_MS);
  // Not before: this page may be reloaded while it waits.
  tabKeeper.remove(leaving);
  const connectionId = known !== null && unlock ? known : randomId();
  tabKeeper.set(key, connectionId);
  const release = unlock ?? (await lock(connectionId, CLAIM_TIMEOUT_MS));
  const leave = () => tabKeeper.set(leaving, connectionId);
  window.addEventListener('pagehide', leave);
  return {
    connectionId,
    release() {
      window.removeEventListener('pagehide', leave);
      release?.();
    },
  };
}

const lockOf = (connectionId: string) => `backbeat:connection:${connectionId}`;

/** Takes the lock of a connection id; null when another page keeps it. */
function lock(connectionId: string, timeoutMs: number): Promise<(() => void) | null> {
  // Locks exist only in secure contexts. Without them a duplicated tab is taken for the first one.
  if (!('locks' in navigator)) return Promise.resolve(() => {});
  return new Promise((resolve) => {
    navigator.locks
      .request(
        lockOf(connectionId),
        { signal: AbortSignal.timeout(timeoutMs) },
        () => new Promise<void>((release) => resolve(release)),
      )
      .catch(() => resolve(null));
  });
}

/**
 * Keeps what is unacknowledged as long as the tab.
 * @param onFull called once when the browser won't keep it.
 */
export function unacknowledgedStore(connectionId: string, onFull: () => void): UnacknowledgedStore {
  const key = `backbeat:unacknowledged:${connectionId}`;
  let isFull = false;
  return {
    load: () => parseUnacknowledged(tabKeeper.get(key)),
    save(unacknowledged) {
      if (unacknowledged === null) {
        tabKeeper.remove(key);
        return;
      }
      if (tabKeeper.set(key, JSON.stringify(unacknowledged))) return;
      if (!isFull) onFull();
      isFull = true;
    },
  };
}

/** Text that wasn't sent when its page was left. */
const unsentSchema = z.object({ code: z.string().nullable(), chat: z.array(z.string()), atMs: z.number() });
export type Unsent = z.infer<typeof unsentSchema>;

const UNSENT_KEY = 'backbeat:unsent:';
const unsentKey = (sessionId: string, connectionId: string) => `${UNSENT_KEY}${sessionId}:${connectionId}`;

/** Keeps it beyond the tab, for the next visit; null: everything was sent. */
export function keepUnsent(
  sessionId: string,
  connectionId: string,
  unsent: Omit<Unsent, 'atMs'> | null,
): void {
  const key = unsentKey(sessionId, connectionId);
  if (unsent === null) {
    browserKeeper.remove(key);
    return;
  }
  browserKeeper.set(key, JSON.stringify({ ...unsent, atMs: Date.now() } satisfies Unsent));
  const all = browserKeeper.keys(UNSENT_KEY).filter((other) => other !== key);
  const oldestFirst = all
    .map((other) => ({ other, atMs: read(browserKeeper, other, unsentSchema)?.atMs ?? 0 }))
    .sort((a, b) => a.atMs - b.atMs);
  for (const { other } of oldestFirst.slice(0, Math.max(0, all.length + 1 - UNSENT_KEPT))) {
    browserKeeper.remove(other);
  }
}

/** What was left unsent in this session by a page that is gone: which, by its connection id, and what. */
export async function unsentOf(
  sessionId: string,
): Promise<{ connectionId: string; unsent: Unsent } | undefined> {
  const prefix = unsentKey(sessionId, '');
  const keys = browserKeeper.keys(prefix);
  if (keys.length === 0) return undefined;
  const held = new Set<string | undefined>();
  if ('locks' in navigator) {
    const locks = await navigator.locks.query().catch(() => null);
    for (const { name } of locks?.held ?? []) held.add(name);
  }
  for (const key of keys) {
    const connectionId = key.slice(prefix.length);
    const unsent = read(browserKeeper, key, unsentSchema);
    if (unsent && !held.has(lockOf(connectionId))) return { connectionId, unsent };
  }
  return undefined;
}

const attemptKey = (invite: string) => `backbeat:joining:${invite}`;

/** The attempt to join by an invite that this browser has under way; null: it has none. */
export function joinAttempt(invite: string): string | null {
  return browserKeeper.get(attemptKey(invite));
}

/** Begins one, which a reload repeats. */
export function beginJoinAttempt(invite: string): string {
  const attempt = joinAttempt(invite) ?? randomId();
  browserKeeper.set(attemptKey(invite), attempt);
  return attempt;
}

/** It has come to something. */
export function endJoinAttempt(invite: string): void {
  browserKeeper.remove(attemptKey(invite));
}

/**
 * A session's scratch code as it was when the session turned to a strudel; null when this tab didn't see
 * that.
 */
export function keptScratch(sessionId: string): string | null {
  return tabKeeper.get(`backbeat:scratch:${sessionId}`);
}

/** Keeps it as long as the tab lives; where the browser won't, only the way back to it is lost. */
export function keepScratch(sessionId: string, code: string): void {
  tabKeeper.set(`backbeat:scratch:${sessionId}`, code);
}

/** The code as this tab saw it last, for a participant whom the session doesn't let in any more. */
export function lastCode(sessionId: string): string | null {
  return tabKeeper.get(`backbeat:code:${sessionId}`);
}

export function keepLastCode(sessionId: string, code: string): void {
  tabKeeper.set(`backbeat:code:${sessionId}`, code);
}

/** Whether this browser has kept text of a session: the code as the tab saw it last, or what wasn't sent. */
export function hasTextOf(sessionId: string): boolean {
  return lastCode(sessionId) !== null || browserKeeper.keys(unsentKey(sessionId, '')).length > 0;
}
