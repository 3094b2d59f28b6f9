/**
 * The way into a room: who may enter is decided before the upgrade, so that a refusal is an HTTP status with a reason. The room is
 * asked once, for a place; the upgrade request then names the reservation.
 */
import { z } from 'zod';
import type { Admission, AdmissionRequest, Admitted, Refusal } from '../access/admission.ts';
import { BanList } from '../access/ban-list.ts';
import { signSessionToken, verifySessionToken } from '../access/session-token.ts';
import type { Config } from '../config.ts';
import { displayNameSchema, errorCodeSchema, issuesText } from '../protocol/index.ts';
import { type AdmissionGrant, RESERVATION_HEADER, reservedSchema } from '../room/connections/grant.ts';
import { RETRY_AFTER_HEADER, refuse, refuseBanned } from '../room/connections/refusal.ts';
import { describeUnexpected, logError } from './log.ts';
import type { RoomStubs } from './platform.ts';

/** What the decision needs. */
export interface RoomEntryPorts {
  config: Pick<Config, 'ALLOWED_ORIGINS' | 'JWT_SECRET'>;
  admission: Pick<Admission, 'enter' | 'check'>;
  rooms: RoomStubs;
}

const UNAVAILABLE = 'storage is out of reach, try again in a moment';
/** Clocks of two machines differ by less than this. */
const CLOCK_SLACK_MS = 5_000;
const MAX_TOKEN_CHARS = 8_192;
const MAX_INVITE_CHARS = 256;
const MAX_ADDRESS_CHARS = 64;
/** A connection's state has 2 KB; a picture's address that would take a quarter of it is left out. */
const MAX_AVATAR_URL_CHARS = 500;

/** This isolate's, for all rooms: a banned client comes back at once, and to find out each time who it is costs Postgres a query. */
const banned = new BanList();

const querySchema = z.object({
  session_id: z.uuid('is not a UUID').toLowerCase().nullable(),
  _pk: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'has 1 to 64 letters, digits, _ or -')
    .nullable(),
  token: z.string().max(MAX_TOKEN_CHARS).nullable(),
  invite: z.string().max(MAX_INVITE_CHARS).nullable(),
  display_name: displayNameSchema.nullable(),
  previous_session_id: z.uuid('is not a UUID').toLowerCase().nullable(),
});

interface Parameters {
  connectionId: string;
  /** Where the caller is; null when the network doesn't say. */
  address: string | null;
  admission: AdmissionRequest;
}

/**
 * Lets a connection into a session's room, or refuses it.
 * @param sessionId of the path; null when the query has it, or a new session is asked for.
 * @returns the upgraded connection, or the refusal.
 */
export async function enterRoom(
  request: Request,
  sessionId: string | null,
  { config, admission, rooms }: RoomEntryPorts,
): Promise<Response> {
  const parameters = parse(request, sessionId, config);
  if (parameters instanceof Response) return parameters;
  const { token, sessionId: wanted } = parameters.admission;
  const banKey = token !== null && wanted !== null ? `${wanted} ${token}` : null;
  if (banKey !== null && banned.remainingMs(banKey, Date.now()) > 0) return refuseBanned();

  const knownAtMs = Date.now() - CLOCK_SLACK_MS;
  const reserved: { id: string | null } = { id: null };
  const reserve = async (admitted: Admitted): Promise<Refusal | null> => {
    const grant: AdmissionGrant = {
      ...personOf(admitted),
      connectionId: parameters.connectionId,
      address: parameters.address,
      knownAtMs: admitted.isUnconfirmed ? 0 : knownAtMs,
      token: await tokenToComeBackWith(admitted, token, config),
    };
    const answer = await rooms
      .fetch(admitted.sessionId, '/reserve', { method: 'POST', body: JSON.stringify(grant) })
      .catch((error: unknown) => {
        logError('room_unavailable', describeUnexpected(error));
        return refuse(503, 'server_error', UNAVAILABLE);
      });
    if (!answer.ok) return refusalOf(answer);
    reserved.id = reservedSchema.parse(await answer.json()).reservation_id;
    return null;
  };
  const outcome = await admission.enter(parameters.admission, reserve);
  if (!outcome.ok) {
    const { status, error, message, retryAfterS } = outcome;
    const refusal = refuse(status, error, message);
    if (retryAfterS === undefined) return refusal;
    if (banKey !== null) banned.add(banKey, Date.now() + retryAfterS * 1_000);
    refusal.headers.set(RETRY_AFTER_HEADER, String(retryAfterS));
    return refusal;
  }
  if (reserved.id === null) throw new Error('a caller was let in without a place');

  // A new address: what the room keeps of it holds neither token nor invite.
  return rooms.fetch(outcome.admitted.sessionId, `/?_pk=${parameters.connectionId}`, {
    headers: { ...upgradeHeaders(request), [RESERVATION_HEADER]: reserved.id },
  });
}

