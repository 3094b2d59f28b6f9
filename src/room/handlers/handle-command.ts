/**
 * Handles the Worker's commands: changes of access, the session's end, released places, and code that was set
 * over HTTP.
 */

import { TimeoutError, withTimeout } from '../../domain/with-timeout.ts';
import { difference, textOf } from '../../merging/index.ts';
import {
  ACCOUNT_DELETED,
  type AccessRevocations,
  ENDED,
  forbidden,
  INVITE_REVOKED,
  LIVE_ENDED,
  NO_LONGER_OPEN,
  REMOVED,
  SIGNED_OUT,
} from '../connections/access-revocations.ts';
import type { AudienceCount } from '../connections/audience-count.ts';
import type { ConnectionLimits } from '../connections/connection-limits.ts';
import { type ConnectionState, participantOf } from '../connections/connection-state.ts';
import type { Departures } from '../connections/departures.ts';
import type { Knocks } from '../connections/knocks.ts';
import type { Outbox } from '../connections/outbox.ts';
import type { Participants } from '../connections/participants.ts';
import type { PresenceRecorder } from '../connections/presence.ts';
import { refuse } from '../connections/refusal.ts';
import type { RoomAdmission } from '../connections/room-admission.ts';
import type { Content } from '../document/document.ts';
import type { HostedSession } from '../document/hosted-session.ts';
import type { SessionState } from '../document/session-state.ts';
import type { SharedEdits } from '../document/shared-edits.ts';
import type { StrudelContext } from '../document/strudel-context.ts';
import type { RoomStorage } from '../host.ts';
import { endSession } from './end-session.ts';
import { type RoomCommand, roomCommandSchema } from './room-command.ts';

/** How long a caller waits until their code is committed. Storage that takes longer is in trouble. */
const COMMIT_TIMEOUT_MS = 10_000;

/** The parts of the room that commands change. */
export interface CommandParts {
  session: Pick<HostedSession, 'open' | 'live' | 'mayBeDirty' | 'recordCreated'>;
  sessionState: Pick<SessionState, 'sendState'>;
  participants: Participants;
  edits: SharedEdits;
  /** Its reservations are the callers who are admitted and not connected yet: commands concern them, too. */
  connectionLimits: ConnectionLimits;
  revocations: AccessRevocations;
  outbox: Outbox;
  departures: Departures;
  admission: Pick<RoomAdmission, 'release'>;
  storage: Pick<RoomStorage, 'deleteAll'>;
  knocks: Pick<Knocks, 'endAll'>;
  audience: Pick<AudienceCount, 'changed'>;
  presence: Pick<PresenceRecorder, 'changed'>;
  strudel: Pick<StrudelContext, 'aiSubject'>;
}

/**
 * Handles one command. Repeating it has no second effect.
 * @throws {SessionNotFoundError} and {StorageUnavailableError} when it needs the session, which can't be
 *   opened.
 */
export async function handleCommand(body: string, parts: CommandParts): Promise<Response> {
  const parsed = roomCommandSchema.safeParse(asJson(body));
  if (!parsed.success) return refuse(400, 'validation_error', 'this is not a command to a room');
  const command = parsed.data;
  if (command.kind === 'set_code') return setCode(command, parts);
  if (command.kind === 'ai_subject') {
    return Response.json(parts.strudel.aiSubject ?? { strudelId: null, wasForbidden: false });
  }
  if (command.kind === 'account_deleted') return forgetUser(command, parts);
  return Response.json({ delivered: await changeAccess(command, parts) });
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Fits no schema.
    return undefined;
  }
}

/** A participant who is connected, or has a reservation. */
type Admitted = Pick<ConnectionState, 'participantId' | 'userId' | 'role' | 'joinMethod' | 'inviteId'>;

