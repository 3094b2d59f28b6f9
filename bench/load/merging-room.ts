/**
 * The people of one room who type in one text, each in their own line: edits are changes that are really
 * merged, by the client that the page has.
 */
import { ChangeSet } from '@codemirror/state';
import { SharedDocument } from '../../src/client/sdk/shared-document.ts';
import { Throttle } from '../../src/client/sdk/throttle.ts';
import { type ClientMessage, parseServerMessage, type ServerPayload } from '../../src/protocol/index.ts';
import { Arrivals } from './arrivals.ts';
import { Chats } from './chats.ts';
import { hasType, RoomConnection } from './connection.ts';
import { digestOf } from './document.ts';
import { frameBytes } from './frame-bytes.ts';
import { pauseMs } from './pause.ts';
import type { LoadPlan, RoomOutcome, RoomPlan } from './plan.ts';
import type { LoadRoom } from './protocol.ts';
import type { Recorder } from './recorder.ts';
import { Revisions } from './revisions.ts';
import { SharedText, TypedLine } from './typing.ts';

/** Of those who watch, one of so many keeps the text: that of all would be more work than the room has. */
const WATCHERS_PER_READER = 50;
/** So many come in at a time. */
const ENTERING = 20;
const REV = /"rev":(\d+)/;

/** One person, typing or watching. */
interface Person {
  connection: RoomConnection | null;
  document: SharedDocument;
  /** By typist: how many of their edits this person was sent. */
  seen: number[];
}

interface Typist extends Person {
  line: TypedLine;
  /** When each key was pressed. */
  sentAt: number[];
  /** The `client_seq` that each key was sent with: keys that wait for the same frame have one. */
  seqs: number[];
  /** The first key of each edit. */
  firstKeys: number[];
  acked: number;
  sending: Throttle;
}

export class MergingRoom implements LoadRoom {
  readonly #plan: LoadPlan;
  readonly #room: RoomPlan;
  readonly #recorder: Recorder;
  readonly #text: SharedText;
  readonly #typists: Typist[] = [];
  readonly #viewers: Person[] = [];
  readonly #chats: Chats;
  readonly #arrivals: Arrivals;
  readonly #revisions = new Revisions();

  constructor(room: RoomPlan, plan: LoadPlan, recorder: Recorder) {
    this.#room = room;
    this.#plan = plan;
    this.#recorder = recorder;
    this.#text = new SharedText(plan.codeBytes, plan.typists);
    this.#chats = new Chats(recorder);
    this.#arrivals = new Arrivals((ms) => recorder.watched(ms));
  }

