/**
 * How one text becomes another, as one change: a keystroke in a large text is then a few
 * characters, not the text.
 */

/** Replaces what is from `from` to `to` in the old text with `insert`. Positions count UTF-16 code units. */
export interface TextChange {
  from: number;
  to: number;
  insert: string;
}

/** Compared at once, which the engine does by far faster than code unit by code unit. */
const STRIDE = 512;

/**
 * Finds the smallest change that makes `after` of `before`, by their common start and end. It begins and ends
 * between characters: it never has one half of a surrogate pair without the other.
 * @returns null when the texts are equal.
 */
export function textChange(before: string, after: string): TextChange | null {
  if (before === after) return null;
  const shorter = Math.min(before.length, after.length);
  let start = commonStart(before, after, shorter);
  if (splitsPair(before, start) || splitsPair(after, start)) start -= 1;
  let end = commonEnd(before, after, shorter - start);
  if (splitsPair(before, before.length - end) || splitsPair(after, after.length - end)) end -= 1;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}

/** How many code units both texts begin with, `most` at most. */
function commonStart(a: string, b: string, most: number): number {
  let n = 0;
  while (n + STRIDE <= most && a.slice(n, n + STRIDE) === b.slice(n, n + STRIDE)) n += STRIDE;
  while (n < most && a.charCodeAt(n) === b.charCodeAt(n)) n += 1;
  return n;
}

/** How many code units both texts end with, `most` at most. */
function commonEnd(a: string, b: string, most: number): number {
  const [endA, endB] = [a.length, b.length];
  let n = 0;
  while (
    n + STRIDE <= most &&
    a.slice(endA - n - STRIDE, endA - n) === b.slice(endB - n - STRIDE, endB - n)
  ) {
    n += STRIDE;
  }
  while (n < most && a.charCodeAt(endA - 1 - n) === b.charCodeAt(endB - 1 - n)) n += 1;
  return n;
}

/** True when `offset` lies between the two halves of one character. */
function splitsPair(text: string, offset: number): boolean {
  return isHighSurrogate(text.charCodeAt(offset - 1)) && isLowSurrogate(text.charCodeAt(offset));
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
