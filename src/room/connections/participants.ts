/** The connections that have joined the room, and the participants they belong to. */
import { PING_TIMEOUT_MS } from '../../protocol/index.ts';
import type { RoomHost } from '../host.ts';
import { hasJoined, type JoinedConnection } from './connection.ts';

export class Participants {
  readonly #host: Pick<RoomHost, 'connections'>;
  readonly #lastSeenMs = new WeakMap<object, number>();
  #lastIdleCheckMs = 0;

  constructor(host: Pick<RoomHost, 'connections'>) {
    this.#host = host;
  }

  /** Every connection that has joined and that the room hasn't closed. */
  *connections(): Iterable<JoinedConnection> {
    for (const connection of this.#host.connections()) {
      if (hasJoined(connection)) yield connection;
    }
  }

  /** Those with this connection id. The host finds them by it, so the cost doesn't grow with the room. */
  *withConnectionId(connectionId: string): Iterable<JoinedConnection> {
    for (const connection of this.#host.connections(connectionId)) {
      if (hasJoined(connection)) yield connection;
    }
  }

  /** All connections of one participant. */
  connectionsOf(participantId: string): JoinedConnection[] {
    return [...this.connections()].filter(({ state }) => state.participantId === participantId);
  }

  /** Every participant's id, once. */
  ids(): string[] {
    return [...new Set([...this.connections()].map(({ state }) => state.participantId))];
  }

  /** Records that the connection has sent something. */
  seen(member: JoinedConnection, nowMs: number): void {
    this.#lastSeenMs.set(member, nowMs);
  }

  /**
   * The connections that have sent nothing for too long. The room asks when it is awake anyway, and most
   * times the answer is empty without a look: idle connections must not cost anything.
   */
  idle(nowMs: number): JoinedConnection[] {
    if (nowMs - this.#lastIdleCheckMs < PING_TIMEOUT_MS / 4) return [];
    this.#lastIdleCheckMs = nowMs;
    return [...this.connections()].filter((member) => {
      const seenMs = this.#lastSeenMs.get(member);
      // An instance that woke from hibernation doesn't know when it was last seen: the time counts from now.
      if (seenMs === undefined) this.#lastSeenMs.set(member, nowMs);
      return seenMs !== undefined && nowMs - seenMs > PING_TIMEOUT_MS;
    });
  }
}