  async connect(): Promise<void> {
    const { typists, viewers } = this.#plan;
    const { typistTokens, viewerTokens } = this.#room;
    for (let who = this.#typists.length; who < typists; who++) {
      const typist: Typist = {
        ...newPerson(),
        line: new TypedLine(who),
        ...{ sentAt: [], seqs: [], firstKeys: [], acked: 0 },
        sending: new Throttle(
          () => this.#send(typist),
          () => pauseMs(this.#plan, typist.document.unacknowledged),
        ),
      };
      await this.#enter(typist, typistTokens[who] ?? '', typist);
      this.#typists.push(typist);
    }
    while (this.#viewers.length < viewers) {
      const first = this.#viewers.length;
      const coming = Array.from({ length: Math.min(ENTERING, viewers - first) }, () => newPerson());
      await Promise.all(
        coming.map((viewer, i) => this.#watch(viewer, first + i, viewerTokens[first + i] ?? '')),
      );
      this.#viewers.push(...coming);
    }
  }

  edit(who: number, lateMs: number): void {
    const typist = this.#typists[who];
    if (!typist?.connection?.isOpen) {
      this.#recorder.failed('not_connected');
      return;
    }
    const { document, line } = typist;
    const { col, removed, insert } = line.next();
    const from = document.text.line(this.#text.lineOf(who)).from + col;
    const change = ChangeSet.of({ from, to: from + removed, insert }, document.text.length);
    const { clientSeq, isNew } = document.edit(change, { source: 'typed' });
    if (isNew) typist.firstKeys.push(typist.sentAt.length);
    typist.seqs.push(clientSeq);
    typist.sentAt.push(performance.now());
    this.#recorder.edited(lateMs);
    typist.sending.call();
  }

  chat(): void {
    this.#chats.send(this.#typists[0]?.connection ?? undefined);
  }

  ping(): void {
    for (const { connection } of this.#people()) connection?.ping();
  }

  get waiting(): number {
    const unacked = this.#typists.reduce((sum, { sentAt, acked }) => sum + sentAt.length - acked, 0);
    return this.#chats.waiting + (unacked > 0 ? unacked : this.#diverged());
  }

  get accepted(): number {
    return this.#revisions.made;
  }

  outcome(): RoomOutcome {
    return {
      id: this.#room.id,
      newest: { rev: this.#revisions.newest, digest: digestOf(this.#expected()) },
      isFinal: this.#typists.every(({ sentAt, acked }) => sentAt.length === acked),
      textBytes: Buffer.byteLength(this.#expected()),
      diverged: this.#diverged(),
      messages: this.#chats.acknowledged,
    };
  }

  leave(): void {
    for (const { connection } of this.#people()) connection?.leave();
  }

  #people(): Person[] {
    return [...this.#typists, ...this.#viewers];
  }

  /** Those who keep the text. */
  #readers(): Person[] {
    return [...this.#typists, ...this.#viewers.filter((_, n) => n % WATCHERS_PER_READER === 0)];
  }

  #expected(): string {
    return this.#text.with(this.#typists.map(({ line }) => line.text));
  }

  /** How many people's text isn't what all have typed. */
  #diverged(): number {
    const expected = this.#expected();
    return this.#readers().filter(({ document }) => document.code !== expected).length;
  }

  async #enter(person: Person, token: string, typist: Typist | null): Promise<void> {
    person.connection = await RoomConnection.open({
      url: this.#plan.url,
      roomId: this.#room.id,
      token,
      edits: 'changes',
      recorder: this.#recorder,
      onFrame: (frame) => this.#onFrame(frame, person, typist),
    });
  }

  /** One who watches comes in. */
  async #watch(person: Person, n: number, token: string): Promise<void> {
    let rev = 0;
    person.connection = await RoomConnection.open({
      url: this.#plan.watchersUrl ?? this.#plan.url,
      roomId: this.#room.id,
      token,
      edits: 'changes',
      recorder: this.#recorder,
      onFrame: (frame) => {
        const isUpdate = hasType(frame, 'code_update');
        if (isUpdate || hasType(frame, 'session_state')) {
          // What is typed here has no quotes: this can only be the payload's own.
          const to = Number(REV.exec(frame.toString('latin1'))?.[1] ?? 0);
          if (isUpdate) this.#arrivals.arrived(rev, to, performance.now());
          rev = to;
        }
        if (n % WATCHERS_PER_READER === 0) this.#onFrame(frame, person, null);
      },
    });
  }

  #onFrame(frame: Buffer, person: Person, typist: Typist | null): void {
    const message = parseServerMessage(frame.toString());
    switch (message?.type) {
      case 'session_state':
        this.#onState(message.payload, person, typist);
        return;
      case 'code_update':
        this.#onUpdate(message.payload, person, typist !== null, frameBytes(frame.length, 'server'));
        return;
      case 'ack':
        if (typist) this.#onAck(message.payload, typist, frameBytes(frame.length, 'server'));
        return;
      case 'out_of_step':
        this.#resync(person, 'out_of_step');
        return;
      case 'error':
        this.#recorder.failed(message.payload.error);
        return;
    }
  }

  #onState(state: ServerPayload<'session_state'>, { document }: Person, typist: Typist | null): void {
    const { code, rev, sync = 0, client_seq: clientSeq = null } = state;
    document.start({ code, rev, sync, clientSeq });
    this.#revisions.heardOf(rev);
    if (typist?.connection?.isOpen) this.#send(typist);
  }

  #onUpdate(update: ServerPayload<'code_update'>, person: Person, isTypist: boolean, bytes: number): void {
    const { changes, rev, client_seq, participant_id: author } = update;
    if (!changes) return;
    try {
      person.document.remote(changes, rev, client_seq);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#resync(person, 'lost_track');
      return;
    }
    this.#revisions.heardOf(rev);
    if (!isTypist) return;
    const who = this.#room.typistIds.indexOf(author ?? '');
    const seen = person.seen[who] ?? 0;
    person.seen[who] = seen + 1;
    const typed = this.#typists[who];
    const sentAt = typed?.sentAt[typed.firstKeys[seen] ?? -1];
    if (sentAt === undefined) return;
    this.#recorder.broadcast(performance.now() - sentAt, bytes);
    this.#arrivals.became(rev, sentAt);
  }

  #onAck({ rev, client_seq, message_id }: ServerPayload<'ack'>, typist: Typist, bytes: number): void {
    if (message_id !== undefined) this.#chats.onAck(message_id);
    if (rev === undefined) return;
    this.#recorder.ackBytes += bytes;
    typist.document.acknowledged(client_seq, rev);
    this.#revisions.heardOf(rev);
    const now = performance.now();
    // Cumulative: it says so of everything up to that edit.
    for (; (typist.seqs[typist.acked] ?? Infinity) <= (client_seq ?? 0); typist.acked++) {
      this.#recorder.acknowledged(now - (typist.sentAt[typist.acked] ?? now));
    }
  }

  #resync({ document, connection }: Person, reason: string): void {
    this.#recorder.failed(reason);
    document.disconnected();
    connection?.send(JSON.stringify({ type: 'resync', payload: {} } satisfies ClientMessage));
  }

  /** Sends what waits. */
  #send({ document, connection }: Typist): void {
    for (let edit = document.nextToSend(); edit; edit = document.nextToSend()) {
      const { changes, baseRev: base_rev, clientSeq: client_seq, sync, source } = edit;
      const payload = { changes, base_rev, client_seq, sync, source };
      const frame = JSON.stringify({ type: 'code_update', payload } satisfies ClientMessage);
      connection?.send(frame);
      document.sent(client_seq);
      this.#recorder.framed(frameBytes(Buffer.byteLength(frame), 'client'));
    }
  }
}

function newPerson(): Person {
  return { connection: null, document: new SharedDocument(null), seen: [] };
}
