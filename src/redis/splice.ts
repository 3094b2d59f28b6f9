/**
 * What changed between two texts, as one piece: so that a keystroke in a large document costs a commit a few bytes instead of the
 * document. Pure.
 */
import { utf8Bytes } from '../protocol/index.ts';

/** One piece of a text replaced. Positions count bytes of UTF-8, which is what Redis' scripts cut text by. */
export interface Splice {
  startByte: number;
  deletedBytes: number;
  inserted: string;
  /** Size of the text that it applies to. */
  baseBytes: number;
}

/** Compared at once, which the engine does by far faster than code unit by code unit. */
const STRIDE = 512;

/** The smallest piece of `base` that has to be replaced to make it `code`. Both are well-formed: no lone surrogates. */
export function spliceBetween(base: string, code: string): Splice {
  const most = Math.min(base.length, code.length);
  let start = commonPrefix(base, code, most);
  // Never between the two halves of a character: neither half is UTF-8.
  if (start > 0 && isHighSurrogate(base.charCodeAt(start - 1))) start -= 1;
  let kept = commonSuffix(base, code, most - start);
  if (kept > 0 && isLowSurrogate(base.charCodeAt(base.length - kept))) kept -= 1;
  const startByte = utf8Bytes(base.slice(0, start));
  const deletedBytes = utf8Bytes(base.slice(start, base.length - kept));
  return {
    startByte,
    deletedBytes,
    inserted: code.slice(start, code.length - kept),
    baseBytes: startByte + deletedBytes + utf8Bytes(base.slice(base.length - kept)),
  };
}

function commonPrefix(a: string, b: string, most: number): number {
  let n = 0;
  while (n + STRIDE <= most && a.slice(n, n + STRIDE) === b.slice(n, n + STRIDE)) n += STRIDE;
  while (n < most && a.charCodeAt(n) === b.charCodeAt(n)) n += 1;
  return n;
}

function commonSuffix(a: string, b: string, most: number): number {
  const [endA, endB] = [a.length, b.length];
  let n = 0;
  while (n + STRIDE <= most && a.slice(endA - n - STRIDE, endA - n) === b.slice(endB - n - STRIDE, endB - n))
    n += STRIDE;
  while (n < most && a.charCodeAt(endA - 1 - n) === b.charCodeAt(endB - 1 - n)) n += 1;
  return n;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
