/**
 * Connections that send far more than their limits allow. A limit refuses the excess, but a frame has to be
 * parsed before a limit can refuse it, and all clients of the room wait for that. So beyond a rate that no
 * honest client comes near, frames are dropped unread, and a connection that goes on is disconnected. Pure:
 * no sockets, no clock.
 */
import {
  MAX_CHARS_PER_SECOND,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_SIGNALS_PER_SECOND,
  MAX_UNREAD_FRAMES,
  UNREAD_FRAMES_WINDOW_MS,
} from '../../protocol/index.ts';
import { SlidingWindow } from './sliding-window.ts';

/** What the limits per second allow, together. */
const MAX_FRAMES_PER_SECOND = MAX_CODE_UPDATES_PER_SECOND + MAX_SIGNALS_PER_SECOND;
/** A dropped frame counts once for each of so many characters. */
const DROPPED_FRAME_CHARS = 16 * 1024;

interface Windows {
  frames: SlidingWindow;
  dropped: SlidingWindow;
  /** Of accepted frames. */
  chars: SlidingWindow;
}

export class FloodGuard {
  readonly #windows = new WeakMap<object, Windows>();

  /**
   * Counts a frame, and says what to do with it: `accept` it, `drop` it unread, or `disconnect` its sender.
   * @param length in characters; of a binary frame in bytes.
   * @param lateMs how late the room may be with the frame: what arrives at once was sent over that much
   *   longer.
   */
  take(connection: object, length: number, nowMs: number, lateMs = 0): 'accept' | 'drop' | 'disconnect' {
    let windows = this.#windows.get(connection);
    if (!windows) {
      windows = {
        frames: new SlidingWindow(MAX_FRAMES_PER_SECOND, 1_000),
        dropped: new SlidingWindow(MAX_UNREAD_FRAMES, UNREAD_FRAMES_WINDOW_MS),
        chars: new SlidingWindow(MAX_CHARS_PER_SECOND, 1_000),
      };
      this.#windows.set(connection, windows);
    }
    const { frames, chars, dropped } = windows;
    if (chars.hasRoom(nowMs, lateMs, length) && frames.take(nowMs, lateMs)) {
      chars.take(nowMs, lateMs, length);
      return 'accept';
    }
    // A large frame costs its way here even if it is dropped, so it counts for several.
    const amount = Math.ceil((length + 1) / DROPPED_FRAME_CHARS);
    return dropped.take(nowMs, 0, amount) ? 'drop' : 'disconnect';
  }
}
