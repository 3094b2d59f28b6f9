/**
 * One client's view of the session's code: the room's text as far as it is known, and the client's own edits
 * that the room hasn't confirmed yet. No I/O and no clock; `SessionClient` feeds it.
 *
 * The room orders all edits. Others' changes come in that order, and say how many of this client's own
 * precede them; own edits that the room hasn't taken yet are moved behind them. A room that died may have
 * taken edits with it that others' changes were made on: so what was taken but isn't acknowledged is kept in
 * a log, and is taken out of the text again when the room turns out to lack it.
 */
import { ChangeSet, type Text } from '@codemirror/state';
import {
  bytesAdded,
  difference,
  type Made,
  moveOver,
  readChanges,
  takeOut,
  textOf,
  undoOf,
  type WireChanges,
  writeChanges,
} from '../../merging/index.ts';
import { MAX_CHANGE_PARTS, MAX_CODE_BYTES, utf8Bytes } from '../../protocol/index.ts';
import type { EditSource } from './own-edits.ts';

/** Where the cursor was (line from 1, column from 0) and how the edit came about. */
export interface EditDetails {
  cursorLine?: number | undefined;
  cursorCol?: number | undefined;
  source?: EditSource | undefined;
}

/** An edit as it goes on the wire. */
export interface OutgoingEdit extends EditDetails {
  changes: WireChanges;
  baseRev: number;
  clientSeq: number;
  sync: number;
}

/** An own edit that the room isn't known to have taken. */
interface PendingEdit {
  change: ChangeSet;
  clientSeq: number;
  /** It is on its way over the connection that is open. */
  isInFlight: boolean;
  /** It may have reached a room. */
  wasSent: boolean;
  details: EditDetails;
}

/** A change of the confirmed text. */
interface Logged extends Made {
  /** Of an own edit; null for changes of others. */
  clientSeq: number | null;
  /** Own text is in it, and can't be told from others': see `#logWhole`. */
  isMixed?: boolean | undefined;
}

/** What survives a reload. */
export interface KeptDocument {
  /** The room's text as far as it was known, and its revision. */
  confirmed: string;
  rev: number;
  clientSeq: number;
  acknowledged: number;
  pending: { changes: WireChanges; clientSeq: number; wasSent: boolean }[];
  /** The log backwards: what takes each change out again. */
  undo: { changes: WireChanges; clientSeq: number | null; isMixed?: boolean | undefined }[];
}

/** The room's whole text. */
export interface WholeText {
  code: string;
  rev: number;
  sync: number;
  /** How many of this client's edits are in it; null when that isn't known. */
  clientSeq: number | null;
}

export class SharedDocument {
  #local: Text;
  #localBytes: number;
  #confirmed: Text;
  #rev: number;
  #pending: PendingEdit[] = [];
  #log: Logged[] = [];
  #clientSeq: number;
  #acknowledged: number;
  /**
   * Of the room's whole text that this one goes on from; null before there is one, or while it isn't known.
   */
  #sync: number | null = null;
  #asString: { text: Text; code: string } | null = null;

  constructor(kept: KeptDocument | null) {
    this.#confirmed = textOf(kept?.confirmed ?? '');
    this.#local = this.#confirmed;
    this.#rev = kept?.rev ?? 0;
    this.#clientSeq = kept?.clientSeq ?? 0;
    this.#acknowledged = kept?.acknowledged ?? 0;
    if (kept) this.#restore(kept);
    this.#localBytes = utf8Bytes(this.code);
  }

  /** The text with all own edits. */
  get text(): Text {
    return this.#local;
  }

  get code(): string {
    if (this.#asString?.text !== this.#local) {
      this.#asString = { text: this.#local, code: this.#local.toString() };
    }
    return this.#asString.code;
  }

  /** The newest revision heard of. */
  get rev(): number {
    return this.#rev;
  }

  /** Own edits up to this one are acknowledged. */
  get acknowledgedSeq(): number {
    return this.#acknowledged;
  }

  /** How many own edits were sent over this connection, or taken by the room, and aren't acknowledged. */
  get unacknowledged(): number {
    const inFlight = this.#pending.filter(({ isInFlight }) => isInFlight);
    return inFlight.length + this.#log.filter((entry) => this.#isUnacknowledged(entry)).length;
  }

  /** True while an own edit waits for its acknowledgement. */
  get hasPending(): boolean {
    return this.#pending.length > 0 || this.#log.some((entry) => this.#isUnacknowledged(entry));
  }

  /** True while an own edit waits to be sent: the room will not have this text before it has that edit. */
  get hasUnsent(): boolean {
    return this.#pending.some(({ isInFlight }) => !isInFlight || !this.isInStep);
  }

