/**
 * Before the room: who may enter, decided before the upgrade, so that a refusal is an HTTP status with a reason; and
 * the Worker's own requests, let through to the room.
 */
import { timingSafeEqual } from 'hono/utils/buffer';
import type * as Party from 'partykit/server';
import { z } from 'zod';
import { ConfigError, type RoomConfig } from '../config.ts';
import { displayNameSchema, issuesText } from '../protocol/index.ts';
import { FORWARDED_ADDRESS, FORWARDED_SECRET } from '../sessions/address.ts';
import type { AdmissionRequest, Admitted } from '../sessions/admission.ts';
import { signSessionToken, verifySessionToken } from '../sessions/token.ts';
import { describe } from './guarded.ts';
import { KeptOut } from './kept-out.ts';
import { log } from './log.ts';
import { type Pass, withPass } from './pass.ts';
import { KEEP_OUT_S, refuse, refuseFlooder } from './refusal.ts';
import { admissionOf, configOf } from './storage.ts';

/** What the edge has of its surroundings. */
export type Surroundings = Pick<Party.FetchLobby, 'env' | 'parties'>;

/** Clocks of two machines differ by less than this. */
const CLOCK_SLACK_MS = 5_000;
const MAX_TOKEN_CHARS = 8_192;
const MAX_INVITE_CHARS = 256;
const MAX_ADDRESS_CHARS = 64;
/** A connection's state has 2 KB; a picture's address that would take a quarter of it is left out. */
const MAX_AVATAR_URL_CHARS = 500;

/** This isolate's, for all rooms. */
const keptOut = new KeptOut();

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

/** What a caller asks for, with the configuration it is judged by. */
interface Asked {
  config: RoomConfig;
  parameters: Parameters;
}

/**
 * Lets a connection into a session's room, or refuses it.
 * @param sessionId of the path; null when the query has it, or a new session is asked for.
 */
export async function connect(
  request: Party.Request,
  sessionId: string | null,
  surroundings: Surroundings,
): Promise<Response> {
  const asked = parse(request, sessionId, surroundings);
  if (asked instanceof Response) return asked;
  const { config, parameters } = asked;

  const { token, sessionId: wanted } = parameters.admission;
  const key = token !== null && wanted !== null ? `${wanted} ${token}` : null;
  if (key !== null && keptOut.has(key, Date.now())) return refuseFlooder();
  const refusal = await refusalAtTheDoor(asked, surroundings);
  if (refusal) return refusal;
  const knownAtMs = Date.now() - CLOCK_SLACK_MS;
  const outcome = await admissionOf(config).enter(parameters.admission);
  if (!outcome.ok) return refuse(outcome.status, outcome.error, outcome.message);
  const { admitted } = outcome;
  const pass: Pass = {
    ...personOf(admitted),
    ticket: crypto.randomUUID(),
    connectionId: parameters.connectionId,
    address: parameters.address,
    knownAtMs: admitted.isUnconfirmed ? 0 : knownAtMs,
    token: await tokenToComeBackWith(admitted, asked),
  };
  const room = roomOf(admitted.sessionId, surroundings);
  const answer = await room.fetch('/enter', { method: 'POST', body: JSON.stringify(pass) });
  if (!answer.ok) {
    const keepOutS = Number(answer.headers.get(KEEP_OUT_S));
    if (key !== null && keepOutS > 0) keptOut.add(key, Date.now() + keepOutS * 1_000);
    return answer;
  }

  // A new address: what the room keeps of it holds neither token nor invite.
  const headers = withPass(new Headers(Object.fromEntries(request.headers)), pass);
  return room.fetch(`/?_pk=${pass.connectionId}`, { headers });
}

/**
 * Why a connection would be refused, for browsers: they hide the status of a refused upgrade. Asking changes nothing.
 * Limits of connections aren't told: they may be different the next moment.
 */
export async function explain(
  request: Party.Request,
  sessionId: string | null,
  surroundings: Surroundings,
): Promise<Response> {
  const asked = parse(request, sessionId, surroundings);
  if (asked instanceof Response) return asked;
  const refusal = await admissionOf(asked.config).look(asked.parameters.admission);
  const answer = refusal
    ? refuse(refusal.status, refusal.error, refusal.message)
    : refuse(426, 'bad_request', 'connect with a WebSocket');
  // Pages of other origins may connect, so they may know why they can't.
  const origin = request.headers.get('origin');
  if (origin !== null) answer.headers.set('access-control-allow-origin', origin);
  answer.headers.set('vary', 'origin');
  return answer;
}

