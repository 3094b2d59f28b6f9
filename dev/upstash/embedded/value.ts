/**
 * Strings inside the embedded engine are byte strings: one character a byte (Latin-1), as Redis strings are
 * bytes. They work as Map keys, compare in byte order with `<`, and take one byte each in memory. They become
 * UTF-8 or base64 only at the engine's edge.
 */
import { RedisError, type Reply } from '../engine.ts';

/** A status reply, such as `OK`: only Lua can tell it from a string. */
export class Status {
  constructor(readonly text: string) {}
}

export const OK = new Status('OK');

/**
 * A reply inside the engine. Errors are thrown, except by `redis.pcall` and inside a transaction's replies.
 */
export type Value = null | number | string | Status | RedisError | Value[];

/** Bytes as a byte string; text counts as UTF-8. */
export function toBytes(text: string | Buffer): string {
  return (typeof text === 'string' ? Buffer.from(text) : text).toString('latin1');
}

/** A byte string's text, malformed UTF-8 replaced. */
export function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}

export function toReply(value: Value): Reply {
  if (value === null || typeof value === 'number') return value;
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  if (value instanceof Status) return Buffer.from(value.text, 'latin1');
  if (value instanceof RedisError) return new RedisError(toText(value.message));
  return value.map(toReply);
}
