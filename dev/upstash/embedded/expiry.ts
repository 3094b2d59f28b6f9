/** The four ways to say when a key expires. */
import { RedisError } from '../engine.ts';
import { parseInteger } from './numbers.ts';

export type ExpiryUnit = 'EX' | 'PX' | 'EXAT' | 'PXAT';

export function isExpiryUnit(text: string): text is ExpiryUnit {
  return text === 'EX' || text === 'PX' || text === 'EXAT' || text === 'PXAT';
}

/** Milliseconds since the epoch. @throws {RedisError} */
export function toExpiryMs(
  unit: ExpiryUnit,
  amount: string | undefined,
  nowMs: number,
  command: string,
): number {
  const value = parseInteger(amount);
  const inMs = unit === 'EX' || unit === 'EXAT' ? value * 1000 : value;
  const atMs = unit === 'EX' || unit === 'PX' ? nowMs + inMs : inMs;
  if (Math.abs(atMs) > Number.MAX_SAFE_INTEGER) throw invalidExpiry(command);
  return atMs;
}

export function invalidExpiry(command: string): RedisError {
  return new RedisError(`ERR invalid expire time in '${command}' command`);
}
