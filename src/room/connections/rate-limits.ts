/** How often one connection may send what. */
import {
  AUDIENCE_CHAT_FRAMES_PER_SECOND,
  type ClientMessageType,
  MAX_CHAT_PER_MINUTE,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_RESYNCS_PER_MINUTE,
  MAX_SIGNALS_PER_SECOND,
  MAX_STRUDEL_SWITCHES_PER_MINUTE,
} from '../../protocol/index.ts';
import type { JoinedConnection } from './connection.ts';
import { SlidingWindow } from './sliding-window.ts';

/**
 * What has a limit per minute. Its times are in the connection's state: a minute outlives the instance's
 * memory.
 */
type PerMinute = 'chat' | 'switch';

const PER_MINUTE = {
  chat: { max: MAX_CHAT_PER_MINUTE, times: 'chatTimes' },
  switch: { max: MAX_STRUDEL_SWITCHES_PER_MINUTE, times: 'switchTimes' },
} as const satisfies Record<PerMinute, object>;

/** What gives the code a new revision. */
const EDITS: ReadonlySet<ClientMessageType> = new Set(['code_update', 'take_back', 'play', 'stop']);

/** An audience that was silent may write so much at once, in seconds of its pace. */
const CHAT_BURST_S = 3;

interface Windows {
  /**
   * Limits per second are only in the instance's memory: the room hibernates after a longer pause than a
   * second.
   */
  edits: SlidingWindow;
  signals: SlidingWindow;
  /** In memory too: whole texts are much to send, and nothing to a store. */
  resyncs: SlidingWindow;
  perMinute: Partial<Record<PerMinute, SlidingWindow>>;
}

export class RateLimits {
  readonly #windows = new WeakMap<object, Windows>();
  /** What watchers may write in the chat, in frames that it makes; refilled as time goes on. */
  #chatFrames = AUDIENCE_CHAT_FRAMES_PER_SECOND * CHAT_BURST_S;
  #chatFramesAtMs = 0;

  /**
   * Counts a message.
   * @param type null for a message that doesn't parse: it counts too, or garbage would have no limit.
   * @param lateMs how late the room may be with the message.
   */
  takeMessage(member: JoinedConnection, type: ClientMessageType | null, nowMs: number, lateMs = 0): boolean {
    const { edits, signals } = this.#windowsOf(member);
    const isEdit = type !== null && EDITS.has(type);
    return (isEdit ? edits : signals).take(nowMs, lateMs);
  }

  /** Counts a request for the whole text. */
  takeResync(member: JoinedConnection, nowMs: number): boolean {
    return this.#windowsOf(member).resyncs.take(nowMs);
  }

  /**
   * Counts a watcher's chat message, which all connections are sent.
   * @param connections how many there are.
   */
  takeAudienceChat(connections: number, nowMs: number): boolean {
    const earned = ((nowMs - this.#chatFramesAtMs) * AUDIENCE_CHAT_FRAMES_PER_SECOND) / 1_000;
    const most = AUDIENCE_CHAT_FRAMES_PER_SECOND * CHAT_BURST_S;
    // A clock that is set back takes nothing away.
    this.#chatFrames = Math.min(most, this.#chatFrames + Math.max(0, earned));
    this.#chatFramesAtMs = nowMs;
    // The greatest audience may still write now and then.
    if (this.#chatFrames < Math.min(connections, most)) return false;
    this.#chatFrames -= Math.min(connections, most);
    return true;
  }

  /** Counts a message against its limit per minute. */
  takePerMinute(member: JoinedConnection, what: PerMinute, nowMs: number): boolean {
    const { max, times } = PER_MINUTE[what];
    const { perMinute } = this.#windowsOf(member);
    perMinute[what] ??= new SlidingWindow(max, 60_000, member.state[times]);
    if (!perMinute[what].take(nowMs)) return false;
    member.setState({ ...member.state, [times]: perMinute[what].times(nowMs) });
    return true;
  }

  #windowsOf(member: JoinedConnection): Windows {
    let windows = this.#windows.get(member);
    if (!windows) {
      windows = {
        edits: new SlidingWindow(MAX_CODE_UPDATES_PER_SECOND, 1_000),
        signals: new SlidingWindow(MAX_SIGNALS_PER_SECOND, 1_000),
        resyncs: new SlidingWindow(MAX_RESYNCS_PER_MINUTE, 60_000),
        perMinute: {},
      };
      this.#windows.set(member, windows);
    }
    return windows;
  }
}
