/** The HTTP calls of the page, to its own origin: the room server passes `/api/v1` on to the Worker. */
import { z } from 'zod';
import { type Role, roleSchema } from '../protocol/index.ts';

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

const sessionSchema = z.object({ id: z.uuid(), title: z.string() });
const createdSchema = z.object({ session: sessionSchema, token: z.string().min(1) });
const inviteSchema = z.object({ id: z.string(), token: z.string().min(1), role: roleSchema });
const joinedSchema = z.object({
  session_id: z.uuid(),
  role: roleSchema,
  display_name: z.string(),
  token: z.string().min(1),
});

export type CreatedSession = z.infer<typeof createdSchema>;
export type CreatedInvite = z.infer<typeof inviteSchema>;
export type JoinedSession = z.infer<typeof joinedSchema>;
export type InviteRole = Exclude<Role, 'host'>;

/**
 * Makes a session; the caller is its host.
 * @throws {ApiError}
 */
export function createSession(input: {
  title?: string;
  code?: string;
  displayName?: string;
}): Promise<CreatedSession> {
  return call('POST', 'sessions', createdSchema, {
    body: { title: input.title, code: input.code, display_name: input.displayName },
  });
}

/**
 * Makes an invite link's secret.
 * @param token the host's session token.
 * @throws {ApiError}
 */
export function createInvite(sessionId: string, role: InviteRole, token: string): Promise<CreatedInvite> {
  return call('POST', `sessions/${encodeURIComponent(sessionId)}/invite`, inviteSchema, {
    token,
    body: { role },
  });
}

/**
 * Turns an invite into a session token.
 * @throws {ApiError} `not_found` or `forbidden` when the invite is unknown, used up, expired or revoked.
 */
export function joinSession(inviteToken: string, displayName: string): Promise<JoinedSession> {
  return call('POST', 'sessions/join', joinedSchema, {
    body: { invite_token: inviteToken, display_name: displayName },
  });
}

/**
 * The session's title, for whoever holds a session token of it.
 * @throws {ApiError}
 */
export async function getTitle(sessionId: string, token: string): Promise<string> {
  const reply = await call(
    'GET',
    `sessions/${encodeURIComponent(sessionId)}`,
    z.union([z.object({ session: sessionSchema }), sessionSchema]),
    { token },
  );
  return 'session' in reply ? reply.session.title : reply.title;
}

async function call<Schema extends z.ZodType>(
  method: 'GET' | 'POST',
  path: string,
  schema: Schema,
  { token, body }: { token?: string; body?: Record<string, unknown> },
): Promise<z.infer<Schema>> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}`, {
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
      ? new ApiError(response.status, error.data.error, error.data.details ?? error.data.message)
      : new ApiError(response.status, 'bad_reply', `The server answered with ${response.status}.`);
  }
  const parsed = schema.safeParse(reply);
  if (parsed.success) return parsed.data;
  throw new ApiError(response.status, 'bad_reply', 'The server’s answer makes no sense to this page.', {
    cause: parsed.error,
  });
}

/** The body as JSON; undefined, which fits no schema, when it is something else. */
async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}
