/** From an HTTP request to commands, as the REST API defines it: in the body as JSON, or in the path. */
import { z } from 'zod';
import type { CommandArgs } from './engine.ts';

/** The request isn't of the API's form; the message is what the caller is told. */
export class MalformedRequestError extends Error {
  override readonly name = 'MalformedRequestError';
}

const commandSchema = z
  .array(z.union([z.string(), z.number(), z.boolean()]))
  .min(1)
  .transform((args) => args.map(String));
const commandsSchema = z.array(commandSchema);

function parseJson(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new MalformedRequestError(`ERR failed to parse ${what}: the body isn't valid JSON`);
  }
}

/**
 * One command as a JSON array: `["SET","key","value"]`. Numbers and booleans count as their text.
 * @throws {MalformedRequestError}
 */
export function parseCommand(body: Buffer): string[] {
  const given = parseJson(body, 'command');
  // The usual case, an array of strings, must not pay for a schema: this runs for each
  // request of a benchmark.
  if (Array.isArray(given) && given.length > 0 && given.every((arg) => typeof arg === 'string')) return given;
  if (Array.isArray(given) && given.length === 0) throw new MalformedRequestError('ERR empty command');
  const parsed = commandSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new MalformedRequestError(
    'ERR failed to parse command: expected a JSON array of strings and numbers',
  );
}

/**
 * Several commands as an array of arrays, for `/pipeline` and `/multi-exec`.
 * @throws {MalformedRequestError}
 */
export function parseCommands(body: Buffer, what: 'pipeline' | 'transaction'): string[][] {
  const parsed = commandsSchema.safeParse(parseJson(body, `${what} request`));
  if (!parsed.success) {
    throw new MalformedRequestError(`ERR failed to parse ${what} request: expected an array of commands`);
  }
  if (parsed.data.length === 0) throw new MalformedRequestError(`ERR empty ${what} request`);
  return parsed.data;
}

/**
 * A command in the path: `/set/key/value`. A body is the next argument, query parameters follow it: a
 * POST of `v` to `/set/k?EX=100` is `SET k v EX 100`. The `_token` parameter is the caller's
 * credential and no argument.
 * @param path raw path of the request, beginning with a slash.
 * @param query raw query string, without the question mark.
 * @throws {MalformedRequestError}
 */
export function parsePath(path: string, query: string, body: Buffer): CommandArgs {
  let args: (string | Buffer)[];
  try {
    args = path.slice(1).split('/').map(decodeURIComponent);
  } catch {
    throw new MalformedRequestError('ERR failed to parse command: malformed percent-encoding in the path');
  }
  if (args[0] === '') throw new MalformedRequestError('ERR empty command');
  if (body.length > 0) args.push(body);
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === '_token') continue;
    args.push(name);
    if (value !== '') args.push(value);
  }
  return args;
}
