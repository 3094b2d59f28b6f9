/**
 * Decides when a session's code becomes a version. Pure: it is told what happens to the code, and says what
 * is to be kept of it.
 *
 * What is typed becomes one a minute, and the text before anything else that replaces it: no timer runs for
 * that. An edit that comes a minute after the newest version, or later, makes one of the text before it; and
 * the room's alarm makes one of the text that is left.
 */
import type { Text } from '@codemirror/state';
import { z } from 'zod';
import { VERSION_CAUSES, type VersionCause } from '../../domain/versions.ts';
import {
  LEAST_VERSION_CHARS,
  MAX_VERSION_CHARS_AT_ONCE,
  MAX_VERSION_CHARS_PER_MINUTE,
} from '../../protocol/index.ts';

const MINUTE_MS = 60_000;

/** Who changed the code. */
const authorSchema = z.object({ displayName: z.string(), userId: z.string().nullable() });
export type VersionAuthor = z.infer<typeof authorSchema>;

const newestSchema = z.object({
  /** Tells whether code is the same: see {@link hashOf}. */
  hash: z.string(),
  cause: z.enum(VERSION_CAUSES),
  /** When it was made. */
  atMs: z.number(),
});
const changeSchema = z.object({ author: authorSchema.nullable(), atMs: z.number() });

/** What the next instance of the room has to know, to go on. */
export const versionNoteSchema = z.object({
  /** The newest version that is committed; null: there is none. */
  newest: newestSchema.nullable(),
  /** The last change since. */
  change: changeSchema.nullable(),
});
export type VersionNote = z.infer<typeof versionNoteSchema>;

/** What is to be kept. */
export interface NewVersion {
  cause: VersionCause;
  code: string;
  rev: number;
  /** Null: the instance that knew is gone. */
  author: VersionAuthor | null;
  /** When the code became so. */
  atMs: number;
}

export interface CodeAt {
  text: Text;
  rev: number;
}

export class Versions {
  readonly #intervalMs: number;
  /** When the first version is due, where there is none. */
  readonly #firstDueMs: number;
  #newest: VersionNote['newest'];
  /** The last change of a text that may not be a version yet; null: it is one. */
  #change: VersionNote['change'];
  #budget: { chars: number; atMs: number };

  /**
   * @param note of the last instance; null: there was none that made a version.
   * @param code as the session was opened with it.
   * @param intervalMs from one version of what is typed to the next.
   */
  constructor(note: VersionNote | null, code: string, intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#newest = note?.newest ?? null;
    // A session that begins with nothing has nothing to go back to; what it begins with is kept before it is
    // changed.
    this.#firstDueMs = code.trim() === '' ? nowMs + intervalMs : nowMs;
    const isKept = this.#newest ? this.#newest.hash === hashOf(code) : code.trim() === '';
    this.#change = isKept ? null : (note?.change ?? { author: null, atMs: nowMs });
    this.#budget = { chars: MAX_VERSION_CHARS_AT_ONCE, atMs: nowMs };
  }

  get note(): VersionNote {
    return { newest: this.#newest, change: this.#change };
  }

  /** An edit was merged. @param cause `typed`, or what replaced the text. */
  edited(
    cause: Exclude<VersionCause, 'played'>,
    { before, after }: { before: CodeAt; after: CodeAt },
    author: VersionAuthor | null,
    nowMs: number,
  ): NewVersion[] {
    const isReplaced = cause !== 'typed';
    const made = isReplaced || this.#isDue(nowMs) ? this.#keepTyped(before, nowMs) : [];
    this.#change = { author, atMs: nowMs };
    if (!isReplaced) return made;
    const replaced = this.#keep(
      { cause, code: after.text.toString(), rev: after.rev, author, atMs: nowMs },
      nowMs,
    );
    if (replaced !== 'no room') this.#change = null;
    return typeof replaced === 'object' ? [...made, replaced] : made;
  }

  /** Code was evaluated. @param text the session's, which may be another. */
  played(code: CodeOf, text: Text, author: VersionAuthor, nowMs: number): NewVersion[] {
    const played = this.#keep({ cause: 'played', ...code, author, atMs: nowMs }, nowMs);
    if (played !== 'no room' && this.#change && text.toString() === code.code) this.#change = null;
    return typeof played === 'object' ? [played] : [];
  }

  /** A user has deleted their account: what they changed has no author any more. */
  forgetUser(userId: string): void {
    if (this.#change?.author?.userId === userId) this.#change = { ...this.#change, author: null };
  }

  /** Nothing happens, or nothing more than usual. */
  quiet(code: CodeAt, nowMs: number): NewVersion[] {
    return this.#isDue(nowMs) ? this.#keepTyped(code, nowMs) : [];
  }

  /** In how many milliseconds the text becomes a version, if it isn't one; else null. */
  dueInMs(nowMs: number): number | null {
    if (!this.#change) return null;
    const leftMs = this.#leftMs(nowMs);
    // There was no room for it, or it is still being asked for: in a while.
    return leftMs > 0 ? Math.min(leftMs, this.#intervalMs) : this.#intervalMs;
  }

  #isDue(nowMs: number): boolean {
    return this.#change !== null && this.#leftMs(nowMs) <= 0;
  }

  #leftMs(nowMs: number): number {
    if (!this.#newest) return this.#firstDueMs - nowMs;
    const elapsedMs = nowMs - this.#newest.atMs;
    // By a clock that was ahead of this one. The next version doesn't wait until then.
    return elapsedMs < 0 ? 0 : this.#intervalMs - elapsedMs;
  }

  /** The text as it is, if it isn't a version. */
  #keepTyped({ text, rev }: CodeAt, nowMs: number): NewVersion[] {
    if (!this.#change) return [];
    const { author, atMs } = this.#change;
    const kept = this.#keep({ cause: 'typed', code: text.toString(), rev, author, atMs }, nowMs);
    if (kept !== 'no room') this.#change = null;
    return typeof kept === 'object' ? [kept] : [];
  }

  #keep(version: NewVersion, nowMs: number): NewVersion | 'same' | 'no room' {
    const { cause, code } = version;
    const hash = hashOf(code);
    const newest = this.#newest;
    // Code that was typed and is played now gets a version that says so: those stay longer.
    if (newest?.hash === hash && (cause === 'typed' || newest.cause !== 'typed')) return 'same';
    if (!this.#take(code.length, nowMs)) return 'no room';
    this.#newest = { hash, cause, atMs: nowMs };
    return version;
  }

  #take(length: number, nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - this.#budget.atMs);
    const refilled = this.#budget.chars + (elapsedMs * MAX_VERSION_CHARS_PER_MINUTE) / MINUTE_MS;
    const chars = Math.min(MAX_VERSION_CHARS_AT_ONCE, refilled);
    const cost = Math.max(LEAST_VERSION_CHARS, length);
    const isEnough = cost <= chars;
    this.#budget = { chars: isEnough ? chars - cost : chars, atMs: nowMs };
    return isEnough;
  }
}

interface CodeOf {
  code: string;
  rev: number;
}

const FNV_PRIME = 0x01000193;

/** Two texts with the same are the same, as far as chance goes: it is FNV-1a twice, and the length. */
export function hashOf(code: string): string {
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (let at = 0; at < code.length; at++) {
    const unit = code.charCodeAt(at);
    a = Math.imul(a ^ unit, FNV_PRIME);
    b = Math.imul(b ^ (unit + at), FNV_PRIME);
  }
  return `${(a >>> 0).toString(36)}.${(b >>> 0).toString(36)}.${code.length.toString(36)}`;
}
