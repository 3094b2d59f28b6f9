/** Who may enter: decided at the edge, before the upgrade, so that a refusal is an HTTP status with a reason. */
import type * as Party from 'partykit/server';
import { z } from 'zod';
import { ConfigError, parseConfig, type RoomConfig, roomConfigSchema } from '../config.ts';
import type { ErrorCode } from '../protocol/index.ts';
import { type ConnectionState, connectionStateSchema } from './connection.ts';
import { admissionOf } from './storage.ts';

/** Carries who a connection is from the edge into the room. Set by us on every request, so nobody outside can. */
const ACCESS_HEADER = 'x-backbeat-access';

const CONNECTION_ID = /^[\w-]{1,64}$/;

/** A refusal as the protocol has it. */
export function refuse(status: number, error: ErrorCode, message: string): Response {
  return Response.json({ error, message }, { status });
}

let parsed: RoomConfig | undefined;

/** The room's configuration; parsed once an isolate. @throws {ConfigError} */
export function configOf(env: Record<string, unknown>): RoomConfig {
  parsed ??= parseConfig(roomConfigSchema, env);
  return parsed;
}

/**
 * Checks a connection request: origin, token, and with the room itself whether the session can be entered.
 * Returns the request to pass on, the token taken out of its URL (which is kept and may be logged), or the refusal.
 */
export async function admit(request: Party.Request, lobby: Party.Lobby): Promise<Request | Response> {
  let config: RoomConfig;
  try {
    config = configOf(lobby.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return refuse(500, 'server_error', error.message);
  }
  const url = new URL(request.url);
  const origin = request.headers.get('origin');
  if (origin !== null && config.ALLOWED_ORIGINS.length > 0 && !config.ALLOWED_ORIGINS.includes(origin)) {
    return refuse(403, 'forbidden', 'this origin may not connect');
  }
  if (!z.uuid().safeParse(lobby.id).success) return refuse(400, 'bad_request', 'a session id is a UUID');
  const connectionId = url.searchParams.get('_pk');
  if (connectionId !== null && !CONNECTION_ID.test(connectionId)) {
    return refuse(400, 'bad_request', 'a connection id has 1 to 64 letters, digits, _ or -');
  }
  const outcome = await admissionOf(config).enter({
    sessionId: lobby.id,
    token: url.searchParams.get('token'),
    invite: url.searchParams.get('invite'),
    displayName: url.searchParams.get('display_name'),
    previousSessionId: null,
  });
  if (!outcome.ok) return refuse(outcome.status, outcome.error, outcome.message);
  const access = outcome.admitted;

  const room = lobby.parties.main?.get(lobby.id);
  if (!room) return refuse(500, 'server_error', 'the room is not there');
  const answer = await room.fetch('/enter');
  if (!answer.ok) return new Response(answer.body, answer);

  const { userId, displayName, avatarUrl, role } = access;
  const address = request.headers.get('cf-connecting-ip')?.slice(0, 64) ?? null;
  const who = { userId, displayName, avatarUrl, role, address };
  const state: ConnectionState = { ...who, chatTimes: [], agentTimes: [] };
  url.searchParams.delete('token');
  const headers = new Headers(Object.fromEntries(request.headers));
  headers.set(ACCESS_HEADER, encodeURIComponent(JSON.stringify(state)));
  return new Request(url, { headers });
}

/** Who the edge said this connection is; null for a request that didn't come through it. */
export function admittedState(request: {
  headers: { get(name: string): string | null };
}): ConnectionState | null {
  const header = request.headers.get(ACCESS_HEADER);
  if (header === null) return null;
  const state = connectionStateSchema.safeParse(JSON.parse(decodeURIComponent(header)));
  return state.success ? state.data : null;
}
