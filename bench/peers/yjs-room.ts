/**
 * The people of one room whose document is a Yjs document: everything but how frames are wrapped, which
 * the two Yjs servers do differently. What travels is a few bytes of an edit, not the document. One person
 * turns a number in the text, or several type in it, each in their own line.
 */
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket } from 'ws';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { digestOf, KnobDocument } from '../load/document.ts';
import { frameBytes } from '../load/frame-bytes.ts';
import type { LoadPlan, RoomOutcome, RoomPlan } from '../load/plan.ts';
import type { LoadRoom } from '../load/protocol.ts';
import type { Recorder } from '../load/recorder.ts';
import { type Keystroke, SharedText, TypedLine } from '../load/typing.ts';

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
}

interface Person {
  socket: WebSocket;
  doc: Y.Doc;
  isSynced: boolean;
  /** By typist: how many of their edits this person was sent, and how long their line is here. */
  seen: number[];
  lengths: number[];
}

interface Typist extends Person {
  /** When each edit was sent. */
  sentAt: number[];
  acked: number;
}

/** What the people of a room type. */
interface Typing {
  /** The text before the first edit. */
  readonly start: string;
  /** Where the first line begins. */
  readonly at: number;
  /** How long each line is before the first edit, with what parts it from the next. */
  readonly length: number;
  next(who: number): Keystroke;
  /** The text with all edits so far. */
  text(): string;
}

export class YjsRoom implements LoadRoom {
  readonly #room: RoomPlan;
  readonly #plan: LoadPlan;
  readonly #recorder: Recorder;
  readonly #dialect: Dialect;
  readonly #typing: Typing;
  readonly #typists: Typist[] = [];
  readonly #viewers: Person[] = [];
  /** Frames that acknowledge something: what comes before the load is waited for by them. */
  #acks = 0;
  #isMeasuring = false;
  #isLeaving = false;

  constructor(room: RoomPlan, plan: LoadPlan, recorder: Recorder, dialect: Dialect) {
    this.#room = room;
    this.#plan = plan;
    this.#recorder = recorder;
    this.#dialect = dialect;
    this.#typing = plan.edits === 'changes' ? typeLines(plan) : turnKnob(plan);
  }

