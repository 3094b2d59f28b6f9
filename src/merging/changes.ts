/** Changes on the wire: reading them, and what may not be made of a text. */
import { ChangeSet, Text } from '@codemirror/state';
import { SHORTEST_PIECE } from './own-characters.ts';

/**
 * A change set as JSON: a number keeps so many code units, `[n]` takes n away, `[n, "line", …]` puts these
 * lines in their place.
 */
export type WireChanges = (number | [number, ...string[]])[];

/** @returns null when it isn't a change set; its length isn't compared with any text here. */
export function readChanges(wire: WireChanges): ChangeSet | null {
  const specs: { from: number; to: number; insert: Text }[] = [];
  let at = 0;
  for (const part of wire) {
    if (typeof part === 'number') {
      if (!isLength(part)) return null;
      at += part;
      continue;
    }
    const [removed, ...lines] = part;
    if (!isLength(removed) || lines.some((line) => /[\r\n]/.test(line))) return null;
    specs.push({ from: at, to: at + removed, insert: lines.length === 0 ? Text.empty : Text.of(lines) });
    at += removed;
  }
  // Made anew, so that it is as CodeMirror itself would have made it.
  return ChangeSet.of(specs, at);
}

function isLength(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * What takes a change back. It is to be kept for long, so it has characters of its own: the engine's pieces
 * of a string keep all of that string, and a document is a new string after each key.
 * @param before the text that the change was made on.
 */
export function undoOf(change: ChangeSet, before: Text): ChangeSet {
  const undo = change.invert(before);
  let hasPieces = false;
  change.iterChangedRanges((fromA, toA) => {
    hasPieces ||= toA - fromA >= SHORTEST_PIECE;
  }, true);
  return hasPieces ? ChangeSet.fromJSON(JSON.parse(JSON.stringify(undo))) : undo;
}

export function writeChanges(changes: ChangeSet): WireChanges {
  return changes.toJSON();
}

/** A text of lines that end with `\n`, whatever ended them before. */
export function textOf(code: string): Text {
  return Text.of(code.split(/\r\n?|\n/));
}

/** By how many bytes of UTF-8 a change makes `text` longer; negative when it makes it shorter. */
export function bytesAdded(changes: ChangeSet, text: Text): number {
  let added = 0;
  changes.iterChanges((fromA, toA, _fromB, _toB, inserted) => {
    added += bytesOf(inserted.toString()) - bytesOf(text.sliceString(fromA, toA));
  });
  return added;
}

/** True when a change begins or ends between the two halves of one character of `text`. */
export function splitsCharacter(changes: ChangeSet, text: Text): boolean {
  let splits = false;
  changes.iterChangedRanges((fromA, toA) => {
    splits ||= isInCharacter(text, fromA) || isInCharacter(text, toA);
  }, true);
  return splits;
}

function isInCharacter(text: Text, offset: number): boolean {
  if (offset === 0 || offset === text.length) return false;
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.sliceString(offset - 1, offset + 1));
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return text === '' ? 0 : encoder.encode(text).byteLength;
}
