/**
 * Notices clients that are gone without a close: their connections are closed after a silence. A page in the
 * background may be silent for longer, as browsers let its timers run once a minute; the room asks it, which
 * no browser slows down.
 *
 * When a client was last heard is in its connection's state, and the room's alarm looks: both outlive the
 * instance's memory, so a quiet room notices too, and no timer keeps it awake.
 */
import { HIDDEN_TIMEOUT_MS, PING_TIMEOUT_MS } from '../../protocol/index.ts';
import type { RoomAlarm } from '../room-alarm.ts';
import type { Away } from './away.ts';
import type { JoinedConnection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Departures } from './departures.ts';
import type { Outbox } from './outbox.ts';
import type { Participants } from './participants.ts';

/** Each write of a connection's state costs a little, and a client may send thirty messages a second. */
const SEEN_STEP_MS = 1_000;
/** A hidden client is asked in time for a second chance. */
const ASK_AFTER_MS = HIDDEN_TIMEOUT_MS / 2;
/** Those who are to be asked so soon are asked along: many of them don't take many alarms. */
const ASK_ALONG_MS = 15_000;

export interface LivenessOptions {
  participants: Pick<Participants, 'connections'>;
  away: Away;
  departures: Pick<Departures, 'closeIdle'>;
  outbox: Pick<Outbox, 'reply'>;
  alarm: Pick<RoomAlarm, 'wakeBy'>;
}

export class Liveness {
  readonly #options: LivenessOptions;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  /** The client has sent something. */
  seen(member: JoinedConnection, nowMs: number): void {
    const { state } = member;
    if (nowMs - state.seenMs < SEEN_STEP_MS && !state.isAsked) return;
    member.setState({ ...state, seenMs: nowMs, isAsked: false });
  }

  /** The client says whether its page is in the background. */
  async setHidden(member: JoinedConnection, isHidden: boolean): Promise<void> {
    if (member.state.isHidden === isHidden) return;
    this.#options.away.telling(member.state.participantId, () =>
      member.setState({ ...member.state, isHidden }),
    );
    // The silence that it may keep is another one now.
    await this.watch();
  }

  /** Closes the connections that were silent for too long, and asks those that may be silent for longer. */
  check(nowMs: number): void {
    const { participants, departures, outbox } = this.#options;
    for (const member of [...participants.connections()]) {
      const { state } = member;
      if (nowMs >= closeAtMs(state)) departures.closeIdle(member);
      else if (state.isHidden && !state.isAsked && nowMs >= state.seenMs + ASK_AFTER_MS - ASK_ALONG_MS) {
        member.setState({ ...state, isAsked: true });
        outbox.reply(member, 'ping', {});
      }
    }
  }

  /** Sees to it that the room looks in time, whatever becomes of this instance. */
  async watch(): Promise<void> {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { state } of this.#options.participants.connections()) {
      const isToBeAsked = state.isHidden && !state.isAsked;
      nextMs = Math.min(nextMs, isToBeAsked ? state.seenMs + ASK_AFTER_MS : closeAtMs(state));
    }
    if (Number.isFinite(nextMs)) await this.#options.alarm.wakeBy(nextMs);
  }
}

function closeAtMs({ seenMs, isHidden }: ConnectionState): number {
  return seenMs + (isHidden ? HIDDEN_TIMEOUT_MS : PING_TIMEOUT_MS);
}
