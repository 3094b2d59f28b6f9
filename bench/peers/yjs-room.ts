/**
 * The people of one room whose document is a Yjs document: everything but how frames are wrapped, which
 * the two Yjs servers do differently. An edit replaces the number in the code, so what travels is a few
 * bytes, not the document.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket } from 'ws';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { digestOf, KnobDocument } from '../load/document.ts';
import type { LoadPlan, RoomOutcome, RoomPlan } from '../load/plan.ts';
import type { LoadRoom } from '../load/protocol.ts';
import type { Recorder } from '../load/recorder.ts';

/** Name of the text in the document. */
export const TEXT = 'code';
const CONNECT_TIMEOUT_MS = 60_000;
const MESSAGE_SYNC = 0;

/** How a server's frames differ from plain `[sync message]`. */
export interface Dialect {
  url(base: string, roomId: string): string;
  /** What is sent as soon as the socket is open. */
  greeting(roomId: string): Uint8Array[];
  /** Begins a frame. */
  begin(encoder: encoding.Encoder, roomId: string): void;
  /** Reads what `begin` wrote. */
  skip(decoder: decoding.Decoder): void;
  /**
   * Type of the frame that acknowledges an edit; null where the server has none and sends
   * the edit back instead.
   */
  ackType: number | null;
  /** True when the server sends an edit back to who made it. */
  hasEcho: boolean;
}

interface Person {
  socket: WebSocket;
  doc: Y.Doc;
  isSynced: boolean;
  /**
   * Edits of the room that this person has been sent, in order: the one who types makes them
   * one after the other.
   */
  seen: number;
}

export class YjsRoom implements LoadRoom {
  readonly #room: RoomPlan;
  readonly #plan: LoadPlan;
  readonly #recorder: Recorder;
  readonly #dialect: Dialect;
  readonly #people: Person[] = [];
  readonly #document: KnobDocument;
  readonly #sentAt: number[] = [];
  /** Frames that acknowledge something, the first of which are for what came before the load. */
  #acks = 0;
  #acksBefore = 0;
  #acked = 0;
  #isMeasuring = false;
  #isLeaving = false;

  constructor(room: RoomPlan, plan: LoadPlan, recorder: Recorder, dialect: Dialect) {
    if (plan.typists !== 1) throw new Error('one person types in each room of a Yjs server');
    this.#room = room;
    this.#plan = plan;
    this.#recorder = recorder;
    this.#dialect = dialect;
    this.#document = new KnobDocument(plan.codeBytes, 0);
  }