  /** The text that the room has once it has read what was sent; null while it can't be said. */
  get sentBase(): { baseRev: number; sync: number } | null {
    return this.#sync === null || this.hasUnsent ? null : { baseRev: this.#rev, sync: this.#sync };
  }

  /** False while the room's whole text is awaited. */
  get isInStep(): boolean {
    return this.#sync !== null;
  }

  /** True when {@link nextToSend} has an edit. */
  get canSend(): boolean {
    return this.isInStep && !this.isTooLarge && this.hasUnsent;
  }

  /** Number of the newest own edit. */
  get newestSeq(): number {
    return this.#clientSeq;
  }

  /** True while the text is too large to be sent: then edits wait until it has been shortened. */
  get isTooLarge(): boolean {
    return this.#localBytes > MAX_CODE_BYTES;
  }

  /**
   * An own edit of the local text. While the one before it waits to be sent they become one.
   * @returns its `client_seq`, and whether that is a new one.
   * @throws {RangeError} it wasn't made on the local text.
   */
  edit(change: ChangeSet, details: EditDetails): { clientSeq: number; isNew: boolean } {
    this.#applyLocally(change);
    const last = this.#pending.at(-1);
    if (last && !last.wasSent) {
      last.change = last.change.compose(change);
      last.details = details;
      return { clientSeq: last.clientSeq, isNew: false };
    }
    this.#clientSeq += 1;
    this.#pending.push({
      change,
      clientSeq: this.#clientSeq,
      isInFlight: false,
      wasSent: false,
      details,
    });
    return { clientSeq: this.#clientSeq, isNew: true };
  }

  /** The edit to send now; null when there is none, or none can be sent. */
  nextToSend(): OutgoingEdit | null {
    const next = this.#pending.find(({ isInFlight }) => !isInFlight);
    if (!next || this.#sync === null || this.isTooLarge) return null;
    this.#limitParts(next);
    const { change, clientSeq, details } = next;
    return {
      ...details,
      changes: writeChanges(change),
      baseRev: this.#rev,
      clientSeq,
      sync: this.#sync,
    };
  }

  /** The edit was handed to the open connection. */
  sent(clientSeq: number): void {
    const edit = this.#pending.find((each) => each.clientSeq === clientSeq);
    if (edit) Object.assign(edit, { isInFlight: true, wasSent: true });
  }

  /** The connection is gone, or the room can't follow: nothing is sent before the next whole text. */
  disconnected(): void {
    this.#sync = null;
  }

  /**
   * A change by others, or by the room itself.
   * @param clientSeq how many own edits precede it; undefined where that hasn't changed.
   * @returns the change of the local text; null for one that is known already.
   * @throws {RangeError} it doesn't fit: this client has lost track, and has to ask for the whole text.
   */
  remote(changes: WireChanges, rev: number, clientSeq: number | undefined): ChangeSet | null {
    if (this.#sync === null || rev <= this.#rev) return null;
    const change = readChanges(changes);
    if (!change) throw new RangeError('not a change set');
    if (clientSeq !== undefined) this.#confirm(clientSeq);
    if (change.length !== this.#confirmed.length) throw new RangeError('made on another text');
    this.#logOthers(change);
    this.#confirmed = change.apply(this.#confirmed);
    this.#rev = rev;
    return this.#overPending(change);
  }

  /** The room has taken so many own edits; what it sends next was made on a text with them. */
  confirmed(clientSeq: number): void {
    if (this.#sync !== null) this.#confirm(clientSeq);
  }

  /**
   * Own edits up to `clientSeq`, if it is given, are committed.
   * @param rev everything up to this revision was received before.
   */
  acknowledged(clientSeq: number | undefined, rev: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, clientSeq ?? 0);
    // While a whole text is awaited, nothing goes on from this one.
    if (this.#sync === null) return;
    if (clientSeq !== undefined) this.#confirm(clientSeq);
    this.#trimLog();
    this.#rev = Math.max(this.#rev, rev);
  }

  /**
   * The room's whole text, of a new connection or after a resync. Own edits that it lacks are to be sent
   * again.
   * @param isSameAuthor false when the room counts the edits of another participant than the one who made the
   *   edits that are pending here: then its count says nothing of these.
   * @returns the change of the local text; and the local text as it was, where own edits may be in the room's
   *   text or not: then they are sent no more, and their author has to look.
   */
  start(
    { code, rev, sync, clientSeq: roomsCount }: WholeText,
    isSameAuthor = true,
  ): { change: ChangeSet; uncertain: string | null } {
    const text = textOf(code);
    const clientSeq = isSameAuthor ? roomsCount : null;
    const has = clientSeq ?? this.#acknowledged;
    const isLost = (entry: Logged) => entry.clientSeq !== null && entry.clientSeq > has;
    const isUncertain =
      (clientSeq === null &&
        (this.#pending.some((edit) => edit.wasSent && this.#isUnacknowledged(edit)) ||
          this.#log.some((entry) => this.#isUnacknowledged(entry)))) ||
      this.#log.some((entry) => isLost(entry) && entry.isMixed);
    this.#sync = sync;
    this.#countFrom(Math.max(roomsCount ?? 0, this.#acknowledged));
    if (isUncertain) {
      const uncertain = this.code;
      return { change: this.#startAnew(text, rev), uncertain };
    }
    this.#confirm(has);
    const hasLost = this.#log.some(isLost);
    const base = this.#takeBack(has);
    // Two lines may look alike and be different ones: a deletion that is pending must not eat what another
    // wrote in the place of what it deletes.
    const change = difference(base, text, this.#pending.some(takesAway) ? 'lines' : 'characters');
    if (hasLost) {
      this.#log = [];
      // What a new room has is committed.
      this.#acknowledged = Math.max(this.#acknowledged, has);
    } else this.#logWhole(change, has);
    const local = this.#overPending(change);
    this.#confirmed = text;
    this.#rev = rev;
    // Each keeps its number: a later room may have some of them.
    for (const edit of this.#pending) edit.isInFlight = false;
    this.#trimLog();
    return { change: local, uncertain: null };
  }

  /**
   * Gives up the own edits that the room isn't known to have taken. Those that it has taken stay, and so does
   * what is needed should the room lose them. Whether the room still takes one that is under way, its next
   * whole text tells.
   * @returns the change of the local text, which is the room's then; the local text as it was; and the number
   *   of the first edit that was given up. Null when there was none.
   */
  giveUp(): { change: ChangeSet; code: string; firstSeq: number } | null {
    const [first] = this.#pending;
    if (!first) return null;
    const { code } = this;
    const change = difference(this.#local, this.#confirmed);
    this.#applyLocally(change);
    this.#pending = [];
    return { change, code, firstSeq: first.clientSeq };
  }

  /** A position in the room's text at the newest revision, in the local one; always within the local text. */
  toLocal(position: number): number {
    const within = (at: number, length: number) => Math.max(0, Math.min(at, length));
    const at = this.#pending.reduce(
      (before, { change }) => change.mapPos(within(before, change.length), -1),
      position,
    );
    return within(at, this.#local.length);
  }

  /** What has to be kept over a reload; null when nothing does. */
  keep(): KeptDocument | null {
    if (!this.hasPending) return null;
    return {
      confirmed: this.#confirmed.toString(),
      rev: this.#rev,
      clientSeq: this.#clientSeq,
      acknowledged: this.#acknowledged,
      pending: this.#pending.map(({ change, clientSeq, wasSent }) => ({
        changes: writeChanges(change),
        clientSeq,
        // It may be sent before the next time that this is kept.
        wasSent: wasSent || this.isInStep,
      })),
      undo: this.#log.toReversed().map(({ undo, clientSeq, isMixed }) => ({
        changes: writeChanges(undo),
        clientSeq,
        isMixed,
      })),
    };
  }

  /** @throws {RangeError} what was kept doesn't fit together. */
  #restore({ pending, undo }: KeptDocument): void {
    let after = this.#confirmed;
    for (const { changes, clientSeq, isMixed } of undo) {
      const inverse = changeSet(changes);
      this.#log.unshift({ change: undoOf(inverse, after), undo: inverse, clientSeq, isMixed });
      after = inverse.apply(after);
    }
    for (const { changes, clientSeq, wasSent } of pending) {
      const edit = { ...newPending(changeSet(changes), clientSeq), wasSent };
      this.#local = edit.change.apply(this.#local);
      this.#pending.push(edit);
    }
  }

  /**
   * Numbers up to this one are used. After a reload with nothing kept this client's count starts at 0, and
   * the room would take the next edit for one that it has: so the count goes on from the room's, and an edit
   * that was never sent gets a new number.
   */
  #countFrom(clientSeq: number): void {
    this.#clientSeq = Math.max(this.#clientSeq, clientSeq);
    for (const edit of this.#pending) {
      if (edit.wasSent || edit.clientSeq > clientSeq) continue;
      this.#clientSeq += 1;
      edit.clientSeq = this.#clientSeq;
    }
  }

  /** A change in more places than one message may have is made one replacement of all between them. */
  #limitParts(edit: PendingEdit): void {
    if (writeChanges(edit.change).length <= MAX_CHANGE_PARTS) return;
    let after = this.#confirmed;
    for (const { change } of this.#pending.slice(0, this.#pending.indexOf(edit) + 1)) {
      after = change.apply(after);
    }
    edit.change = asOneReplacement(edit.change, after);
  }

  /** Own edits up to this one are in the confirmed text. */
  #confirm(upTo: number): void {
    for (let next = this.#pending[0]; next && next.clientSeq <= upTo; next = this.#pending[0]) {
      this.#pending.shift();
      const { change, clientSeq } = next;
      this.#log.push({ change, undo: undoOf(change, this.#confirmed), clientSeq });
      this.#confirmed = next.change.apply(this.#confirmed);
    }
  }

  #logOthers(change: ChangeSet): void {
    const last = this.#log.at(-1);
    if (!last) return;
    const undo = undoOf(change, this.#confirmed);
    if (last.clientSeq === null) {
      last.change = last.change.compose(change);
      last.undo = undo.compose(last.undo);
    } else this.#log.push({ change, undo, clientSeq: null });
  }

  /**
   * What the room's whole text changes. Where that replaces own text, it can't be told any more what of the
   * new text is own: it can't be taken out again.
   * @param has the number of the newest own edit in that text.
   */
  #logWhole(change: ChangeSet, has: number): void {
    const withoutOwn = takeOut(this.#log, (entry) => this.#isUnacknowledged(entry));
    if (withoutOwn && takesFrom(withoutOwn, change)) {
      const nothing = ChangeSet.empty(change.newLength);
      this.#log = [{ change: nothing, undo: nothing, clientSeq: has, isMixed: true }];
    } else this.#logOthers(change);
  }

  #overPending(change: ChangeSet): ChangeSet {
    const local = moveOver(change, this.#pending);
    this.#applyLocally(local);
    return local;
  }

  #applyLocally(change: ChangeSet): void {
    if (change.length !== this.#local.length) throw new RangeError('made on another text');
    this.#localBytes += bytesAdded(change, this.#local);
    this.#local = change.apply(this.#local);
  }

  /**
   * Own edits after `has` died with the room that had taken them: they are in the local text still, and the
   * next to be sent.
   * @returns the confirmed text without them.
   */
  #takeBack(has: number): Text {
    let after = this.#confirmed;
    for (const { clientSeq } of this.#log.toReversed()) {
      if (clientSeq === null || clientSeq <= has) continue;
      const without = takeOut(this.#log, (entry) => entry.clientSeq !== null && entry.clientSeq >= clientSeq);
      if (!without) continue;
      const before = without.apply(this.#confirmed);
      // Known exactly for the newest; the others by what differs.
      const isNewest = after === this.#confirmed;
      const change = isNewest ? without.invert(after) : difference(before, after);
      this.#pending.unshift({ ...newPending(change, clientSeq), wasSent: true });
      after = before;
    }
    return after;
  }

  #startAnew(text: Text, rev: number): ChangeSet {
    const change = difference(this.#local, text);
    this.#applyLocally(change);
    this.#pending = [];
    this.#log = [];
    this.#confirmed = this.#local;
    this.#rev = rev;
    return change;
  }

  /** What comes before the oldest unacknowledged own edit can't be lost. */
  #trimLog(): void {
    const first = this.#log.findIndex((entry) => this.#isUnacknowledged(entry));
    this.#log = first === -1 ? [] : this.#log.slice(first);
  }

  #isUnacknowledged({ clientSeq }: Pick<Logged, 'clientSeq'>): boolean {
    return clientSeq !== null && clientSeq > this.#acknowledged;
  }
}

