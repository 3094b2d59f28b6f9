/** Parameters: from the JSON of a request to Postgres' text format. */
import { z } from 'zod';

export type JsonValue = z.infer<typeof jsonValue>;
export const jsonValue = z.json();

/**
 * One parameter in Postgres' text format, converted as Neon's proxy does: a string is passed as it is, a
 * number, boolean or object as its JSON, and an array as an array literal. (The official driver sends
 * strings and nulls only.)
 *
 * A number beyond 2^53 has already lost digits when its JSON was parsed; send such a number as a string.
 *
 * @returns null for SQL's NULL.
 */
export function toPgText(value: JsonValue): string | null {
  if (value === null) return null;
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return toArrayLiteral(value);
  return JSON.stringify(value);
}

function toArrayLiteral(items: readonly JsonValue[]): string {
  return `{${items.map(toArrayItem).join(',')}}`;
}

/**
 * An element of an array literal. A string goes in as its JSON: quotes and backslashes are escaped alike in
 * both, control characters are not (a line feed arrives as the letter n). That is a flaw of Neon's proxy,
 * kept so that code which depends on arrays fails here as it would there; array literals made by the caller,
 * as the driver makes them, are exact.
 */
function toArrayItem(value: JsonValue): string {
  if (value === null) return 'NULL';
  if (Array.isArray(value)) return toArrayLiteral(value);
  return JSON.stringify(typeof value === 'object' ? JSON.stringify(value) : value);
}
