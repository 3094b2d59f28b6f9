/** One HTTP call of the page, to its own origin: the room server passes `/api/v1` on to the Worker. */
import * as z from 'zod';
import { sentence } from '../sentence.ts';

const errorSchema = z.object({ error: z.string(), message: z.string(), details: z.string().optional() });

/** The API's answer was an error, or none that can be understood. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    /** The protocol's error code, `unreachable` or `bad_reply`. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A query's values by name; what is absent is left out. */
type Query = Record<string, string | number | boolean | undefined>;

interface CallOptions {
  /** A session token or a user's token. */
  token?: string | null | undefined;
  query?: Query;
  body?: Record<string, unknown>;
}

/** Replies whose content doesn't matter. */
export const anything = z.unknown();

/**
 * Asks the API and reads its answer.
 * @param path below `/api/v1/`; its variable parts are encoded by `segment`.
 * @throws {ApiError}
 */
export async function call<Schema extends z.ZodType>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  schema: Schema,
  { token, query = {}, body }: CallOptions = {},
): Promise<z.infer<Schema>> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (token !== undefined && token !== null) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}${queryText(query)}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    throw new ApiError(0, 'unreachable', 'The server can’t be reached.', { cause });
  }
  const reply = await readJson(response);
  if (!response.ok) {
    const error = errorSchema.safeParse(reply);
    throw error.success
      ? new ApiError(response.status, error.data.error, sentence(error.data.details ?? error.data.message))
      : new ApiError(response.status, 'bad_reply', `The server answered with ${response.status}.`);
  }
  const parsed = schema.safeParse(reply);
  if (parsed.success) return parsed.data;
  throw new ApiError(response.status, 'bad_reply', 'The server’s answer makes no sense to this page.', {
    cause: parsed.error,
  });
}

/** One part of a path. */
export function segment(value: string): string {
  return encodeURIComponent(value);
}

/** What an error says to people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function queryText(query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) params.set(name, String(value));
  }
  return params.size === 0 ? '' : `?${params}`;
}

/** The body as JSON; undefined, which fits no schema, when it is something else or empty. */
async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}