function newPending(change: ChangeSet, clientSeq: number): PendingEdit {
  return { change, clientSeq, isInFlight: false, wasSent: false, details: {} };
}

/** @param after the text with the change. */
function asOneReplacement(change: ChangeSet, after: Text): ChangeSet {
  const [starts, ends]: { a: number; b: number }[][] = [[], []];
  change.iterChanges((fromA, toA, fromB, toB) => {
    starts?.push({ a: fromA, b: fromB });
    ends?.push({ a: toA, b: toB });
  });
  const [start, end] = [starts?.[0], ends?.at(-1)];
  if (!start || !end) return change;
  return ChangeSet.of({ from: start.a, to: end.a, insert: after.slice(start.b, end.b) }, change.length);
}

function changeSet(changes: WireChanges): ChangeSet {
  const change = readChanges(changes);
  if (!change) throw new RangeError('not a change set');
  return change;
}

/** True when two changes of one text take some of the same away. */
function takesFrom(one: ChangeSet, other: ChangeSet): boolean {
  let isShared = false;
  one.iterChangedRanges((from, to) => {
    other.iterChangedRanges((otherFrom, otherTo) => {
      isShared ||= Math.max(from, otherFrom) < Math.min(to, otherTo);
    }, true);
  }, true);
  return isShared;
}

function takesAway({ change }: PendingEdit): boolean {
  let takes = false;
  change.iterChanges((fromA, toA) => {
    takes ||= fromA < toA;
  });
  return takes;
}
