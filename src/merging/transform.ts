/**
 * The transformation that lets edits made at once all be kept, the same in a room and in its clients.
 *
 * Changes are CodeMirror's change sets; positions count UTF-16 code units. The room orders edits: where two
 * changes insert at one place, the text of the one that the room had first comes first. Two changes
 * that are equal and replace text, or change several places, are one work that two participants have done, as
 * when both format the code: it is made once.
 */
import { ChangeSet } from '@codemirror/state';

/**
 * Takes two changes that were made on the same text.
 * @param first the one that the room has first.
 * @returns each of them as it is to be made after the other: `first` then the new `second` gives the same
 *   text as `second` then the new `first`.
 * @throws {Error} they were made on texts of different length; not where one is empty.
 */
export function transform(first: ChangeSet, second: ChangeSet): [first: ChangeSet, second: ChangeSet] {
  if (isSameWork(first, second)) return [ChangeSet.empty(first.newLength), ChangeSet.empty(first.newLength)];
  return [first.map(second, true), second.map(first, false)];
}

/** Whether two changes are one and the same, and more than text put in at one place. */
function isSameWork(a: ChangeSet, b: ChangeSet): boolean {
  if (a.length !== b.length || a.newLength !== b.newLength || a.empty || b.empty) return false;
  let places = 0;
  let replaces = false;
  a.iterChangedRanges((fromA, toA, fromB, toB) => {
    places += 1;
    replaces ||= fromA < toA && fromB < toB;
  }, true);
  return (places > 1 || replaces) && JSON.stringify(a) === JSON.stringify(b);
}

/** A change that can be moved over others, in place. */
export interface Movable {
  change: ChangeSet;
}

/** Parts of one change times changes that it can be moved behind: some 100 ms of work. */
const MAX_STEPS = 200_000;

/** False when moving a change behind so many others would take too long: it is better made another way. */
export function canMoveBehind(change: ChangeSet, others: readonly Movable[]): boolean {
  return change.toJSON().length * others.length <= MAX_STEPS;
}

/**
 * Moves a change that others didn't know behind theirs; see {@link canMoveBehind}.
 * @param others what the room had before, in order; each becomes what it is after `change`.
 * @returns `change` as it is to be made after them.
 * @throws {Error} as {@link transform}; `others` may be changed in part.
 */
export function moveBehind(change: ChangeSet, others: readonly Movable[]): ChangeSet {
  let moved = change;
  for (const other of others) [other.change, moved] = transform(other.change, moved);
  return moved;
}

/**
 * Moves a change of the room's over edits that the room doesn't have yet.
 * @param pending in order; each becomes what it is after `change`.
 * @returns `change` as it is to be made after them.
 */
export function moveOver(change: ChangeSet, pending: readonly Movable[]): ChangeSet {
  let moved = change;
  for (const edit of pending) [moved, edit.change] = transform(moved, edit.change);
  return moved;
}

/** A change that was made once, and what takes it back; see {@link undoOf}. */
export interface Made {
  change: ChangeSet;
  undo: ChangeSet;
}

/**
 * Takes some of the changes that made a text out of it again.
 * @param made all changes since the first of those to take out, in order.
 * @param isTakenOut says which.
 * @returns the change that does so on the text as it is after all of them; null when there are none.
 */
export function takeOut<T extends Made>(
  made: readonly T[],
  isTakenOut: (entry: T) => boolean,
): ChangeSet | null {
  // Makes the text as it is after each of them the one without those that are taken out so far.
  let without = null as ChangeSet | null;
  for (const entry of made) {
    const { change, undo } = entry;
    if (isTakenOut(entry)) without = without ? undo.compose(without) : undo;
    else if (without) without = without.map(change);
  }
  return without;
}