/** @returns the number of connections that it concerned. */
async function changeAccess(
  command: Exclude<RoomCommand, { kind: 'set_code' | 'ai_subject' | 'account_deleted' }>,
  parts: CommandParts,
): Promise<number> {
  const { revocations } = parts;
  switch (command.kind) {
    case 'participant_changed':
      revocations.recordRole(command.participant_id, command.role);
      return changeRole(command, parts);
    case 'participant_renamed':
      return rename(command, parts);
    case 'participant_removed':
      revocations.recordRemoved(command.participant_id);
      return kickAll(REMOVED, ({ participantId }) => participantId === command.participant_id, parts);
    case 'host_signed_in':
      return nameHost(command, parts);
    case 'user_signed_out':
      revocations.recordSignedOut(command.user_id);
      return signOut(command.user_id, parts);
    case 'invite_revoked':
      revocations.recordInviteRevoked(command.invite_id);
      return kickAll(
        INVITE_REVOKED,
        ({ joinMethod, inviteId }) => joinMethod === 'invite' && inviteId === command.invite_id,
        parts,
      );
    case 'discovery_ended':
      revocations.recordDiscoveryEnded();
      return kickAll(NO_LONGER_OPEN, ({ joinMethod }) => joinMethod === 'discovery', parts);
    case 'live_ended':
      revocations.recordLiveEnded();
      return endLive(parts);
    case 'ended':
      parts.knocks.endAll();
      return endSession(command.reason, parts);
    case 'deleted':
      await parts.storage.deleteAll();
      return 0;
    case 'created':
      await parts.session.recordCreated();
      return 0;
    case 'release':
      return parts.admission.release(command.reservation_id) ? 1 : 0;
  }
}

/** Kicks the participants who have lost access, and refuses those who have a reservation. */
function kickAll(
  reason: string,
  hasLostAccess: (admitted: Admitted) => boolean,
  { participants, connectionLimits, departures }: CommandParts,
): number {
  const members = [...participants.connections()].filter(({ state }) => hasLostAccess(state));
  for (const member of members) departures.kick(member, reason);
  for (const reservation of connectionLimits.reservations(Date.now())) {
    if (hasLostAccess(reservation.grant)) reservation.refusal = forbidden(reason);
  }
  return members.length;
}

/** They may come back by an invite, or once they have signed in again. */
function signOut(id: string, { participants, connectionLimits, departures }: CommandParts): number {
  const members = [...participants.connections()].filter(({ state }) => state.userId === id);
  for (const member of members) departures.signOut(member);
  for (const reservation of connectionLimits.reservations(Date.now())) {
    if (reservation.grant.userId === id) reservation.refusal = SIGNED_OUT;
  }
  return members.length;
}

/** The session is private again: for all but its hosts it is over. */
function endLive({ participants, connectionLimits, departures }: CommandParts): number {
  const members = [...participants.connections()].filter(({ state }) => state.role !== 'host');
  for (const member of members) departures.sendHome(member, LIVE_ENDED);
  for (const reservation of connectionLimits.reservations(Date.now())) {
    if (reservation.grant.role !== 'host') reservation.refusal = { ...forbidden(LIVE_ENDED), isEnd: true };
  }
  return members.length;
}

/**
 * The participant gets the session's state with their new role in it; everybody else gets a `user_joined`
 * with it.
 */
async function changeRole(
  { participant_id, role }: Extract<RoomCommand, { kind: 'participant_changed' }>,
  parts: CommandParts,
): Promise<number> {
  const { participants, connectionLimits, revocations, outbox, sessionState } = parts;
  const { session, edits, audience } = parts;
  // The host's word gives access from now on, whatever becomes of the invite that the participant joined by.
  const granted = { role, joinMethod: 'grant' } as const;
  for (const reservation of connectionLimits.reservations(Date.now())) {
    if (reservation.grant.participantId !== participant_id) continue;
    Object.assign(reservation.grant, granted);
    // A role gives a removed participant access again, but not to a session that has ended.
    if (!revocations.ended) reservation.refusal = null;
  }
  const connections = participants.connectionsOf(participant_id);
  const hasChanged = connections.filter(({ state }) => state.role !== role);
  // Who becomes a writer goes on from the text that the audience is sent now; and the other way round.
  if (hasChanged.length > 0) edits.showAudience(session.live);
  for (const member of connections) participants.changeAccess(member, granted);
  const [first] = hasChanged;
  if (!first) return connections.length;
  audience.changed();
  outbox.broadcast('user_joined', participantOf(first.state), (member) => connections.includes(member));
  await Promise.all(hasChanged.map((member) => sessionState.sendState(member)));
  return connections.length;
}