  async connect(): Promise<void> {
    for (const { socket } of this.#people.splice(0)) socket.terminate();
    const typist = await this.#join(true);
    const before = this.#acks;
    const text = typist.doc.getText(TEXT);
    if (text.length === 0) {
      const update = capture(typist.doc, () => text.insert(0, this.#document.text(0)));
      this.#send(typist, (encoder) => sync.writeUpdate(encoder, update));
      while (this.#acks === before) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (let i = 0; i < this.#plan.viewers; i++) await this.#join(false);
    for (const person of this.#people) person.seen = 0;
    this.#acksBefore = this.#acks;
    this.#isMeasuring = true;
  }

  edit(_typist: number, lateMs: number): void {
    const typist = this.#people[0];
    if (!typist || typist.socket.readyState !== WebSocket.OPEN) {
      this.#recorder.failed('not_connected');
      return;
    }
    const { knobAt, knobLength } = this.#document;
    const text = typist.doc.getText(TEXT);
    // The first edit has the number 0 like the text before it; counting from 1 makes each edit a change.
    const knob = this.#document.knob(this.#sentAt.length + 1);
    const update = capture(typist.doc, () => {
      text.delete(knobAt, knobLength);
      text.insert(knobAt, knob);
    });
    this.#sentAt.push(performance.now());
    this.#recorder.edited(
      lateMs,
      this.#send(typist, (encoder) => sync.writeUpdate(encoder, update)),
    );
  }

  chat(): void {}

  ping(): void {
    for (const { socket } of this.#people) if (socket.readyState === WebSocket.OPEN) socket.ping();
  }

  get waiting(): number {
    return this.#sentAt.length - this.#acked;
  }

  get accepted(): number {
    return this.#acked;
  }

  outcome(): RoomOutcome {
    const newest =
      this.#acked === 0 ? null : { rev: this.#acked, digest: digestOf(this.#document.text(this.#acked)) };
    return { id: this.#room.id, newest, isFinal: this.waiting === 0, messages: [] };
  }

  leave(): void {
    this.#isLeaving = true;
    for (const { socket } of this.#people) socket.close(1000);
  }

  #join(isTypist: boolean): Promise<Person> {
    const socket = new WebSocket(this.#dialect.url(this.#plan.url, this.#room.id), {
      perMessageDeflate: false,
      generateMask: () => {},
    });
    const person: Person = { socket, doc: new Y.Doc(), isSynced: false, seen: 0 };
    this.#people.push(person);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not synced in time')), CONNECT_TIMEOUT_MS);
      socket.on('open', () => {
        for (const frame of this.#dialect.greeting(this.#room.id)) socket.send(frame);
        this.#send(person, (encoder) => sync.writeSyncStep1(encoder, person.doc));
      });
      socket.on('message', (data: Buffer) => {
        this.#recorder.bytesReceived += data.length;
        this.#onFrame(data, person, isTypist);
        if (!person.isSynced) return;
        clearTimeout(timer);
        resolve(person);
      });
      socket.on('error', reject);
      socket.on('close', () => {
        if (this.#isMeasuring && !this.#isLeaving) this.#recorder.closed += 1;
        reject(new Error('closed before it was synced'));
      });
    });
  }

  #onFrame(data: Buffer, person: Person, isTypist: boolean): void {
    const decoder = decoding.createDecoder(new Uint8Array(data.buffer, data.byteOffset, data.length));
    this.#dialect.skip(decoder);
    const type = decoding.readVarUint(decoder);
    if (isTypist && type === this.#dialect.ackType) this.#onAck();
    if (type !== MESSAGE_SYNC) return;
    const kind = decoding.readVarUint(decoder);
    if (kind === sync.messageYjsSyncStep1) {
      this.#send(person, (encoder) => sync.readSyncStep1(decoder, encoder, person.doc));
    } else if (kind === sync.messageYjsSyncStep2) {
      sync.readSyncStep2(decoder, person.doc, this);
      person.isSynced = true;
    } else if (isTypist) {
      if (this.#dialect.ackType === null && this.#dialect.hasEcho) this.#onAck();
    } else {
      const sentAt = this.#sentAt[person.seen++];
      if (this.#isMeasuring && sentAt !== undefined) this.#recorder.broadcast(performance.now() - sentAt);
    }
  }

  #onAck(): void {
    this.#acks += 1;
    if (!this.#isMeasuring || this.#acks <= this.#acksBefore) return;
    const sentAt = this.#sentAt[this.#acked];
    if (sentAt === undefined) return;
    this.#acked += 1;
    this.#recorder.acknowledged(performance.now() - sentAt);
  }

  #send({ socket }: Person, write: (encoder: encoding.Encoder) => void): number {
    const encoder = encoding.createEncoder();
    this.#dialect.begin(encoder, this.#room.id);
    encoding.writeVarUint(encoder, MESSAGE_SYNC);
    write(encoder);
    const frame = encoding.toUint8Array(encoder);
    socket.send(frame);
    return frame.length;
  }
}

/** Makes a change, and returns it as an update. */
function capture(doc: Y.Doc, change: () => void): Uint8Array {
  let captured: Uint8Array | null = null;
  const keep = (update: Uint8Array) => {
    captured = update;
  };
  doc.once('update', keep);
  doc.transact(change);
  if (captured === null) throw new Error('the change changed nothing');
  return captured;
}
