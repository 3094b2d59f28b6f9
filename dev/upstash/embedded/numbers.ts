/** Numbers as Redis reads and writes them. */
import { RedisError } from '../engine.ts';

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

function parseInt64(text: string | undefined, error: string): bigint {
  if (text !== undefined && INTEGER.test(text)) {
    const value = BigInt(text);
    if (value >= INT64_MIN && value <= INT64_MAX) return value;
  }
  throw new RedisError(error);
}

/** @throws {RedisError} unless it is an integer in canonical form; beyond 2^53 it loses precision. */
export function parseInteger(
  text: string | undefined,
  error = 'ERR value is not an integer or out of range',
): number {
  return Number(parseInt64(text, error));
}

/**
 * The sum as Redis keeps it: 64-bit, exact.
 * @throws {RedisError} when either isn't an integer, or the sum doesn't fit.
 */
export function addIntegers(current: string, increment: string | undefined, currentError?: string): string {
  const notAnInteger = 'ERR value is not an integer or out of range';
  const sum = parseInt64(current, currentError ?? notAnInteger) + parseInt64(increment, notAnInteger);
  if (sum > INT64_MAX || sum < INT64_MIN) throw new RedisError('ERR increment or decrement would overflow');
  return String(sum);
}

/** A double: decimal, hexadecimal, or an infinity. NaN is none. Null when it isn't one. */
export function readFloat(text: string): number | null {
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinity) return infinity[1] === '-' ? -Infinity : Infinity;
  if (text === '' || /[\s_a-df-z]/i.test(text.replace(/^[+-]?0x[0-9a-f]+$/i, '0'))) return null;
  const value = Number(text);
  return Number.isNaN(value) ? null : value;
}

/** @throws {RedisError} */
export function parseFloatStrict(text: string | undefined, error = 'ERR value is not a valid float'): number {
  const value = text === undefined ? null : readFloat(text);
  if (value === null) throw new RedisError(error);
  return value;
}

/** The shortest text that reads back as the same double, as Redis 7.2 and Valkey write scores. */
export function formatFloat(value: number): string {
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}
