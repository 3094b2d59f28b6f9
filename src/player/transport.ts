/** Where in its cycles a pattern is at a time of the room's clock. Pure: no clock, no sound. */
import type { Anchor } from '../protocol/player.ts';

export class Transport {
  /** @param anchor at its time of the room's clock it is its cycle */
  constructor(
    readonly anchor: Anchor,
    readonly cyclesPerSecond: number,
  ) {}

  cycleAt(roomMs: number): number {
    return this.anchor.cycle + ((roomMs - this.anchor.room_ms) / 1_000) * this.cyclesPerSecond;
  }

  roomMsAt(cycle: number): number {
    return this.anchor.room_ms + ((cycle - this.anchor.cycle) / this.cyclesPerSecond) * 1_000;
  }

  /** Goes on at `cycle` with another tempo. */
  withTempo(cyclesPerSecond: number, cycle: number): Transport {
    return new Transport({ cycle, room_ms: this.roomMsAt(cycle) }, cyclesPerSecond);
  }
}