/**
 * Why a connection would be refused, for browsers: they hide the status of a refused upgrade. Asking changes nothing.
 * Limits of connections aren't told: they may be different the next moment.
 */
export async function describeRefusal(
  request: Request,
  sessionId: string | null,
  { config, admission }: Pick<RoomEntryPorts, 'config' | 'admission'>,
): Promise<Response> {
  const parameters = parse(request, sessionId, config);
  if (parameters instanceof Response) return parameters;
  const refusal = await admission.check(parameters.admission);
  const answer = refusal
    ? refuse(refusal.status, refusal.error, refusal.message)
    : refuse(426, 'bad_request', 'connect with a WebSocket');
  // Pages of other origins may connect, so they may know why they can't.
  const origin = request.headers.get('origin');
  if (origin !== null) answer.headers.set('access-control-allow-origin', origin);
  answer.headers.set('vary', 'origin');
  return answer;
}

/** What the handshake needs; the rest of the caller's headers is none of the room's business. */
function upgradeHeaders({ headers }: Request): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(([name]) => name === 'upgrade' || name.startsWith('sec-websocket-')),
  );
}

const roomRefusalSchema = z.object({ error: errorCodeSchema, message: z.string() });
const roomRefusalStatus = z.union([z.literal(403), z.literal(404), z.literal(410), z.literal(429)]);

/** A room's refusal; whatever else it answers means that it is in trouble. */
async function refusalOf(answer: Response): Promise<Refusal> {
  const status = roomRefusalStatus.safeParse(answer.status);
  const body = roomRefusalSchema.safeParse(await answer.json());
  if (!status.success || !body.success) {
    return { ok: false, status: 503, error: 'server_error', message: UNAVAILABLE };
  }
  const retryAfterS = Number(answer.headers.get(RETRY_AFTER_HEADER));
  const retry = retryAfterS > 0 ? { retryAfterS } : {};
  return { ok: false, status: status.data, ...body.data, ...retry };
}

/** Everything that can be refused without asking anybody. */
function parse(
  request: Request,
  sessionId: string | null,
  config: RoomEntryPorts['config'],
): Parameters | Response {
  const origin = request.headers.get('origin');
  if (origin !== null && config.ALLOWED_ORIGINS.length > 0 && !config.ALLOWED_ORIGINS.includes(origin)) {
    return refuse(403, 'forbidden', 'this origin may not connect');
  }
  const { searchParams } = new URL(request.url);
  const given = Object.fromEntries(
    Object.keys(querySchema.shape).map((name) => [name, searchParams.get(name) || null]),
  );
  const query = querySchema.safeParse({ ...given, session_id: sessionId ?? given.session_id });
  if (!query.success) return refuse(400, 'bad_request', issuesText(query.error));
  const { _pk, session_id, token, invite, display_name, previous_session_id } = query.data;
  const address = request.headers.get('cf-connecting-ip')?.slice(0, MAX_ADDRESS_CHARS) ?? null;
  return {
    connectionId: _pk ?? crypto.randomUUID(),
    address,
    admission: {
      sessionId: session_id,
      token,
      invite,
      displayName: display_name,
      previousSessionId: previous_session_id,
      address,
    },
  };
}

/** A session token, for a caller who came without one. */
async function tokenToComeBackWith(
  admitted: Admitted,
  token: string | null,
  { JWT_SECRET: secret }: RoomEntryPorts['config'],
): Promise<string | null> {
  const hasOne = token !== null && (await verifySessionToken(token, secret)) !== null;
  return hasOne ? null : signSessionToken(admitted, secret);
}

function personOf(
  admitted: Admitted,
): Pick<
  AdmissionGrant,
  'participantId' | 'userId' | 'displayName' | 'avatarUrl' | 'role' | 'joinMethod' | 'inviteId'
> {
  const { participantId, userId, displayName, role, joinMethod, inviteId } = admitted;
  const avatarUrl = admitted.avatarUrl && new URL(admitted.avatarUrl).href;
  const isShort = avatarUrl !== null && avatarUrl.length <= MAX_AVATAR_URL_CHARS;
  return {
    participantId,
    userId,
    displayName,
    avatarUrl: isShort ? avatarUrl : null,
    role,
    joinMethod,
    inviteId,
  };
}
