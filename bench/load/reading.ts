/** How a client shows its room that it reads, however much it is sent: a room closes those that don't. */
import { PING_AFTER_CHARS } from '../../src/protocol/index.ts';

const MARK = /"mark":"([^"]+)"/;
/** `{"type":"` comes first in each frame. */
const PONG = '{"type":"pong"';

export class Reading {
  #bytes = 0;
  #mark: string | null = null;

  /** Counts what came. @returns whether a ping is due. */
  received(frame: Buffer): boolean {
    this.#bytes += frame.length;
    if (frame.toString('latin1', 0, PONG.length) === PONG) {
      this.#mark = MARK.exec(frame.toString('latin1'))?.[1] ?? null;
    }
    return this.#bytes >= PING_AFTER_CHARS;
  }

  /** The frame of the next ping. */
  ping(): string {
    this.#bytes = 0;
    return this.#mark === null ? '{"type":"ping"}' : `{"type":"ping","payload":{"mark":"${this.#mark}"}}`;
  }
}
