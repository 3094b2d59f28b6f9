/** The connections that have joined the room, and whose they are. */
import { PARTICIPANT_COLORS, PING_TIMEOUT_MS } from '../../protocol/index.ts';
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

  /** The colour of a participant who is here, or the one that fewest of the others have. */
  colorOf(participantId: string): number {
    const colors = new Map<string, number>();
    for (const { state } of this.connections()) colors.set(state.participantId, state.color);
    const own = colors.get(participantId);
    if (own !== undefined) return own;
    const uses = Array.from({ length: PARTICIPANT_COLORS }, () => 0);
    for (const color of colors.values()) uses[color] = (uses[color] ?? 0) + 1;
    return uses.indexOf(Math.min(...uses));
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
