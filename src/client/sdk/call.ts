/** Calling the HTTP API: one function for all its routes, typed by their definitions. */
import type { Route, RouteInput, RouteReply } from '../../protocol/http/route.ts';
import { errorReply } from '../../protocol/http/shared.ts';
import { sentence } from './sentence.ts';

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

interface CallOptions {
  /** A session token or a user's token. */
  token?: string | null | undefined;
  /** Where the API is: by default where the page comes from. */
  origin?: string;
  /** Gives the request up. */
  signal?: AbortSignal | undefined;
  /** Sends it also while the page goes away. */
  keepalive?: boolean;
}

/**
 * Calls a route.
 * @param input the parts of the request that the definition has: `params`, `query`, `body`.
 * @returns the body of success.
 * @throws {ApiError}
 */
export async function call<const R extends Route>(
  route: R,
  input: RouteInput<R> & CallOptions,
): Promise<RouteReply<R>> {
  const response = await open(route, input);
  const parsed = route.reply.safeParse(await readJson(response));
  // What the definition's schema gives is the reply of its type, which TypeScript can't see through a
  // generic.
  if (parsed.success) return parsed.data as RouteReply<R>;
  throw new ApiError(response.status, 'bad_reply', 'The server’s answer makes no sense to this page.', {
    cause: parsed.error,
  });
}

/**
 * Calls a route whose reply is too large to be read at once.
 * @returns the response of success, unread.
 * @throws {ApiError}
 */
export async function open<const R extends Route>(
  route: R,
  input: RouteInput<R> & CallOptions,
): Promise<Response> {
  const { token, origin = '', signal, keepalive, params = {}, query = {}, body }: CallOptions & Parts = input;
  const headers: Record<string, string> = { accept: 'application/json' };
  if (token !== undefined && token !== null) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const path = route.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(params[name])));
  let response: Response;
  try {
    response = await fetch(`${origin}${path}${queryText(query)}`, {
      method: route.method.toUpperCase(),
      headers,
      ...(signal === undefined ? {} : { signal }),
      ...(keepalive === undefined ? {} : { keepalive }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (cause) {
    throw new ApiError(0, 'unreachable', 'The server can’t be reached.', { cause });
  }
  if (response.ok) return response;
  const error = errorReply.safeParse(await readJson(response));
  throw error.success
    ? new ApiError(response.status, error.data.error, sentence(error.data.details ?? error.data.message))
    : new ApiError(response.status, 'bad_reply', `The server answered with ${response.status}.`);
}

/** The parts of a request, whatever the route. */
interface Parts {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: object;
}

/** What an error says to people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is absent is left out. */
function queryText(query: Record<string, unknown>): string {
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
