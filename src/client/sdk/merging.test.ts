/**
 * Rooms' documents and clients' documents under random histories: whatever is typed and acknowledged is there
 * once, on all of them.
 */
import { ChangeSet } from '@codemirror/state';
import { expect, it } from 'vitest';
import { writeChanges } from '../../merging/index.ts';
import { Document } from '../../room/document/document.ts';
import { SharedDocument } from './shared-document.ts';

type ToClient =
  | { kind: 'change'; changes: ReturnType<typeof writeChanges>; rev: number; clientSeq: number | undefined }
  | { kind: 'ack'; clientSeq: number | undefined; rev: number }
  | { kind: 'state'; code: string; rev: number; sync: number; clientSeq: number | null }
  | { kind: 'out_of_step' };
type ToRoom = ({ kind: 'edit' } & NonNullable<ReturnType<SharedDocument['nextToSend']>>) | { kind: 'resync' };

interface Link {
  document: SharedDocument;
  toRoom: ToRoom[];
  toClient: ToClient[];
  isOpen: boolean;
  sync: number;
  isTold: boolean;
}

class World {
  room: Document;
  committed: { code: string; rev: number; receipts: ReturnType<Document['receipts']['all']> };
  term = 1;
  outOfStep = 0;
  readonly links: Link[];

  constructor(code: string, clients: number) {
    this.committed = { code, rev: 0, receipts: {} };
    this.room = new Document(this.committed, 1, 0);
    this.links = Array.from({ length: clients }, () => ({
      document: new SharedDocument(null),
      toRoom: [],
      toClient: [],
      isOpen: false,
      sync: 0,
      isTold: true,
    }));
    for (const index of this.links.keys()) this.connect(index);
    for (const link of this.links) this.settle(link);
  }

  #name = (index: number) => ({ participantId: `p${index}`, connectionId: `c${index}` });

  seq(index: number): number {
    const { participantId, connectionId } = this.#name(index);
    return this.room.clientSeq(participantId, connectionId) ?? 0;
  }

  connect(index: number): void {
    const link = this.links[index] as Link;
    Object.assign(link, { isOpen: true, toRoom: [], toClient: [], sync: 0 });
    this.#sendState(link, index);
  }

  #sendState(link: Link, index: number): void {
    link.sync += 1;
    link.isTold = true;
    this.room.sentWhole(`c${index}`);
    const { code, rev } = this.room;
    link.toClient.push({ kind: 'state', code, rev, sync: link.sync, clientSeq: this.seq(index) });
  }

  disconnect(index: number): void {
    const link = this.links[index] as Link;
    link.isOpen = false;
    Object.assign(link, { toRoom: [], toClient: [] });
    link.document.disconnected();
    this.room.forget(`c${index}`);
  }

  commit(): void {
    const { code, rev } = this.room;
    this.committed = { code, rev, receipts: this.room.receipts.all() };
    for (const [index, link] of this.links.entries()) {
      if (link.isOpen) link.toClient.push({ kind: 'ack', clientSeq: this.seq(index) || undefined, rev });
    }
  }

  #load(): void {
    this.term += 1;
    this.room = new Document(this.committed, this.term, 0);
  }

  crash(): void {
    this.#load();
    for (const index of this.links.keys()) this.disconnect(index);
  }

  hibernate(): void {
    this.commit();
    this.#load();
    for (const link of this.links) link.isTold = true;
  }

  /** @returns false when there was nothing. */
  toRoom(link: Link, index: number): boolean {
    const message = link.isOpen ? link.toRoom.shift() : undefined;
    if (!message) return false;
    if (message.kind === 'resync') {
      this.#sendState(link, index);
      return true;
    }
    if (message.sync !== link.sync) return true;
    const { changes, baseRev, clientSeq } = message;
    const content = { kind: 'changes', changes, baseRev } as const;
    const merged = this.room.merge({ ...this.#name(index), clientSeq, editorId: null, content }, 0);
    if (merged.outcome === 'unknown_base') {
      this.outOfStep += 1;
      link.sync += 1;
      link.toClient.push({ kind: 'out_of_step' });
    } else if (merged.outcome === 'refused') throw new Error(merged.reason);
    else if (merged.outcome === 'merged') {
      link.isTold = false;
      for (const [other, { isOpen, isTold, toClient }] of this.links.entries()) {
        if (other === index || !isOpen) continue;
        const seq = isTold ? undefined : this.seq(other);
        (this.links[other] as Link).isTold = true;
        toClient.push({
          kind: 'change',
          changes: writeChanges(merged.change),
          rev: merged.rev,
          clientSeq: seq,
        });
      }
    }
    return true;
  }

  toClient(link: Link): boolean {
    const message = link.isOpen ? link.toClient.shift() : undefined;
    if (!message) return false;
    const { document } = link;
    switch (message.kind) {
      case 'change':
        document.remote(message.changes, message.rev, message.clientSeq);
        return true;
      case 'ack':
        document.acknowledged(message.clientSeq, message.rev);
        return true;
      case 'state':
        expect(document.start(message).uncertain).toBe(null);
        this.send(link);
        return true;
      case 'out_of_step':
        document.disconnected();
        link.toRoom.push({ kind: 'resync' });
        return true;
    }
  }

  send({ document, toRoom, isOpen }: Link): void {
    if (!isOpen) return;
    for (let edit = document.nextToSend(); edit; edit = document.nextToSend()) {
      toRoom.push({ kind: 'edit', ...edit });
      document.sent(edit.clientSeq);
    }
  }

  reload(link: Link, index: number): void {
    const kept = link.document.keep();
    this.disconnect(index);
    link.document = new SharedDocument(kept && JSON.parse(JSON.stringify(kept)));
    if (!kept) this.connect(index);
  }

  settle(link: Link): void {
    const index = this.links.indexOf(link);
    this.send(link);
    for (let isBusy = true; isBusy; ) isBusy = [this.toRoom(link, index), this.toClient(link)].some(Boolean);
  }

  settleAll(): void {
    for (const [index, link] of this.links.entries()) if (!link.isOpen) this.connect(index);
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const [index, link] of this.links.entries()) {
        this.send(link);
        if (this.toRoom(link, index)) isBusy = true;
        if (this.toClient(link)) isBusy = true;
      }
    }
  }
}

