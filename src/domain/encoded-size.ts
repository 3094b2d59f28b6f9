/**
 * How large things are once they are encoded, and lists cut by that. Both stores are asked in JSON, where a
 * quote or a line break takes two bytes, a control character six, and a JSON text within a text twice that:
 * 100 KB of quotes are 800 KB in a dead letter.
 */
import { utf8Bytes } from '../protocol/index.ts';

/** What stands around a text in a JSON array: two quotes are its own, the comma isn't. */
const COMMA_BYTES = 1;

/** Bytes that these texts take in a JSON array. */
export function encodedBytes(...texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + utf8Bytes(JSON.stringify(text)) + COMMA_BYTES, 0);
}

/**
 * Cuts a list into requests that stay under a size. An item that is larger by itself gets a request of its
 * own; none is empty.
 * @param sizeOf bytes of one item, encoded.
 */
export function cutBySize<T>(items: readonly T[], sizeOf: (item: T) => number, maxBytes: number): T[][] {
  const cuts: T[][] = [];
  let last: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (last.length === 0 || bytes + size > maxBytes) {
      last = [];
      cuts.push(last);
      bytes = 0;
    }
    last.push(item);
    bytes += size;
  }
  return cuts;
}