/**
 * The participant gets the session's state with their new name in it; everybody else gets a `user_joined`
 * with it.
 */
async function rename(
  { participant_id, display_name }: Extract<RoomCommand, { kind: 'participant_renamed' }>,
  { participants, connectionLimits, outbox, sessionState, session, edits, presence }: CommandParts,
): Promise<number> {
  for (const { grant } of connectionLimits.reservations(Date.now())) {
    if (grant.participantId === participant_id) grant.displayName = display_name;
  }
  const connections = participants.connectionsOf(participant_id);
  const [first] = connections;
  if (!first) return 0;
  const named = { participantId: participant_id, displayName: display_name, role: first.state.role };
  const displayName = participants.nameOf(named);
  // The selections that watchers are sent have names, too.
  edits.showAudience(session.live);
  for (const member of connections) member.setState({ ...member.state, displayName });
  if (first.state.isListed) {
    outbox.broadcast('user_joined', participantOf(first.state), (member) => connections.includes(member));
  }
  // The name of one who has none here depends on the others in the room.
  if (displayName !== display_name) presence.changed();
  await Promise.all(connections.map((member) => sessionState.sendState(member)));
  return connections.length;
}

/** The host's connections stay; everybody hears whose they are now. */
function nameHost(
  { participant_id, user_id, avatar_url }: Extract<RoomCommand, { kind: 'host_signed_in' }>,
  { participants, connectionLimits, outbox }: CommandParts,
): number {
  const identity = { userId: user_id, avatarUrl: avatar_url };
  for (const reservation of connectionLimits.reservations(Date.now())) {
    if (reservation.grant.participantId === participant_id) Object.assign(reservation.grant, identity);
  }
  const connections = participants.connectionsOf(participant_id);
  for (const member of connections) member.setState({ ...member.state, ...identity });
  const [first] = connections;
  if (first) outbox.broadcast('user_joined', participantOf(first.state));
  return connections.length;
}

/** Kicks a user who has deleted their account, and forgets them, once what names them is in Postgres. */
async function forgetUser(
  { user_id, participant_ids, display_names }: Extract<RoomCommand, { kind: 'account_deleted' }>,
  parts: CommandParts,
): Promise<Response> {
  for (const id of participant_ids) parts.revocations.recordRemoved(id);
  const delivered = kickAll(ACCOUNT_DELETED, ({ userId }) => userId === user_id, parts);
  if (await parts.session.mayBeDirty()) {
    const session = await parts.session.open();
    const isForgotten = await withTimeout(
      COMMIT_TIMEOUT_MS,
      session.forgetUser(user_id, display_names),
    ).catch((error: unknown) => {
      if (!(error instanceof TimeoutError)) throw error;
      return false;
    });
    if (!isForgotten) return refuse(503, 'server_error', 'what names them is not saved yet, try again');
  }
  return Response.json({ delivered });
}

/** Code that was set over HTTP is an edit like any other, by a user who has no connection here. */
async function setCode(
  { code, user_id, display_name, role, restored_by }: Extract<RoomCommand, { kind: 'set_code' }>,
  { revocations, edits, session: hosted }: CommandParts,
): Promise<Response> {
  if (revocations.ended) return refuse(410, 'not_found', ENDED);
  const session = await hosted.open();
  const connectionId = `http-${crypto.randomUUID()}`;
  const content: Content = { kind: 'change', change: difference(session.text, textOf(code)) };
  // Their own page knows by the participant that it asked for this, and lets them undo it.
  const participantId = restored_by?.participant_id ?? connectionId;
  const author = { displayName: display_name, userId: user_id, role, participantId };
  const edit = { connectionId, participantId: connectionId, editorId: user_id, content };
  const merged = edits.merge(session, edit, author, restored_by ? { source: 'restored' } : {});
  if (merged.outcome !== 'merged') throw new Error('code that fits, without a request id, is always merged');
  try {
    await withTimeout(COMMIT_TIMEOUT_MS, session.editsCommitted());
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    return refuse(503, 'server_error', 'the code is not saved yet; storage is out of reach');
  }
  return Response.json({ rev: merged.rev, durable: session.durable });
}
