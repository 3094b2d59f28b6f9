/** Connections that have joined the room. */
import type { WireParticipant } from '../../protocol/index.ts';
import type { Connection } from '../host.ts';
import type { CountedConnection } from './connection-limits.ts';
import { type ConnectionState, participantOf } from './connection-state.ts';

/**
 * A connection that has joined. Its state is null before that, and again once it has left or was closed by
 * the room.
 */
export type JoinedConnection = Connection & { readonly state: Readonly<ConnectionState> };

export function hasJoined(connection: Connection): connection is JoinedConnection {
  return connection.state !== null;
}

/** Every participant with a connection among these, once however many tabs they have. */
export function participantsOf(members: Iterable<JoinedConnection>): WireParticipant[] {
  const participants = new Map<string, WireParticipant>();
  for (const { state } of members) participants.set(state.participantId, participantOf(state));
  return [...participants.values()];
}

export function countedConnectionOf({ id, state }: JoinedConnection): CountedConnection {
  return { connectionId: id, participantId: state.participantId, address: state.address };
}
