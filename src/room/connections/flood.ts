/**
 * Connections that send far more than anybody is allowed to. A limit refuses what is too much, but reading it in order to refuse it is
 * work too, and everybody in the room waits for it: so beyond a rate that no honest client comes near a frame isn't read at all,
 * and who goes on is sent away for a while. Pure: no sockets and no clock.
 */
import {
  FLOOD_BAN_MS,
  MAX_CHARS_PER_SECOND,
  MAX_CODE_UPDATES_PER_SECOND,
  MAX_SIGNALS_PER_SECOND,
  MAX_UNREAD_FRAMES,
  UNREAD_FRAMES_WINDOW_MS,
} from '../../protocol/index.ts';
import { MOST_LATE_MS, SlidingWindow } from './rate-limit.ts';

/** All that the limits by the second let through, together. */
const MAX_FRAMES_PER_SECOND = MAX_CODE_UPDATES_PER_SECOND + MAX_SIGNALS_PER_SECOND;
/** An unread frame counts once for each of so many characters. */
const UNREAD_FRAME_CHARS = 16 * 1024;
/** Bans kept at a time; a room has its memory for other things. */
const MAX_BANS = 1_000;

interface Windows {
  frames: SlidingWindow;
  unread: SlidingWindow;
  /** Characters read within the second that began then. */
  chars: { sinceMs: number; read: number };
}

export class Flood {
  readonly #windows = new WeakMap<object, Windows>();
  /** Until when, by participant id. */
  readonly #bans = new Map<string, number>();

  /**
   * Counts a frame: it is read, or refused unread, or one too many of those.
   * @param length in characters; of a binary one in bytes.
   * @param lateMs how late the room may be with it: what comes at once was sent over that much longer.
   */
  take(connection: object, length: number, nowMs: number, lateMs = 0): 'read' | 'unread' | 'flood' {
    let windows = this.#windows.get(connection);
    if (!windows) {
      windows = {
        frames: new SlidingWindow(MAX_FRAMES_PER_SECOND, 1_000),
        unread: new SlidingWindow(MAX_UNREAD_FRAMES, UNREAD_FRAMES_WINDOW_MS),
        chars: { sinceMs: nowMs, read: 0 },
      };
      this.#windows.set(connection, windows);
    }
    const { chars } = windows;
    if (nowMs - chars.sinceMs >= 1_000) {
      chars.sinceMs = nowMs;
      chars.read = 0;
    }
    const maxChars = MAX_CHARS_PER_SECOND * (1 + Math.min(lateMs, MOST_LATE_MS) / 1_000);
    if (chars.read + length <= maxChars && windows.frames.take(nowMs, lateMs)) {
      chars.read += length;
      return 'read';
    }
    // What is large costs its way here, read or not: it counts for several.
    let left = Math.ceil((length + 1) / UNREAD_FRAME_CHARS);
    while (left > 0 && windows.unread.take(nowMs)) left -= 1;
    return left === 0 ? 'unread' : 'flood';
  }

  /** Keeps somebody out for a while. */
  ban(participantId: string, nowMs: number): void {
    const [oldest] = this.#bans.keys();
    if (this.#bans.size >= MAX_BANS && oldest !== undefined) this.#bans.delete(oldest);
    this.#bans.delete(participantId);
    this.#bans.set(participantId, nowMs + FLOOD_BAN_MS);
  }

  /** For how many milliseconds more somebody is kept out; 0: he isn't. */
  banLeftMs(participantId: string, nowMs: number): number {
    const leftMs = (this.#bans.get(participantId) ?? nowMs) - nowMs;
    if (leftMs <= 0) this.#bans.delete(participantId);
    return Math.max(0, leftMs);
  }
}
