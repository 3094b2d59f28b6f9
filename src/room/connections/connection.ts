/** Connections that have joined the room. */
import type { Connection } from '../host.ts';
import type { CountedConnection } from './connection-limits.ts';
import type { ConnectionState } from './connection-state.ts';

/**
 * A connection that has joined. Its state is null before that, and again once it has left or was closed by
 * the room.
 */
export type JoinedConnection = Connection & { readonly state: Readonly<ConnectionState> };

export function hasJoined(connection: Connection): connection is JoinedConnection {
  return connection.state !== null;
}

/** @param connections all of one participant. */
export function isAway(connections: readonly JoinedConnection[]): boolean {
  return connections.length > 0 && connections.every(({ state }) => state.isHidden);
}

export function countedConnectionOf({ id, state }: JoinedConnection): CountedConnection {
  const { participantId, address, role } = state;
  return { connectionId: id, participantId, address, role };
}
