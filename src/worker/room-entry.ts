/**
 * How a connection gets into a room. The Worker decides before the upgrade, so that a refusal is an HTTP
 * status with a reason. The room reserves a place; the upgrade request then names the reservation.
 */
import { z } from 'zod';
import type { Admission } from '../access/admission.ts';
import type { AdmissionRequest, Admitted, RoomReservation } from '../access/admission-types.ts';
import { BanList } from '../access/ban-list.ts';
import type { Refusal } from '../access/refusals.ts';
import { signSessionToken, verifySessionToken } from '../access/session-token.ts';
import type { Config } from '../config.ts';
import { Gate } from '../domain/gate.ts';
import { displayNameSchema, errorCodeSchema, issuesText } from '../protocol/index.ts';
import { MAX_AVATAR_URL_CHARS } from '../protocol/limits.ts';
import { RESERVATION_HEADER, reservedSchema, type SentGrant } from '../room/connections/grant.ts';
import { RETRY_AFTER_HEADER, refuse, refuseBanned } from '../room/connections/refusal.ts';
import type { RoomCommand } from '../room/handlers/room-command.ts';
import { describeUnexpected, logError } from './log.ts';
import type { RoomStubs } from './platform.ts';

/** What the decision needs. */
interface RoomEntryPorts {
  config: Pick<Config, 'ALLOWED_ORIGINS' | 'JWT_SECRET' | 'JWT_SECRET_PREVIOUS'>;
  admission: Pick<Admission, 'enter' | 'check'>;
  rooms: RoomStubs;
}

const UNAVAILABLE = 'storage is out of reach, try again in a moment';
const CROWDED = 'many people are connecting at this moment';
/** The clocks of two machines differ by less than this. */
const CLOCK_SLACK_MS = 5_000;
const MAX_TOKEN_CHARS = 8_192;
const MAX_INVITE_CHARS = 256;
const MAX_ADDRESS_CHARS = 64;

/** Of this isolate, for all rooms: sessions with the tokens that their rooms refused for a ban. */
const bans = new BanList();
/** Of this isolate, for all rooms. */
const gate = new Gate({ places: 40, maxWaiting: 1_000 });

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
  edits: z.enum(['changes', 'whole']).nullable(),
});

interface Parameters {
  /** As the client chose it. */
  clientId: string;
  edits: 'changes' | 'whole';
  /** The caller's network address; null when the platform doesn't say. */
  address: string | null;
  admission: AdmissionRequest;
}

/**
 * Connects a caller to a session's room, or refuses it.
 * @param sessionId of the path; null when the query has it, or the caller wants a new session.
 * @returns the upgraded connection, or the refusal.
 */
export async function enterRoom(
  request: Request,
  sessionId: string | null,
  ports: RoomEntryPorts,
): Promise<Response> {
  const parameters = parse(request, sessionId, ports.config);
  if (parameters instanceof Response) return parameters;
  const answer = await gate.pass(() => enter(request, parameters, ports), request.signal);
  return answer ?? refuse(503, 'server_error', CROWDED);
}

async function enter(
  request: Request,
  parameters: Parameters,
  { config, admission, rooms }: RoomEntryPorts,
): Promise<Response> {
  const { token, sessionId: wanted } = parameters.admission;
  const banKey = token !== null && wanted !== null ? `${wanted} ${token}` : null;
  if (banKey !== null && bans.remainingMs(banKey, Date.now()) > 0) return refuseBanned();

  const reservation = new ReservationInRoom(parameters, { config, rooms });
  const outcome = await admission.enter(parameters.admission, reservation);
  if (!outcome.ok) {
    const { status, error, message, retryAfterS } = outcome;
    const refusal = refuse(status, error, message);
    if (retryAfterS === undefined) return refusal;
    if (banKey !== null) bans.add(banKey, Date.now() + retryAfterS * 1_000);
    refusal.headers.set(RETRY_AFTER_HEADER, String(retryAfterS));
    return refusal;
  }
  const { reserved } = reservation;
  if (reserved === null) throw new Error('a caller was admitted without a reservation');

  // A new URL: the platform keeps a connection's URL, which must not hold a token or an invite.
  return rooms.fetch(reserved.sessionId, `/?_pk=${reserved.connectionId}`, {
    headers: { ...upgradeHeaders(request), [RESERVATION_HEADER]: reserved.id },
  });
}

/** The reservation that a session's room makes for one connection. */
class ReservationInRoom implements RoomReservation {
  readonly #parameters: Parameters;
  readonly #ports: Pick<RoomEntryPorts, 'config' | 'rooms'>;
  /** Read before Postgres is asked, as the grant's `knownAtMs` promises. */
  readonly #knownAtMs = Date.now() - CLOCK_SLACK_MS;
  #reserved: { sessionId: string; connectionId: string; id: string } | null = null;

  constructor(parameters: Parameters, ports: Pick<RoomEntryPorts, 'config' | 'rooms'>) {
    this.#parameters = parameters;
    this.#ports = ports;
  }

  get reserved(): { sessionId: string; connectionId: string; id: string } | null {
    return this.#reserved;
  }

