/** What the Worker tells a room, carried out: who may still be in, and code that was set over HTTP. */

import { TimeoutError, within } from '../../domain/with-timeout.ts';
import type { ServerPayload } from '../../protocol/index.ts';
import { type ConnectionState, type Member, participantOf } from '../connections/connection.ts';
import type { Reservation } from '../connections/connection-limits.ts';
import type { Outbox } from '../connections/outbox.ts';
import { refuse } from '../connections/refusal.ts';
import type { Roster } from '../connections/roster.ts';
import {
  ENDED,
  forbidden,
  INVITE_REVOKED,
  LIVE_ENDED,
  NO_LONGER_OPEN,
  REMOVED,
  type StandingNotes,
} from '../connections/standing-notes.ts';
import type { LiveSession } from '../document/live-session.ts';
import { type RoomRequest, roomRequestSchema } from './room-command.ts';

/** How long a caller waits for his code to be committed; storage that takes longer is in trouble. */
const COMMIT_TIMEOUT_MS = 10_000;

export interface RoomParts {
  roster: Roster;
  /** The places that are kept for callers who are on their way. */
  reservations(): Iterable<Reservation>;
  notes: StandingNotes;
  outbox: Outbox;
  session(): Promise<LiveSession>;
  /** Tells a member why, and closes his connection. */
  sendAway(member: Member, reason: string): void;
  tellState(member: Member): Promise<void>;
  /** Ends the session for everybody; resolves with the number of connections it had. */
  end(reason: string): Promise<number>;
}

/**
 * Carries out one instruction. Repeating it is harmless.
 * @throws {StorageUnavailableError} the session can't be loaded.
 */
export async function carryOut(body: string, parts: RoomParts): Promise<Response> {
  const parsed = roomRequestSchema.safeParse(asJson(body));
  if (!parsed.success) return refuse(400, 'validation_error', 'this is no instruction to a room');
  const request = parsed.data;
  if (request.kind === 'set_code') return setCode(request, parts);
  return Response.json({ delivered: await changeStanding(request, parts) });
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Fits no schema.
    return undefined;
  }
}

/** A participant who is in, or on their way. */
type Person = Pick<ConnectionState, 'participantId' | 'role' | 'via' | 'inviteId'>;

/** @returns the number of connections that it concerned. */
async function changeStanding(
  request: Exclude<RoomRequest, { kind: 'set_code' }>,
  parts: RoomParts,
): Promise<number> {
  const { roster, notes } = parts;
  const sendAway = (reason: string, concerns: (person: Person) => boolean): number => {
    const concerned = [...roster.members()].filter(({ state }) => concerns(state));
    for (const member of concerned) parts.sendAway(member, reason);
    for (const reservation of parts.reservations()) {
      if (concerns(reservation.grant)) reservation.refused = forbidden(reason);
    }
    return concerned.length;
  };
  switch (request.kind) {
    case 'participant_changed':
      notes.noteParticipant(request.participant_id, request.role);
      return changeRole(request, parts);
    case 'participant_removed':
      notes.noteParticipant(request.participant_id, null);
      return sendAway(REMOVED, ({ participantId }) => participantId === request.participant_id);
    case 'invite_revoked':
      notes.noteInviteRevoked(request.invite_id);
      return sendAway(
        INVITE_REVOKED,
        ({ via, inviteId }) => via === 'invite' && inviteId === request.invite_id,
      );
    case 'discovery_ended':
      notes.noteDiscoveryEnded();
      return sendAway(NO_LONGER_OPEN, ({ via }) => via === 'discovery');
    case 'live_ended':
      notes.noteLiveEnded();
      return sendAway(LIVE_ENDED, ({ role }) => role !== 'host');
    case 'ended':
      return parts.end(request.reason);
  }
}

/** The person gets the session's state with the new role in it, everybody else hears of him anew. */
async function changeRole(
  { participant_id, role }: Extract<RoomRequest, { kind: 'participant_changed' }>,
  { roster, reservations, notes, outbox, tellState }: RoomParts,
): Promise<number> {
  for (const reservation of reservations()) {
    if (reservation.grant.participantId !== participant_id) continue;
    Object.assign(reservation.grant, { role, via: 'grant' });
    // Who was sent away and has a place again is in by that, as for the notes; but not after the end.
    if (!notes.ended) reservation.refused = null;
  }
  const connections = roster.of(participant_id);
  // He is in because the host says so now, whatever becomes of the invite he came by.
  const hasChanged = connections.filter(({ state }) => state.role !== role);
  for (const member of connections) member.setState({ ...member.state, role, via: 'grant' });
  const [first] = hasChanged;
  if (!first) return connections.length;
  outbox.broadcast('user_joined', participantOf(first.state), (member) => connections.includes(member));
  await Promise.all(hasChanged.map(tellState));
  return connections.length;
}

/** Code that was set over HTTP is an edit like any other, of somebody who has no connection here. */
async function setCode(
  { code, user_id, display_name, role }: Extract<RoomRequest, { kind: 'set_code' }>,
  { notes, outbox, session: open }: RoomParts,
): Promise<Response> {
  if (notes.ended) return refuse(410, 'not_found', ENDED);
  const session = await open();
  const connectionId = `http-${crypto.randomUUID()}`;
  const accepted = session.edit({ connectionId, participantId: connectionId, code, editorId: user_id });
  if (!accepted) throw new Error('an edit without a request id is never a resend');
  const update: ServerPayload<'code_update'> = {
    code,
    rev: accepted.rev,
    display_name,
    user_id,
    role,
  };
  outbox.broadcast('code_update', update);
  try {
    await within(COMMIT_TIMEOUT_MS, session.committed());
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    return refuse(503, 'server_error', 'the code is not saved yet; storage is out of reach');
  }
  return Response.json({ rev: accepted.rev, durable: session.durable });
}
