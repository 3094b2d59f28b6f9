/**
 * Backbeat's own protocol, as cheap as a client can be: frames are put together from parts, and
 * read only where needed.
 */
import { Chats } from './chats.ts';
import { hasType, RoomConnection } from './connection.ts';
import { digestOf, KnobDocument } from './document.ts';
import { EditFrames } from './edit-frame.ts';
import { frameBytes } from './frame-bytes.ts';
import { pauseMs } from './pause.ts';
import type { LoadPlan, RoomOutcome, RoomPlan } from './plan.ts';
import type { LoadRoom } from './protocol.ts';
import type { Recorder } from './recorder.ts';
import { Revisions } from './revisions.ts';

/** A cursor is the last thing in a broadcast edit; it is looked for in so many bytes from the end. */
const TAIL_BYTES = 160;
const CURSOR = /"cursor_line":(\d+),"cursor_col":(\d+)/;
const REV = /"rev":(\d+)/;
const ACK_REV = /"rev":(\d+)/;
const ACK_SEQ = /"client_seq":(\d+)/;
const ACK_MESSAGE = /"message_id":"([^"]+)"/;

/** One person who types. */
interface Typist {
  connection: RoomConnection;
  document: KnobDocument;
  frames: EditFrames;
  /** When each edit was sent, by its number. */
  sentAt: number[];
  acked: number;
  /** The newest acknowledgement. */
  newest: { rev: number; edit: number } | null;
  /** The frames that were sent and aren't acknowledged, each by its newest edit, oldest first. */
  inFlight: number[];
  sentFrameAt: number;
  /** Edits wait for the next frame. */
  timer: NodeJS.Timeout | null;
}

export class BackbeatRoom implements LoadRoom {
  readonly #plan: LoadPlan;
  readonly #room: RoomPlan;
  readonly #recorder: Recorder;
  readonly #typists: Typist[] = [];
  readonly #connections: RoomConnection[] = [];
  readonly #chats: Chats;
  #viewers = 0;
  readonly #revisions = new Revisions();

  constructor(room: RoomPlan, plan: LoadPlan, recorder: Recorder) {
    this.#room = room;
    this.#plan = plan;
    this.#recorder = recorder;
    this.#chats = new Chats(recorder);
  }

  async connect(): Promise<void> {
    const { typists, viewers, codeBytes } = this.#plan;
    for (let who = this.#typists.length; who < typists; who++) {
      const document = new KnobDocument(codeBytes, who);
      const typist: Typist = {
        connection: await this.#open(this.#room.typistTokens[who] ?? '', (frame) =>
          this.#onFrame(frame, typist),
        ),
        document,
        frames: new EditFrames(document, who),
        sentAt: [],
        acked: 0,
        newest: null,
        inFlight: [],
        sentFrameAt: Number.NEGATIVE_INFINITY,
        timer: null,
      };
      this.#typists.push(typist);
    }
    for (; this.#viewers < viewers; this.#viewers++) {
      const token = this.#room.viewerTokens[this.#viewers] ?? '';
      await this.#open(token, (frame) => this.#onFrame(frame, null));
    }
  }

  edit(who: number, lateMs: number): void {
    const typist = this.#typists[who];
    if (!typist?.connection.isOpen) {
      this.#recorder.failed('not_connected');
      return;
    }
    typist.sentAt.push(performance.now());
    this.#recorder.edited(lateMs);
    if (typist.timer !== null) return;
    const waitMs = typist.sentFrameAt + pauseMs(this.#plan, typist.inFlight.length) - performance.now();
    if (waitMs <= 0) this.#send(typist);
    else typist.timer = setTimeout(() => this.#send(typist), waitMs);
  }

  #send(typist: Typist): void {
    typist.timer = null;
    const edit = typist.sentAt.length - 1;
    const frame = typist.frames.frame(edit);
    typist.sentFrameAt = performance.now();
    typist.inFlight.push(edit);
    typist.connection.sendFrame(frame);
    this.#recorder.framed(frame.length);
  }

  chat(): void {
    this.#chats.send(this.#typists[0]?.connection);
  }

  ping(): void {
    for (const connection of this.#connections) connection.ping();
  }

  get waiting(): number {
    return this.#typists.reduce((sum, { sentAt, acked }) => sum + sentAt.length - acked, this.#chats.waiting);
  }

  get accepted(): number {
    return this.#revisions.made;
  }

  outcome(): RoomOutcome {
    let newest: RoomOutcome['newest'] = null;
    for (const { newest: acked, document } of this.#typists) {
      if (acked && acked.rev > (newest?.rev ?? 0)) {
        newest = { rev: acked.rev, digest: digestOf(document.text(acked.edit)) };
      }
    }
    const isFinal = this.#typists.every(({ sentAt, acked }) => sentAt.length === acked);
    return {
      id: this.#room.id,
      newest,
      isFinal,
      textBytes: this.#plan.codeBytes,
      diverged: 0,
      messages: this.#chats.acknowledged,
    };
  }

  leave(): void {
    for (const connection of this.#connections) connection.leave();
  }

  async #open(token: string, onFrame: (frame: Buffer) => void): Promise<RoomConnection> {
    const connection = await RoomConnection.open({
      url: this.#plan.url,
      roomId: this.#room.id,
      token,
      edits: 'whole',
      recorder: this.#recorder,
      onFrame: (frame) => (hasType(frame, 'session_state') ? this.#onState(frame) : onFrame(frame)),
    });
    this.#connections.push(connection);
    return connection;
  }

  #onFrame(frame: Buffer, typist: Typist | null): void {
    if (hasType(frame, 'ack"')) {
      if (typist) this.#onAck(frame.toString('latin1'), typist);
    } else if (hasType(frame, 'code')) {
      this.#onBroadcast(frame);
    } else if (hasType(frame, 'erro')) {
      this.#recorder.failed(/"error":"(\w+)"/.exec(frame.toString('latin1'))?.[1] ?? 'unknown');
    }
  }

  #onState(frame: Buffer): void {
    const rev = Number(REV.exec(frame.toString())?.[1] ?? 0);
    this.#revisions.heardOf(rev);
  }

  #onAck(text: string, typist: Typist): void {
    const now = performance.now();
    const message = ACK_MESSAGE.exec(text)?.[1];
    if (message !== undefined) {
      this.#chats.onAck(message);
      return;
    }
    this.#recorder.ackBytes += frameBytes(text.length, 'server');
    const rev = Number(ACK_REV.exec(text)?.[1]);
    const edit = EditFrames.editOf(Number(ACK_SEQ.exec(text)?.[1]));
    // Cumulative: it says so of everything up to that edit.
    for (; typist.acked <= edit; typist.acked++) {
      this.#recorder.acknowledged(now - (typist.sentAt[typist.acked] ?? now));
    }
    while ((typist.inFlight[0] ?? Number.POSITIVE_INFINITY) <= edit) typist.inFlight.shift();
    typist.newest = { rev, edit };
    this.#revisions.heardOf(rev);
  }

  #onBroadcast(frame: Buffer): void {
    const found = CURSOR.exec(frame.toString('latin1', Math.max(0, frame.length - TAIL_BYTES)));
    const sentAt = this.#typists[Number(found?.[2])]?.sentAt[EditFrames.editOf(Number(found?.[1]))];
    if (sentAt === undefined) return;
    this.#recorder.broadcast(performance.now() - sentAt, frameBytes(frame.length, 'server'));
  }
}
