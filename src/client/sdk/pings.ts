/** What is said to the room to stay connected, and what it tells by its answers: its clock. */
import type { ClientMessage, ServerPayload } from '../../protocol/index.ts';
import { RoomClock } from './room-clock.ts';
import { Throttle } from './throttle.ts';

export interface PingPorts {
  /** The page is in the background. */
  readonly isHidden: boolean;
  /** False when there is no connection that takes messages. */
  send(message: ClientMessage): boolean;
}

/** Pings once something plays, and the pause between them: a few at once tell the clock better than one. */
const CLOCK_PINGS = 4;
const CLOCK_PING_MS = 150;

export class Pings {
  readonly #ports: PingPorts;
  readonly #clock: RoomClock;
  readonly #extra = new Throttle(() => this.#pingForClock(), CLOCK_PING_MS);
  #extraLeft = 0;
  /** Of the last pong: shows the room how far it was read. */
  #mark: string | null = null;

  /** @param now milliseconds since the epoch, by a clock that is never set. */
  constructor(ports: PingPorts, now: () => number) {
    this.#ports = ports;
    this.#clock = new RoomClock(now);
  }

  next(): ClientMessage {
    const mark = this.#mark === null ? {} : { mark: this.#mark };
    const hidden = this.#ports.isHidden ? { hidden: true } : {};
    return { type: 'ping', payload: { ...mark, ...hidden, request_id: this.#clock.pinged() } };
  }

  answered({ mark, now, request_id: requestId }: ServerPayload<'pong'>): void {
    this.#mark = mark ?? null;
    if (now !== undefined && requestId !== undefined) this.#clock.answered(requestId, now);
  }

  /** Asks for the room's clock. */
  askClock(): void {
    if (this.#extraLeft > 0) return;
    this.#extraLeft = CLOCK_PINGS;
    this.#extra.call();
  }

  /** Milliseconds since the epoch by the room's clock; null until the room has said it. */
  roomNow(): number | null {
    return this.#clock.now();
  }

  close(): void {
    this.#extra.cancel();
  }

  #pingForClock(): void {
    if (this.#extraLeft === 0 || !this.#ports.send(this.next())) return;
    this.#extraLeft -= 1;
    this.#extra.call();
  }
}
