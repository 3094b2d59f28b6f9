/**
 * The changes that a document has taken lately: what an edit has to be moved behind whose author didn't know
 * them. Nothing here is needed to find the text again, so it is bounded, and gone with the instance: who is
 * too far behind is out of step, and gets the whole text.
 */
import { ChangeSet, type Text } from '@codemirror/state';
import { type Movable, sizeOf } from '../../merging/index.ts';

/** Characters that the changes kept put in or take away, and how many they are. */
const MAX_CHARS = 256 * 1024;
const MAX_CHANGES = 4_000;
/** Share of that which stays when it becomes too much. */
const KEPT = 3 / 4;
/**
 * No connection is so far behind. A change takes some 1 KB with its undo, and an isolate has many
 * rooms.
 */
const MAX_AGE_MS = 60_000;

/** What is compared at most to find a text again. */
const MAX_COMPARED_CHARS = 2_000_000;
/** Changes on the way to one client. */
const MAX_UNSEEN_TRIED = 100;

/** A change as the document took it. */
export interface TakenChange {
  rev: number;
  /** When the document took it, in milliseconds by the room's clock. */
  atMs: number;
  /** The connection that it came from. */
  connectionId: string;
  change: ChangeSet;
  /** What takes it back. The text before it, kept as it was, would cost as much as the text each time. */
  undo: ChangeSet;
}

/** A change of others as it is after a connection's own edits, which its author doesn't know. */
export interface Unseen extends Movable {
  rev: number;
}

/** Kept of a connection while it may not have heard that its last edit was taken. */
interface InFlight {
  lastRev: number;
  unseen: Unseen[];
}

export class RecentChanges {
  readonly #taken: TakenChange[] = [];
  #chars = 0;
  /**
   * The text was loaded at this revision, or changes up to it were dropped: nothing is known of what was
   * before.
   */
  #knownFrom: number;
  readonly #inFlight = new Map<string, InFlight>();

  constructor(rev: number) {
    this.#knownFrom = rev;
  }

  /**
   * The changes that a connection didn't know when it made its next edit, in order: others' after `baseRev`,
   * as they are after those of its own edits that it had made since. They are the caller's to move.
   * @param baseRev the newest revision that it had heard of.
   * @returns null when they aren't known any more.
   */
  unseenBy(connectionId: string, baseRev: number): Unseen[] | null {
    const inFlight = this.#inFlight.get(connectionId);
    if (inFlight && baseRev < inFlight.lastRev) {
      return copied(inFlight.unseen.filter(({ rev }) => rev > baseRev));
    }
    const taken = this.since(baseRev);
    if (taken?.some((entry) => entry.connectionId === connectionId)) return null;
    return taken && copied(taken);
  }

  /** The edits of a connection that may not have heard of its last one; see {@link unseenBy}. */
  inFlightOf(connectionId: string): InFlight | null {
    const inFlight = this.#inFlight.get(connectionId);
    return inFlight ? { ...inFlight, unseen: copied(inFlight.unseen) } : null;
  }

  /** From this revision to the newest one the text is the same. */
  get sameSince(): number {
    return this.#taken.at(-1)?.rev ?? this.#knownFrom;
  }

  /** An earlier revision's text is known to be the one that was loaded. Before anything is taken. */
  startFrom(rev: number): void {
    this.#knownFrom = Math.min(this.#knownFrom, rev);
  }

  /** What was taken after a revision, in order, to be moved; null when that isn't known any more. */
  allAfter(rev: number): Unseen[] | null {
    const taken = this.since(rev);
    return taken && copied(taken);
  }