  async connect(): Promise<void> {
    for (const { socket } of this.#people()) socket.terminate();
    this.#typists.length = 0;
    this.#viewers.length = 0;
    const { typists, viewers } = this.#plan;
    for (let who = 0; who < typists; who++) {
      const typist = { ...this.#newPerson(), sentAt: [], acked: 0 };
      this.#typists.push(typist);
      await this.#join(typist, typist);
      const text = typist.doc.getText(TEXT);
      if (text.length > 0) continue;
      const before = this.#acks;
      const update = capture(typist.doc, () => text.insert(0, this.#typing.start));
      this.#send(typist, (encoder) => sync.writeUpdate(encoder, update));
      while (this.#acks === before) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (let i = 0; i < viewers; i++) {
      const viewer = this.#newPerson();
      this.#viewers.push(viewer);
      await this.#join(viewer, null);
    }
    this.#isMeasuring = true;
  }

  edit(who: number, lateMs: number): void {
    const typist = this.#typists[who];
    if (!typist || typist.socket.readyState !== WebSocket.OPEN) {
      this.#recorder.failed('not_connected');
      return;
    }
    const { doc, lengths } = typist;
    const { col, removed, insert } = this.#typing.next(who);
    const at = lengths.slice(0, who).reduce((sum, length) => sum + length, this.#typing.at) + col;
    const text = doc.getText(TEXT);
    const update = capture(doc, () => {
      if (removed > 0) text.delete(at, removed);
      if (insert !== '') text.insert(at, insert);
    });
    lengths[who] = (lengths[who] ?? 0) + insert.length - removed;
    typist.sentAt.push(performance.now());
    this.#recorder.edited(lateMs);
    this.#recorder.framed(this.#send(typist, (encoder) => sync.writeUpdate(encoder, update)));
  }

  chat(): void {}

  ping(): void {
    for (const { socket } of this.#people()) if (socket.readyState === WebSocket.OPEN) socket.ping();
  }

  get waiting(): number {
    const unacked = this.#typists.reduce((sum, { sentAt, acked }) => sum + sentAt.length - acked, 0);
    return unacked > 0 ? unacked : this.#diverged();
  }

  get accepted(): number {
    return this.#typists.reduce((sum, { acked }) => sum + acked, 0);
  }

  outcome(): RoomOutcome {
    const text = this.#typing.text();
    const newest = this.accepted === 0 ? null : { rev: this.accepted, digest: digestOf(text) };
    const isFinal = this.#typists.every(({ sentAt, acked }) => sentAt.length === acked);
    return {
      id: this.#room.id,
      newest,
      isFinal,
      textBytes: Buffer.byteLength(text),
      diverged: this.#diverged(),
      messages: [],
    };
  }

  leave(): void {
    this.#isLeaving = true;
    for (const { socket } of this.#people()) socket.close(1000);
  }

  #people(): Person[] {
    return [...this.#typists, ...this.#viewers];
  }

  /** How many people's text isn't what all have typed. */
  #diverged(): number {
    const expected = this.#typing.text();
    return this.#people().filter(({ doc }) => doc.getText(TEXT).toString() !== expected).length;
  }

  #newPerson(): Person {
    const socket = new WebSocket(this.#dialect.url(this.#plan.url, this.#room.id), {
      perMessageDeflate: false,
      generateMask: () => {},
    });
    const lengths = Array.from({ length: this.#plan.typists }, () => this.#typing.length);
    return { socket, doc: new Y.Doc(), isSynced: false, seen: [], lengths };
  }

  #join(person: Person, typist: Typist | null): Promise<void> {
    const { socket } = person;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not synced in time')), CONNECT_TIMEOUT_MS);
      socket.on('open', () => {
        for (const frame of this.#dialect.greeting(this.#room.id)) socket.send(frame);
        this.#send(person, (encoder) => sync.writeSyncStep1(encoder, person.doc));
      });
      socket.on('message', (data: Buffer) => {
        this.#recorder.bytesReceived += data.length;
        this.#onFrame(data, person, typist);
        if (!person.isSynced) return;
        clearTimeout(timer);
        resolve();
      });
      socket.on('error', reject);
      socket.on('close', () => {
        if (this.#isMeasuring && !this.#isLeaving) this.#recorder.closed += 1;
        reject(new Error('closed before it was synced'));
      });
    });
  }

  #onFrame(data: Buffer, person: Person, typist: Typist | null): void {
    const bytes = frameBytes(data.length, 'server');
    const decoder = decoding.createDecoder(new Uint8Array(data.buffer, data.byteOffset, data.length));
    this.#dialect.skip(decoder);
    const type = decoding.readVarUint(decoder);
    if (typist && type === this.#dialect.ackType) this.#onAck(typist, bytes);
    if (type !== MESSAGE_SYNC) return;
    const kind = decoding.readVarUint(decoder);
    if (kind === sync.messageYjsSyncStep1) {
      this.#send(person, (encoder) => sync.readSyncStep1(decoder, encoder, person.doc));
    } else if (kind === sync.messageYjsSyncStep2) {
      sync.readSyncStep2(decoder, person.doc, this);
      person.isSynced = true;
    } else {
      this.#onUpdate(decoding.readVarUint8Array(decoder), person, bytes);
    }
  }

  #onUpdate(update: Uint8Array, person: Person, bytes: number): void {
    const author = authorOf(update);
    const who = this.#typists.findIndex(({ doc }) => doc.clientID === author);
    const typist = this.#typists[who];
    if (typist === person) {
      if (this.#dialect.ackType === null) this.#onAck(typist, bytes);
      else if (this.#isMeasuring) this.#recorder.ackBytes += bytes;
      return;
    }
    const text = person.doc.getText(TEXT);
    const before = text.length;
    Y.applyUpdate(person.doc, update, this);
    if (!typist || !this.#isMeasuring) return;
    person.lengths[who] = (person.lengths[who] ?? 0) + text.length - before;
    const seen = person.seen[who] ?? 0;
    person.seen[who] = seen + 1;
    const sentAt = typist.sentAt[seen];
    if (sentAt !== undefined) this.#recorder.broadcast(performance.now() - sentAt, bytes);
  }

  #onAck(typist: Typist, bytes: number): void {
    this.#acks += 1;
    const sentAt = typist.sentAt[typist.acked];
    if (!this.#isMeasuring || sentAt === undefined) return;
    typist.acked += 1;
    this.#recorder.ackBytes += bytes;
    this.#recorder.acknowledged(performance.now() - sentAt);
  }

  /** @returns its bytes on the wire. */
  #send({ socket }: Person, write: (encoder: encoding.Encoder) => void): number {
    const encoder = encoding.createEncoder();
    this.#dialect.begin(encoder, this.#room.id);
    encoding.writeVarUint(encoder, MESSAGE_SYNC);
    write(encoder);
    const frame = encoding.toUint8Array(encoder);
    socket.send(frame);
    return frameBytes(frame.length, 'client');
  }
}

/** Each types in their own line. */
function typeLines({ codeBytes, typists }: LoadPlan): Typing {
  const text = new SharedText(codeBytes, typists);
  const lines = Array.from({ length: typists }, (_, who) => new TypedLine(who));
  return {
    start: text.with([]),
    at: text.linesAt,
    length: 1,
    next: (who) => lines[who]?.next() ?? { col: 0, removed: 0, insert: '' },
    text: () => text.with(lines.map((line) => line.text)),
  };
}

/** One person replaces the number in the code again and again. */
function turnKnob({ codeBytes, typists }: LoadPlan): Typing {
  if (typists !== 1) throw new Error('several people in a room of a Yjs server: with --edits=changes');
  const document = new KnobDocument(codeBytes, 0);
  // The first edit has the number 1, as the text before it has 0.
  let edit = 0;
  return {
    start: document.text(0),
    at: document.knobAt,
    length: document.knobLength,
    next: () => ({ col: 0, removed: document.knobLength, insert: document.knob(++edit) }),
    text: () => document.text(edit),
  };
}

/**
 * The typist who made an update: the one who inserts, or else whose characters are deleted. Typists delete
 * only what they typed themselves.
 */
function authorOf(update: Uint8Array): number | undefined {
  const { structs, ds } = Y.decodeUpdate(update);
  return structs[0]?.id.client ?? ds.clients.keys().next().value;
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