/** Lets the Worker's instructions through to the room. */
export async function instruct(
  request: Party.Request,
  sessionId: string,
  surroundings: Surroundings,
): Promise<Response> {
  const config = readConfig(surroundings);
  if (config instanceof Response) return config;
  const secret = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? '';
  if (!(await timingSafeEqual(config.FLUSH_SECRET, secret))) {
    return refuse(401, 'unauthorized', 'the flush secret is needed');
  }
  const id = z.uuid().toLowerCase().safeParse(sessionId);
  if (!id.success) return refuse(400, 'bad_request', 'a session id is a UUID');
  const body = await request.text();
  return roomOf(id.data, surroundings).fetch('/instruct', { method: 'POST', body });
}

/** The Worker's API and its documentation under the page's own origin, so that the page needs no CORS and one address. */
export async function proxy(request: Party.Request, surroundings: Surroundings): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (!/^\/(api|docs)(\/|$)/.test(pathname)) return refuse(404, 'not_found', 'there is nothing here');
  const config = readConfig(surroundings);
  if (config instanceof Response) return config;
  const target = new URL(pathname + search, config.WORKER_URL);
  const passedOn = new Request(target.href, request as unknown as Request);
  // Set by us in any case, so that nobody outside can.
  passedOn.headers.delete(FORWARDED_ADDRESS);
  passedOn.headers.delete(FORWARDED_SECRET);
  const address = request.headers.get('cf-connecting-ip');
  if (address !== null) {
    passedOn.headers.set(FORWARDED_ADDRESS, address);
    passedOn.headers.set(FORWARDED_SECRET, config.FLUSH_SECRET);
  }
  try {
    return await fetch(target.href, passedOn);
  } catch (error) {
    log(null, 'worker_unreachable', describe(error));
    return refuse(503, 'server_error', 'the API is out of reach, try again in a moment');
  }
}

/** Everything that can be refused without asking anybody. */
function parse(
  request: Party.Request,
  sessionId: string | null,
  surroundings: Surroundings,
): Asked | Response {
  const config = readConfig(surroundings);
  if (config instanceof Response) return config;
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
  const parameters: Parameters = {
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
  return { config, parameters };
}

/**
 * An invite is used by entering. Whoever then finds the room full would come again, and use it again, until nothing is
 * left of it: so the room is asked first whether his address has a connection left.
 */
async function refusalAtTheDoor(
  { parameters: { connectionId, address, admission } }: Asked,
  surroundings: Surroundings,
): Promise<Response | null> {
  if (admission.sessionId === null || admission.invite === null || address === null) return null;
  const room = roomOf(admission.sessionId, surroundings);
  const body = JSON.stringify({ connectionId, address });
  const answer = await room.fetch('/door', { method: 'POST', body });
  return answer.ok ? null : answer;
}

/** A session token, for whoever came without one. */
async function tokenToComeBackWith(
  admitted: Admitted,
  { config, parameters: { admission } }: Asked,
): Promise<string | null> {
  const { token } = admission;
  const hasOne = token !== null && (await verifySessionToken(token, config.JWT_SECRET)) !== null;
  return hasOne ? null : signSessionToken(admitted, config.JWT_SECRET);
}

function readConfig(surroundings: Surroundings): RoomConfig | Response {
  try {
    return configOf(surroundings.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return refuse(500, 'server_error', error.message);
  }
}

function personOf(
  admitted: Admitted,
): Pick<Pass, 'participantId' | 'userId' | 'displayName' | 'avatarUrl' | 'role' | 'via' | 'inviteId'> {
  const { participantId, userId, displayName, role, via, inviteId } = admitted;
  const avatarUrl = admitted.avatarUrl && new URL(admitted.avatarUrl).href;
  const isShort = avatarUrl !== null && avatarUrl.length <= MAX_AVATAR_URL_CHARS;
  return { participantId, userId, displayName, avatarUrl: isShort ? avatarUrl : null, role, via, inviteId };
}

function roomOf(sessionId: string, { parties }: Surroundings): Party.Stub {
  const room = parties.main?.get(sessionId);
  if (!room) throw new Error('PartyKit knows no main party');
  return room;
}