function run(seed: number, next: () => number): World {
  const below = (n: number) => Math.floor(next() * n);
  const world = new World(
    seed % 3 === 0 ? 'aaaa aaaa\naaaa\naaaa aaaa aaaa' : 'hello\nworld\n',
    2 + below(3),
  );
  let tokens = 0;
  const deleted = new Set<string>();
  const reloads = seed % 4 === 0;
  for (let step = 0; step < 80; step += 1) {
    const what = next();
    const index = below(world.links.length);
    const link = world.links[index] as Link;
    const { text } = link.document;
    if (what < 0.4) {
      if (seed % 2 === 0 && next() < 0.25) {
        const from = below(text.length + 1);
        const to = Math.min(text.length, from + 6);
        for (const token of text.sliceString(from, to)) deleted.add(token);
        const several = [
          { from, to, insert: 'aa' },
          ...(to < text.length ? [{ from: text.length, insert: 'a' }] : []),
        ];
        link.document.edit(ChangeSet.of(next() < 0.5 ? { from, to } : several, text.length), {});
      } else {
        const token = String.fromCharCode(0xe000 + tokens);
        tokens += 1;
        link.document.edit(ChangeSet.of({ from: below(text.length + 1), insert: token }, text.length), {});
      }
      if (next() < 0.7) world.send(link);
    } else if (what < 0.62) world.toRoom(link, index);
    else if (what < 0.85) world.toClient(link);
    else if (what < 0.91) world.commit();
    else if (what < 0.925) world.hibernate();
    else if (what < 0.94) world.crash();
    else if (what < 0.955 && reloads) world.reload(link, index);
    else if (what < 0.97 && link.isOpen) world.disconnect(index);
    else if (!link.isOpen) world.connect(index);
  }
  world.settleAll();
  world.commit();
  world.settleAll();
  const code = world.room.code;
  for (const { document } of world.links) {
    expect(document.code).toBe(code);
    expect(document.hasPending).toBe(false);
  }
  for (let token = 0; token < tokens; token += 1) {
    const char = String.fromCharCode(0xe000 + token);
    const times = code.split(char).length - 1;
    if (deleted.has(char)) expect(times).toBeLessThanOrEqual(1);
    else expect([char, times]).toEqual([char, 1]);
  }
  return world;
}

/** Numbers from 0 to 1, which a seed decides. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const RUNS = Number(process.env.BACKBEAT_MERGE_RUNS ?? 500);
const FIRST = Number(process.env.BACKBEAT_MERGE_SEED ?? 1);

it('every typed token that was not deleted is there once, on all clients and in the room', () => {
  let outOfStep = 0;
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    try {
      outOfStep += run(seed, random(seed)).outOfStep;
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  expect(outOfStep).toBeGreaterThan(0);
});
