/**
 * Text rules shared by everything that comes from outside.
 *
 * Postgres' `text` can't hold U+0000, and UTF-8 can't hold a lone surrogate: either would be refused or
 * altered on the way to storage, after it had been acknowledged. So both are refused at the door.
 */

const encoder = new TextEncoder();

/** Bytes of `text` in UTF-8. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

/** True when `text` survives storage unchanged: no U+0000 and no lone surrogate. */
export function isStorable(text: string): boolean {
  // Asked of every edit's whole code: the engine's own check is some fifty times faster than a pattern.
  return !text.includes('\0') && text.isWellFormed();
}

/** `text` with U+FFFD in the place of each U+0000 and each lone surrogate. */
export function storable(text: string): string {
  return isStorable(text) ? text : text.replaceAll('\0', '\ufffd').toWellFormed();
}

/** True when `text` takes at most `maxBytes` of UTF-8; encodes only when the length alone can't tell. */
export function fitsBytes(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return false; // every code unit takes at least one byte
  if (text.length * 3 <= maxBytes) return true; // and at most three
  return utf8Bytes(text) <= maxBytes;
}

/** `text` with its lines ended by `\n`, which is all that the shared text has. */
export function withLineFeeds(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}
