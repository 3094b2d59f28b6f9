/** What one load process counts. */
import { Latencies } from './latencies.ts';
import type { LoadReport, Progress, RoomOutcome } from './plan.ts';

export class Recorder {
  sent = 0;
  frames = 0;
  acked = 0;
  chatsSent = 0;
  chatsAcked = 0;
  broadcasts = 0;
  closed = 0;
  bytesSent = 0;
  bytesReceived = 0;
  /** Of the frames that brought others' edits, with their headers. */
  broadcastBytes = 0;
  /** Of the frames that acknowledged an edit to its author, or gave it back. */
  ackBytes = 0;
  readonly #errors = new Map<string, number>();
  readonly #ack = new Latencies();
  readonly #window = new Latencies();
  readonly #broadcast = new Latencies();
  readonly #watched = new Latencies();
  readonly #chatAck = new Latencies();
  readonly #lateness = new Latencies();

  /** Counts from nothing on. */
  reset(): void {
    this.sent = 0;
    this.frames = 0;
    this.acked = 0;
    this.chatsSent = 0;
    this.chatsAcked = 0;
    this.broadcasts = 0;
    this.closed = 0;
    this.bytesSent = 0;
    this.bytesReceived = 0;
    this.broadcastBytes = 0;
    this.ackBytes = 0;
    this.#errors.clear();
    for (const latencies of [
      this.#ack,
      this.#window,
      this.#broadcast,
      this.#watched,
      this.#chatAck,
      this.#lateness,
    ])
      latencies.reset();
  }

  edited(lateMs: number): void {
    this.sent += 1;
    this.#lateness.record(lateMs);
  }

  /** A frame with edits was sent. */
  framed(bytes: number): void {
    this.frames += 1;
    this.bytesSent += bytes;
  }

  acknowledged(ms: number): void {
    this.acked += 1;
    this.#ack.record(ms);
    this.#window.record(ms);
  }

  /** @param bytes of the frame. */
  broadcast(ms: number, bytes: number): void {
    this.broadcasts += 1;
    this.broadcastBytes += bytes;
    this.#broadcast.record(ms);
  }

  /** An edit has arrived at one who watches. */
  watched(ms: number): void {
    this.#watched.record(ms);
  }

  chatAcknowledged(ms: number): void {
    this.chatsAcked += 1;
    this.#chatAck.record(ms);
  }

  failed(code: string): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  /** The other side closed a connection. */
  closedBy(code: number): void {
    this.closed += 1;
    this.failed(`closed_${code}`);
  }

  progress(): Progress {
    const errors = [...this.#errors.values()].reduce((sum, n) => sum + n, 0);
    const { sent, acked, closed } = this;
    const window = this.#window.encoded();
    this.#window.reset();
    return { sent, acked, waiting: Math.max(0, sent - acked), closed, errors, window };
  }

  report(end: {
    accepted: number;
    ackedInTime: number;
    elapsedMs: number;
    rooms: RoomOutcome[];
  }): LoadReport {
    const { sent, acked, chatsSent, chatsAcked, broadcasts, closed, bytesSent, bytesReceived } = this;
    const { broadcastBytes, ackBytes, frames } = this;
    return {
      ...{ sent, acked, chatsSent, chatsAcked, broadcasts, closed, bytesSent, bytesReceived },
      ...{ broadcastBytes, ackBytes, frames },
      errors: Object.fromEntries(this.#errors),
      ack: this.#ack.encoded(),
      broadcast: this.#broadcast.encoded(),
      watched: this.#watched.encoded(),
      chatAck: this.#chatAck.encoded(),
      lateness: this.#lateness.encoded(),
      ...end,
    };
  }
}
