/**
 * Session clients on sockets, with their clocks, stores and reconnects, against a room's document under
 * random histories. `merging.test.ts` tries the transformation itself; this, what sends, waits and keeps.
 */
import { ChangeSet } from '@codemirror/state';
import { expect, it, vi } from 'vitest';
import { connect, FakeSocket, FakeStore, useFakeSockets } from '../../../test/support/client.ts';
import { randomFrom } from '../../../test/support/random.ts';
import { writeChanges } from '../../merging/index.ts';
import { parseClientMessage, type ServerMessageType } from '../../protocol/index.ts';
import { Document } from '../../room/document/document.ts';
import type { SessionClient } from './session-client.ts';

useFakeSockets();

/** A client, and the room's side of its connection. */
interface Seat {
  id: string;
  client: SessionClient;
  store: FakeStore;
  socket: FakeSocket | null;
  /** Frames of the socket that the room has read. */
  read: number;
  toClient: [ServerMessageType, Record<string, unknown>][];
  sync: number;
  isOutOfStep: boolean;
}

class Room {
  document = new Document({ code: 'one\ntwo\n', rev: 0, receipts: {}, transport: null }, 1, 0);
  #committed = this.document.write();
  #term = 1;
  readonly seats: Seat[] = [];

  async join(id: string): Promise<void> {
    const store = new FakeStore();
    const client = await connect({ connectionId: id, store });
    const nothing = { socket: null, read: 0, toClient: [], sync: 0, isOutOfStep: false };
    this.seats.push({ id, client, store, ...nothing });
  }

  /** Takes the newest socket that the client has opened. */
  accept(seat: Seat): void {
    const ofClient = (socket: FakeSocket) => new URL(socket.url).searchParams.get('_pk') === seat.id;
    const socket = FakeSocket.sockets.findLast(ofClient);
    if (!socket || socket === seat.socket || socket.readyState !== 0) return;
    Object.assign(seat, { socket, read: 0, toClient: [], isOutOfStep: false });
    socket.open();
    this.#sendState(seat);
  }

  drop(seat: Seat): void {
    const { socket } = seat;
    seat.socket = null;
    this.document.forget(seat.id);
    socket?.drop();
  }

