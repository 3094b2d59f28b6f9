/** How often one connection may do what. */
import {
  type ClientMessageType,
  MAX_CHAT_PER_MINUTE,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_SIGNALS_PER_SECOND,
  MAX_STRUDEL_SWITCHES_PER_MINUTE,
} from '../../protocol/index.ts';
import type { Member } from './connection.ts';
import { SlidingWindow } from './rate-limit.ts';

/** What is counted by the minute. Its times are kept with the connection: a minute outlives the instance's memory. */
export type PerMinute = 'chat' | 'switch';

const PER_MINUTE = {
  chat: { max: MAX_CHAT_PER_MINUTE, times: 'chatTimes' },
  switch: { max: MAX_STRUDEL_SWITCHES_PER_MINUTE, times: 'switchTimes' },
} as const satisfies Record<PerMinute, object>;

interface Windows {
  /** Those of a second need no more memory than the instance's: whoever waits for hibernation has waited long enough. */
  edits: SlidingWindow;
  signals: SlidingWindow;
  perMinute: Partial<Record<PerMinute, SlidingWindow>>;
}

export class MemberLimits {
  readonly #windows = new WeakMap<object, Windows>();

  /**
   * Counts a message.
   * @param type null for what doesn't parse: that counts too, or garbage would be free.
   * @param lateMs how late the room may be with it.
   */
  takeMessage(member: Member, type: ClientMessageType | null, nowMs: number, lateMs = 0): boolean {
    const { edits, signals } = this.#windowsOf(member);
    return (type === 'code_update' ? edits : signals).take(nowMs, lateMs);
  }

  /** Counts what is counted by the minute. */
  takePerMinute(member: Member, what: PerMinute, nowMs: number): boolean {
    const { max, times } = PER_MINUTE[what];
    const { perMinute } = this.#windowsOf(member);
    perMinute[what] ??= new SlidingWindow(max, 60_000, member.state[times]);
    if (!perMinute[what].take(nowMs)) return false;
    member.setState({ ...member.state, [times]: perMinute[what].times(nowMs) });
    return true;
  }

  #windowsOf(member: Member): Windows {
    let windows = this.#windows.get(member);
    if (!windows) {
      windows = {
        edits: new SlidingWindow(MAX_CODE_UPDATES_PER_SECOND, 1_000),
        signals: new SlidingWindow(MAX_SIGNALS_PER_SECOND, 1_000),
        perMinute: {},
      };
      this.#windows.set(member, windows);
    }
    return windows;
  }
}