  /** What was taken after a revision, in order; null when that isn't known any more. */
  since(rev: number): readonly TakenChange[] | null {
    if (rev < this.#knownFrom) return null;
    return this.#taken.slice(this.#indexAfter(rev));
  }

  /**
   * The texts before the newest, newest first, that were the newest at or after a time; each is with its own
   * revision.
   * @param now the text as it is.
   */
  *textsBefore(now: Text, sinceMs: number): Generator<{ rev: number; text: Text }> {
    let text = now;
    for (let index = this.#taken.length - 1; index >= 0; index -= 1) {
      const taken = this.#taken[index];
      if (!taken || taken.atMs < sinceMs) return;
      text = taken.undo.apply(text);
      yield { rev: this.#taken[index - 1]?.rev ?? this.#knownFrom, text };
    }
  }

  /**
   * What was taken since a text was the newest, or since a connection showed it, whose own edits may have
   * come before what it didn't know.
   * @param now the text as it is.
   * @returns the change that makes `now` of `text`; null when that isn't known.
   */
  changeSince(text: Text, connectionId: string, now: Text): ChangeSet | null {
    if (text.eq(now)) return ChangeSet.empty(now.length);
    return this.#changeSinceNewest(text, now) ?? changeOfUnseen(this.#inFlight.get(connectionId), text, now);
  }

  #changeSinceNewest(text: Text, now: Text): ChangeSet | null {
    let before = now;
    let compared = 0;
    for (let index = this.#taken.length - 1; index >= 0; index -= 1) {
      const taken = this.#taken[index];
      if (!taken) break;
      before = taken.undo.apply(before);
      if (before.length !== text.length) continue;
      compared += text.length;
      if (before.eq(text)) return composed(this.#taken.slice(index), text.length);
      if (compared > MAX_COMPARED_CHARS) break;
    }
    return null;
  }

  /** The text as it was at a revision; null when that isn't known any more. @param now the text as it is. */
  textAt(rev: number, now: Text): Text | null {
    const after = this.since(rev);
    return after?.reduceRight((text, { undo }) => undo.apply(text), now) ?? null;
  }

  /**
   * The document has taken a change.
   * @param unseen what its author didn't know, as it is after the change; null for one that no later
   *   edit goes on from.
   */
  add(taken: TakenChange, unseen: Unseen[] | null): void {
    const { connectionId, rev, change } = taken;
    this.#taken.push(taken);
    this.#chars += sizeOf(change);
    for (const [id, other] of this.#inFlight) if (id !== connectionId) other.unseen.push({ rev, change });
    if (unseen) this.#inFlight.set(connectionId, { lastRev: rev, unseen });
    this.#trim(taken.atMs);
  }

  /** The connection is gone, or was sent the whole text: it has no edits under way. */
  forget(connectionId: string): void {
    this.#inFlight.delete(connectionId);
  }

  #indexAfter(rev: number): number {
    const index = this.#taken.findLastIndex((entry) => entry.rev <= rev);
    return index + 1;
  }

  #trim(nowMs: number): void {
    const oldestMs = this.#taken[0]?.atMs ?? nowMs;
    const isOld = oldestMs < nowMs - MAX_AGE_MS / KEPT;
    if (!isOld && this.#chars <= MAX_CHARS && this.#taken.length <= MAX_CHANGES) return;
    // More than there has to be, as dropping has a price of its own.
    let dropped = 0;
    for (const { change, rev, atMs } of this.#taken) {
      const isMuch = this.#chars > MAX_CHARS * KEPT || this.#taken.length - dropped > MAX_CHANGES * KEPT;
      if (!isMuch && atMs >= nowMs - MAX_AGE_MS) break;
      this.#chars -= sizeOf(change);
      this.#knownFrom = rev;
      dropped += 1;
    }
    this.#taken.splice(0, dropped);
    for (const [id, { unseen }] of this.#inFlight) {
      const [first] = unseen;
      if (first && first.rev <= this.#knownFrom) this.#inFlight.delete(id);
    }
  }
}

/** The client showed its own edits, and not the last so many changes of others. */
function changeOfUnseen(inFlight: InFlight | undefined, text: Text, now: Text): ChangeSet | null {
  const unseen = inFlight?.unseen ?? [];
  const first = Math.max(0, unseen.length - MAX_UNSEEN_TRIED);
  for (let index = unseen.length - 1; index >= first; index -= 1) {
    if (unseen[index]?.change.length !== text.length) continue;
    const change = composed(unseen.slice(index), text.length);
    if (change.apply(text).eq(now)) return change;
  }
  return null;
}

function composed(changes: readonly Movable[], length: number): ChangeSet {
  return changes.reduce((all, { change }) => all.compose(change), ChangeSet.empty(length));
}

function copied(changes: readonly Unseen[]): Unseen[] {
  return changes.map(({ rev, change }) => ({ rev, change }));
}