  commit(): void {
    this.#committed = this.document.write();
    for (const seat of this.seats) seat.toClient.push(['ack', { ...this.#ackOf(seat), durable: 'buffer' }]);
  }

  /** Dies with what it hasn't committed. */
  crash(): void {
    this.#term += 1;
    this.document = new Document(this.#committed, this.#term, 0);
    for (const seat of this.seats) this.drop(seat);
  }

  /** Reads one frame of the client. */
  read(seat: Seat, refuses: boolean): boolean {
    const frame = seat.socket?.frames[seat.read];
    if (!frame) return false;
    seat.read += 1;
    const parsed = parseClientMessage(JSON.stringify(frame));
    if (!parsed.ok) throw new Error(parsed.message);
    const { message } = parsed;
    if (message.type === 'resync') this.#sendState(seat);
    if (message.type !== 'code_update' || !('changes' in message.payload)) return true;
    const { changes, base_rev, client_seq, sync } = message.payload;
    if (seat.isOutOfStep || sync !== seat.sync) return true;
    const content = { kind: 'changes', changes, baseRev: base_rev } as const;
    const edit = {
      connectionId: seat.id,
      participantId: seat.id,
      clientSeq: client_seq,
      editorId: null,
      content,
    };
    const merged = refuses ? ({ outcome: 'refused' } as const) : this.document.merge(edit, 0);
    if (merged.outcome === 'merged') this.#broadcast(seat, merged.rev, merged.change);
    else {
      seat.isOutOfStep = true;
      seat.toClient.push(['out_of_step', { reason: merged.outcome }]);
    }
    return true;
  }

  deliver(seat: Seat): boolean {
    const message = seat.socket ? seat.toClient.shift() : undefined;
    if (message) seat.socket?.say(...message);
    return message !== undefined;
  }

  #broadcast(author: Seat, rev: number, change: ChangeSet): void {
    for (const seat of this.seats) {
      if (seat === author) continue;
      const about = { display_name: author.id, user_id: null, role: 'host' };
      const client_seq = this.document.clientSeq(seat.id, seat.id) ?? 0;
      seat.toClient.push(['code_update', { changes: writeChanges(change), rev, client_seq, ...about }]);
    }
  }

  #sendState(seat: Seat): void {
    seat.sync += 1;
    seat.isOutOfStep = false;
    this.document.sentWhole(seat.id);
    const { code, rev } = this.document;
    const client_seq = this.document.clientSeq(seat.id, seat.id);
    const whole = { code, rev, client_seq, sync: seat.sync, flushed_rev: 0, strudel_id: null };
    const about = { your_role: 'host', your_display_name: seat.id, participants: [] };
    seat.toClient.push(['session_state', { ...whole, ...about, chat_history: [], conversation_history: [] }]);
    // As rooms do, whatever was acknowledged before.
    const ack = this.#ackOf(seat, this.#committed.receipts);
    if (ack.client_seq) seat.toClient.push(['ack', { ...ack, rev: this.#committed.rev, durable: 'buffer' }]);
  }

  #ackOf({ id }: Seat, receipts = this.document.receipts.all()) {
    return { client_seq: receipts[`${id}/${id}`]?.clientSeq || undefined, rev: this.document.rev };
  }
}

async function run(seed: number): Promise<void> {
  const next = randomFrom(seed);
  const below = (n: number) => Math.floor(next() * n);
  FakeSocket.sockets = [];
  const room = new Room();
  for (const id of [`a${seed}`, `b${seed}`, `c${seed}`]) await room.join(id);
  for (const seat of room.seats) room.accept(seat);
  let tokens = 0;
  const lost = new Set<string>();
  for (let step = 0; step < 150; step += 1) {
    const seat = room.seats[below(room.seats.length)] as Seat;
    const what = next();
    if (what < 0.3) {
      const { length } = seat.client.text;
      const insert = String.fromCharCode(0xe000 + tokens);
      tokens += 1;
      seat.client.change(ChangeSet.of({ from: below(length + 1), insert }, length));
    } else if (what < 0.5) room.read(seat, next() < 0.05);
    else if (what < 0.7) room.deliver(seat);
    else if (what < 0.85) await vi.advanceTimersByTimeAsync(below(200));
    else if (what < 0.9) room.accept(seat);
    else if (what < 0.95) room.commit();
    else if (what < 0.97) room.drop(seat);
    else if (what < 0.98) room.crash();
    else await reload(room, seat, next() < 0.5, lost);
  }
  // Quiet: all come back, and everything arrives.
  const isSettled = ({ client, socket, toClient }: Seat) =>
    client.snapshot.connection.state === 'open' &&
    socket?.readyState === 1 &&
    !client.hasUnacknowledged &&
    toClient.length === 0;
  for (let round = 0; round < 40 && !room.seats.every(isSettled); round += 1) {
    room.commit();
    for (const seat of room.seats) {
      room.accept(seat);
      while ([room.read(seat, false), room.deliver(seat)].some(Boolean));
    }
    await vi.advanceTimersByTimeAsync(1_000);
  }
  const { code } = room.document;
  for (const { client } of room.seats) {
    expect(client.snapshot).toMatchObject({ code, offered: null, heldBack: null });
    expect(client.hasUnacknowledged).toBe(false);
  }
  for (let count = 0; count < tokens; count += 1) {
    const token = String.fromCharCode(0xe000 + count);
    const times = code.split(token).length - 1;
    if (lost.has(token)) expect(times).toBeLessThanOrEqual(1);
    else expect([token, times]).toEqual([token, 1]);
  }
  for (const { client } of room.seats) client.close();
}

/** The page is left, and shown again; or its tab dies, with what it hasn't kept. */
async function reload(room: Room, seat: Seat, isLeft: boolean, lost: Set<string>): Promise<void> {
  const { json } = seat.store;
  const { code } = seat.client.snapshot;
  seat.client.close();
  if (!isLeft) seat.store.json = json;
  room.drop(seat);
  seat.client = await connect({ connectionId: seat.id, store: seat.store });
  if (!isLeft) for (const char of code) if (!seat.client.snapshot.code.includes(char)) lost.add(char);
}

it('what is typed is there once, on all clients, whatever becomes of connections, pages and rooms', async () => {
  for (let seed = 1; seed <= 15; seed += 1) {
    try {
      await run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
