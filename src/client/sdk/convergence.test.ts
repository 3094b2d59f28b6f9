/**
 * Several clients against a model of a room, in a random order that a seed decides: in the end all show the
 * same text.
 */
import { describe, expect, it } from 'vitest';
import { SharedDocument } from './shared-document.ts';

/** A small seeded generator (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Down = (document: SharedDocument) => void;

interface Edit {
  requestId: string;
  code: string;
}

class ModelClient {
  document = new SharedDocument(null, 0);
  isReady = false;
  /** Frames on their way, each direction in order. */
  up: Edit[] = [];
  down: Down[] = [];
  made = 0;
  constructor(readonly name: string) {}

  edit(): void {
    this.made += 1;
    const id = `${this.name}${this.made}`;
    this.document.edit(`${id} by ${this.name}`, {}, () => id, 0);
  }

  send(): void {
    const edit = this.isReady ? this.document.nextToSend() : null;
    if (!edit) return;
    this.document.sent(edit.requestId);
    this.up.push(edit);
  }

  /** The page is loaded anew; only what was kept survives. */
  reload(): void {
    this.document = new SharedDocument(this.document.unacknowledged, 0);
  }
}

/** Orders edits, commits them later in groups, forgets what it hasn't committed when it dies. */
class ModelRoom {
  code = 'start';
  rev = 0;
  receipts = new Set<string>();
  committed = { code: 'start', rev: 0, receipts: new Set<string>() };
  /** Per client the newest edit that no ack has covered, and its revision. */
  unacknowledged = new Map<ModelClient, { requestId: string; rev: number }>();
  connected = new Set<ModelClient>();

  accept(client: ModelClient, edit: Edit): void {
    if (!this.receipts.has(edit.requestId)) {
      this.receipts.add(edit.requestId);
      this.rev += 1;
      this.code = edit.code;
      const { code, rev } = this;
      for (const other of this.connected) {
        if (other !== client) other.down.push((document) => document.remoteUpdate(code, rev));
      }
    }
    // A resend's own revision is forgotten; the room can only say that it is in by now.
    this.unacknowledged.set(client, { requestId: edit.requestId, rev: this.rev });
  }

  commit(): void {
    this.committed = { code: this.code, rev: this.rev, receipts: new Set(this.receipts) };
    for (const [client, { requestId, rev }] of this.unacknowledged) {
      client.down.push((document) => document.acknowledged(requestId, rev, 'buffer', 0));
    }
    this.unacknowledged.clear();
  }

  connect(client: ModelClient): void {
    this.connected.add(client);
    const { code, rev } = this;
    client.down.push((document) => document.reset(code, rev, 0));
    client.down.push(() => {
      client.isReady = true;
    });
  }

  disconnect(client: ModelClient): void {
    this.connected.delete(client);
    this.unacknowledged.delete(client);
    client.isReady = false;
    client.up = [];
    client.down = [];
    client.document.disconnected();
  }

  die(): void {
    for (const client of [...this.connected]) this.disconnect(client);
    this.code = this.committed.code;
    this.rev = this.committed.rev;
    this.receipts = new Set(this.committed.receipts);
  }
}

function deliverUp(room: ModelRoom, client: ModelClient): void {
  const edit = client.up.shift();
  if (edit) room.accept(client, edit);
}

function deliverDown(client: ModelClient): void {
  client.down.shift()?.(client.document);
}

function run(seed: number, allowsFailures: boolean): void {
  const random = randomFrom(seed);
  const room = new ModelRoom();
  const clients = ['a', 'b', 'c'].map((name) => new ModelClient(name));
  const pick = () => clients[Math.floor(random() * clients.length)] ?? new ModelClient('none');
  for (let step = 0; step < 400; step += 1) {
    const client = pick();
    const dice = random();
    if (!room.connected.has(client)) {
      if (dice < 0.4) room.connect(client);
      else if (dice < 0.5) client.edit();
      else if (dice < 0.6) client.reload();
    } else if (dice < 0.2) client.edit();
    else if (dice < 0.4) client.send();
    else if (dice < 0.6) deliverUp(room, client);
    else if (dice < 0.85) deliverDown(client);
    else if (dice < 0.96) room.commit();
    else if (allowsFailures && dice < 0.985) room.disconnect(client);
    else if (allowsFailures) room.die();
  }
  // Quiet: everybody comes back, and everything arrives.
  for (const client of clients) if (!room.connected.has(client)) room.connect(client);
  for (let round = 0; round < 10; round += 1) {
    for (const client of clients) {
      while (client.down.length > 0) deliverDown(client);
      client.send();
      while (client.up.length > 0) deliverUp(room, client);
    }
    room.commit();
  }
  for (const client of clients) {
    while (client.down.length > 0) deliverDown(client);
    expect(client.document.code, `client ${client.name}, seed ${seed}`).toBe(room.code);
    expect(client.document.rev, `revision of ${client.name}, seed ${seed}`).toBe(room.rev);
    expect(client.document.hasPending, `pending of ${client.name}, seed ${seed}`).toBe(false);
  }
}

describe('all clients end with the room’s text', () => {
  it('whatever the order in which frames and acks arrive', () => {
    for (let seed = 1; seed <= 300; seed += 1) run(seed, false);
  });

  it('with lost connections, reloads and rooms that die before they commit', () => {
    for (let seed = 1_000; seed <= 1_400; seed += 1) run(seed, true);
  });
});
