/** Cursors for SCAN, HSCAN and ZSCAN. */
import { RedisError } from '../engine.ts';
import { compileGlob } from './glob.ts';
import { parseInteger } from './numbers.ts';
import type { Value } from './value.ts';

/** Collections up to this size come in one page, as they do from Redis' compact encodings. */
const ONE_PAGE = 128;

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  return state >>> 0;
}

/**
 * One page of `names`. They are walked in the order of their hashes and the cursor is the hash where the next
 * page begins, so the server keeps no state and a name that is there throughout the whole walk is always met,
 * whatever is added or removed meanwhile.
 * @param isSmall allows everything in one page.
 */
function page(
  names: Iterable<string>,
  cursor: number,
  count: number,
  isSmall: boolean,
): { names: string[]; next: number } {
  if (isSmall && cursor === 0) return { names: [...names], next: 0 };
  const rest: { name: string; order: number }[] = [];
  for (const name of names) {
    const order = hash(name);
    if (order >= cursor) rest.push({ name, order });
  }
  rest.sort((a, b) => a.order - b.order);
  let end = Math.min(count, rest.length);
  const last = rest[end - 1];
  // Names of one hash can't be told apart by a cursor: they go into one page.
  while (last !== undefined && rest[end]?.order === last.order) end += 1;
  return {
    names: rest.slice(0, end).map(({ name }) => name),
    next: end < rest.length && last ? last.order + 1 : 0,
  };
}

export interface ScanSource {
  names(): Iterable<string>;
  size: number;
  /** What is replied for a name: the name itself, or the name and its value. */
  expand(name: string): string[];
  /** SCAN's TYPE option, where it exists. */
  typeOf?(name: string): string;
}

/**
 * Runs a SCAN-like command.
 * @param args the cursor, then MATCH, COUNT and TYPE.
 * @throws {RedisError}
 */
export function scan(source: ScanSource, [cursorText = '', ...options]: string[]): Value {
  const cursor = parseInteger(cursorText, 'ERR invalid cursor');
  let matches = (_: string) => true;
  let count = 10;
  let type: string | null = null;
  for (let at = 0; at < options.length; at += 2) {
    const [name = '', value] = [options[at]?.toUpperCase(), options[at + 1]];
    if (value === undefined) throw new RedisError('ERR syntax error');
    if (name === 'MATCH') matches = compileGlob(value);
    else if (name === 'COUNT') count = parseInteger(value);
    else if (name === 'TYPE' && source.typeOf) type = value.toLowerCase();
    else throw new RedisError('ERR syntax error');
    if (count < 1) throw new RedisError('ERR syntax error');
  }
  const isSmall = source.typeOf === undefined && source.size <= ONE_PAGE;
  const { names, next } = page(source.names(), cursor, count, isSmall);
  const found = names.filter((name) => matches(name) && (type === null || source.typeOf?.(name) === type));
  return [String(next), found.flatMap((name) => source.expand(name))];
}
