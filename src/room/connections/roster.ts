/** Who is in the room. */
import { PING_TIMEOUT_MS } from '../../protocol/index.ts';
import type { RoomHost } from '../host.ts';
import { isMember, type Member } from './connection.ts';

export class Roster {
  readonly #host: Pick<RoomHost, 'connections'>;
  readonly #lastHeardMs = new WeakMap<object, number>();
  #lastSilenceCheckMs = 0;

  constructor(host: Pick<RoomHost, 'connections'>) {
    this.#host = host;
  }

  /** Every connection that is in; closing ones aren't any more. */
  *members(): Iterable<Member> {
    for (const connection of this.#host.connections()) {
      if (isMember(connection)) yield connection;
    }
  }

  /** Those that carry this connection id: found by it, however many others there are. */
  *withId(connectionId: string): Iterable<Member> {
    for (const connection of this.#host.connections(connectionId)) {
      if (isMember(connection)) yield connection;
    }
  }

  /** All connections of one person. */
  of(participantId: string): Member[] {
    return [...this.members()].filter(({ state }) => state.participantId === participantId);
  }

  /** Every person's participant id, once. */
  present(): string[] {
    return [...new Set([...this.members()].map(({ state }) => state.participantId))];
  }

  heard(member: Member, nowMs: number): void {
    this.#lastHeardMs.set(member, nowMs);
  }

  /**
   * Those that haven't been heard of for too long. Asked when there is something else to do, and answered now and then:
   * silence alone costs nothing.
   */
  silent(nowMs: number): Member[] {
    if (nowMs - this.#lastSilenceCheckMs < PING_TIMEOUT_MS / 4) return [];
    this.#lastSilenceCheckMs = nowMs;
    return [...this.members()].filter((member) => {
      const heardMs = this.#lastHeardMs.get(member);
      // The first time this instance sees it: from now on.
      if (heardMs === undefined) this.#lastHeardMs.set(member, nowMs);
      return heardMs !== undefined && nowMs - heardMs > PING_TIMEOUT_MS;
    });
  }
}