  async reserve(admitted: Admitted): Promise<Refusal | null> {
    const { clientId, edits, address, admission } = this.#parameters;
    const { config, rooms } = this.#ports;
    const { sessionId } = admitted;
    const connectionId = connectionIdOf(admitted.participantId, clientId);
    const grant: SentGrant = {
      ...personOf(admitted),
      connectionId,
      edits,
      address,
      knownAtMs: admitted.isUnconfirmed ? 0 : this.#knownAtMs,
      isNewSession: admitted.session !== null,
      token: await tokenToComeBackWith(admitted, admission.token, config),
    };
    const answer = await rooms
      .fetch(sessionId, '/reserve', { method: 'POST', body: JSON.stringify(grant) })
      .catch((error: unknown) => {
        logError('room_unavailable', describeUnexpected(error));
        return refuse(503, 'server_error', UNAVAILABLE);
      });
    if (!answer.ok) return refusalOf(answer);
    const { reservation_id: id } = reservedSchema.parse(await answer.json());
    this.#reserved = { sessionId, connectionId, id };
    return null;
  }

  async release(): Promise<void> {
    if (this.#reserved === null) return;
    const { sessionId, id } = this.#reserved;
    this.#reserved = null;
    const command = { kind: 'release', reservation_id: id } satisfies RoomCommand;
    try {
      const answer = await this.#ports.rooms.fetch(sessionId, '/command', {
        method: 'POST',
        body: JSON.stringify(command),
      });
      await answer.body?.cancel();
    } catch (error) {
      // The reservation expires by itself; until then it counts as a connection.
      logError('room_unavailable', describeUnexpected(error));
    }
  }
}

/**
 * Why a connection would be refused, for browsers, which hide the status of a refused upgrade. Reads only.
 */
export async function describeRefusal(
  request: Request,
  sessionId: string | null,
  ports: RoomEntryPorts,
): Promise<Response> {
  const parameters = parse(request, sessionId, ports.config);
  if (parameters instanceof Response) return parameters;
  // When a server is back, all its clients ask, and an answer is as much work as letting them in.
  const answer = gate.isCrowded()
    ? refuse(503, 'server_error', CROWDED)
    : await refusalOrNone(parameters, ports);
  // Pages of other origins may connect, so they may read why they can't.
  const origin = request.headers.get('origin');
  if (origin !== null) answer.headers.set('access-control-allow-origin', origin);
  answer.headers.set('vary', 'origin');
  return answer;
}

async function refusalOrNone(
  parameters: Parameters,
  { config, admission, rooms }: RoomEntryPorts,
): Promise<Response> {
  const refusal =
    (await admission.check(parameters.admission)) ?? (await fullRoom(parameters, { config, rooms }));
  return refusal
    ? refuse(refusal.status, refusal.error, refusal.message)
    : refuse(426, 'bad_request', 'connect with a WebSocket');
}

/** The room's refusal, where it has no place for the caller now; null where it has one. */
async function fullRoom(
  { clientId, address, admission: { sessionId, token } }: Parameters,
  { config, rooms }: Pick<RoomEntryPorts, 'config' | 'rooms'>,
): Promise<Refusal | null> {
  if (sessionId === null) return null;
  const access = token === null ? null : await verifySessionToken(token, config);
  const participantId = access?.participantId ?? '';
  const connectionId = connectionIdOf(participantId, clientId);
  // A caller who comes for the first time may be one who edits, of whom there may be fewer.
  const newcomer = { connectionId, participantId, address, role: access?.role ?? 'co-author' };
  const answer = await rooms
    .fetch(sessionId, '/capacity', { method: 'POST', body: JSON.stringify(newcomer) })
    .catch((error: unknown) => {
      logError('room_unavailable', describeUnexpected(error));
      return refuse(503, 'server_error', UNAVAILABLE);
    });
  if (!answer.ok) return refusalOf(answer);
  await answer.body?.cancel();
  return null;
}

/** The headers that the handshake needs. The room gets no other header: they may hold cookies and tokens. */
function upgradeHeaders({ headers }: Request): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(([name]) => name === 'upgrade' || name.startsWith('sec-websocket-')),
  );
}

const roomRefusalSchema = z.object({ error: errorCodeSchema, message: z.string() });
const roomRefusalStatus = z.union([z.literal(403), z.literal(404), z.literal(410), z.literal(429)]);

/** A room's refusal. Any other answer means that the room is in trouble. */
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

/** Reads the request, and refuses what can be refused without Postgres and the room. */
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
  const { _pk, session_id, token, invite, display_name, previous_session_id, edits } = query.data;
  const address = request.headers.get('cf-connecting-ip')?.slice(0, MAX_ADDRESS_CHARS) ?? null;
  return {
    clientId: _pk ?? crypto.randomUUID(),
    edits: edits ?? 'whole',
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

/**
 * A connection's id in its room. What a client chooses counts for its own participant: who comes with
 * another's choice has another id, and so neither replaces that connection nor is told what it sent.
 * @param clientId has no `~` in it.
 */
const connectionIdOf = (participantId: string, clientId: string) => `${clientId}~${participantId}`;

/** A session token, for a caller who came without one, or with one of the secret before this one. */
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
  SentGrant,
  'participantId' | 'userId' | 'displayName' | 'avatarUrl' | 'role' | 'joinMethod' | 'inviteId'
> {
  const { participantId, userId, displayName, role, joinMethod, inviteId } = admitted;
  const avatarUrl = admitted.avatarUrl && new URL(admitted.avatarUrl).href;
  // A connection's state has 2 KB: a picture's address that would take a quarter of it is left out.
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
