/**
 * Rooms' documents and clients' documents under random histories: whatever is typed is there once, on all of
 * them. What is allowed to be missing is named: text that was deleted, text that its author was offered, and
 * the last moments of a tab or of a client that sends whole texts and died. Nothing may ever be there twice.
 */
import { ChangeSet } from '@codemirror/state';
import { expect, it } from 'vitest';
import { randomFrom } from '../../../test/support/random.ts';
import { writeChanges } from '../../merging/index.ts';
import { Document } from '../../room/document/document.ts';
import { type KeptDocument, SharedDocument } from './shared-document.ts';

type ToClient =
  | { kind: 'change'; changes: ReturnType<typeof writeChanges>; rev: number; clientSeq: number | undefined }
  | { kind: 'ack'; clientSeq: number | undefined; rev: number }
  | {
      kind: 'state';
      code: string;
      rev: number;
      sync: number;
      clientSeq: number | null;
      isViewer: boolean;
    }
  | { kind: 'out_of_step' };
type ToRoom = ({ kind: 'edit' } & NonNullable<ReturnType<SharedDocument['nextToSend']>>) | { kind: 'resync' };

interface Link {
  document: SharedDocument;
  toRoom: ToRoom[];
  toClient: ToClient[];
  isOpen: boolean;
  sync: number;
  isTold: boolean;
  isViewer: boolean;
  /** What the tab has kept, and what it has typed since. */
  kept: KeptDocument | null;
  sinceKept: string;
}

/** A client that knows only whole texts, as clients of other servers do. */
class WholeTextWriter {
  readonly name = { participantId: 'whole', connectionId: 'whole' };
  text = '';
  rev = 0;
  /** On its way to it. */
  updates: { code: string | null; rev: number }[] = [];
  typed = '';
  #count = 0;

  /** @returns what the room has to say to others. */
  type(room: Document, token: string, at: number): ReturnType<Document['merge']> {
    this.typed += token;
    this.text = this.text.slice(0, at) + token + this.text.slice(at);
    this.#count += 1;
    const content = { kind: 'whole', code: this.text, baseRev: this.rev } as const;
    const requestId = `w${this.#count}`;
    const merged = room.merge({ ...this.name, requestId, editorId: null, content }, 0);
    if (merged.outcome === 'merged' && !merged.isAsSent) {
      this.hear(room);
    }
    return merged;
  }

  /** The room sends it the text as it is: it goes on from there. */
  sendWhole(room: Document): void {
    room.sentWhole(this.name.connectionId);
    this.hear(room);
  }

  /** Another client has changed the text. */
  hear({ code, rev }: Document): void {
    this.updates.push({ code, rev });
  }

  /** All up to this revision was sent to it, and what it has written is committed. */
  isAcknowledged(rev: number): void {
    this.updates.push({ code: null, rev });
  }

  receive(): boolean {
    const update = this.updates.shift();
    if (!update) return false;
    this.text = update.code ?? this.text;
    this.rev = update.rev;
    return true;
  }
}

/** A receipt so old that a room forgets it, and knows that it has forgotten some. */
const OLD_RECEIPT = { clientSeq: 1, requestIds: [], rev: 0, atMs: -31 * 86_400_000 };

class World {
  room: Document;
  committed: { code: string; rev: number; receipts: ReturnType<Document['receipts']['all']> };
  term = 1;
  outOfStep = 0;
  readonly links: Link[];
  readonly writer: WholeTextWriter | null;
  /** Tokens that may be missing. */
  readonly excused = new Set<string>();
  offers = 0;
  readonly offeredLines: string[] = [];
  #oldReceipts: World['committed']['receipts'] = {};

  constructor(code: string, clients: number, hasWriter: boolean) {
    this.committed = { code, rev: 0, receipts: {} };
    this.room = new Document({ ...this.committed, transport: null }, 1, 0);
    this.links = Array.from({ length: clients }, () => ({
      document: new SharedDocument(null),
      toRoom: [],
      toClient: [],
      isOpen: false,
      sync: 0,
      isTold: true,
      isViewer: false,
      kept: null,
      sinceKept: '',
    }));
    this.writer = hasWriter ? new WholeTextWriter() : null;
    this.#startWriter();
    for (const index of this.links.keys()) this.connect(index);
    for (const link of this.links) this.settle(link);
  }

  #name = (index: number) => ({ participantId: `p${index}`, connectionId: `c${index}` });

  seq(index: number): number | null {
    const { participantId, connectionId } = this.#name(index);
    return this.room.clientSeq(participantId, connectionId);
  }

  excuse(text: string): void {
    for (const char of text) if (isToken(char)) this.excused.add(char);
  }

  #startWriter(): void {
    if (!this.writer) return;
    this.writer.updates = [];
    this.writer.sendWhole(this.room);
    this.writer.receive();
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
    const { sync, isViewer } = link;
    link.toClient.push({ kind: 'state', code, rev, sync, clientSeq: this.seq(index), isViewer });
  }

  setRole(index: number, isViewer: boolean): void {
    const link = this.links[index] as Link;
    link.isViewer = isViewer;
    if (link.isOpen) this.#sendState(link, index);
  }

  /** @param arrived of the messages on their way to the room, how many still get there. */
  disconnect(index: number, arrived = 0): void {
    const link = this.links[index] as Link;
    for (let count = 0; count < arrived; count += 1) this.toRoom(link, index);
    link.isOpen = false;
    Object.assign(link, { toRoom: [], toClient: [] });
    link.document.disconnected();
    this.room.forget(`c${index}`);
  }

  commit(): void {
    const { code, rev } = this.room;
    this.committed = { code, rev, receipts: { ...this.room.receipts.all(), ...this.#oldReceipts } };
    for (const [index, link] of this.links.entries()) {
      if (link.isOpen) link.toClient.push({ kind: 'ack', clientSeq: this.seq(index) || undefined, rev });
    }
    this.writer?.isAcknowledged(rev);
  }

  /** @param forgotten the client whose receipt is lost. */
  #load(forgotten: number | null): void {
    this.term += 1;
    if (forgotten !== null) {
      const ofForgotten = new RegExp(`\\bc${forgotten}\\b`);
      const receipts = Object.entries(this.committed.receipts).filter(([key]) => !ofForgotten.test(key));
      this.#oldReceipts = { old: OLD_RECEIPT };
      this.committed.receipts = { ...Object.fromEntries(receipts), ...this.#oldReceipts };
    }
    this.room = new Document({ ...this.committed, transport: null }, this.term, 0);
  }

  /** Another room takes over, and puts a line in that no client knows. */
  takeOver(line: string): void {
    this.committed = { ...this.committed, code: `${line}\n${this.committed.code}` };
    this.crash(null);
  }

  crash(forgotten: number | null): void {
    this.#load(forgotten);
    for (const index of this.links.keys()) this.disconnect(index);
    for (const token of this.writer?.typed ?? '') if (!this.room.code.includes(token)) this.excuse(token);
    this.#startWriter();
  }

  /** Nothing happens for a while; then the room is gone from memory, and the sockets stay. */
  hibernate(forgotten: number | null): void {
    this.commit();
    while (this.writer?.receive());
    this.#load(forgotten);
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
    if (link.isViewer) {
      this.#setOutOfStep(link);
      return true;
    }
    const { changes, baseRev, clientSeq } = message;
    const content = { kind: 'changes', changes, baseRev } as const;
    const merged = this.room.merge({ ...this.#name(index), clientSeq, editorId: null, content }, 0);
    if (merged.outcome === 'unknown_base') {
      this.outOfStep += 1;
      this.#setOutOfStep(link);
    } else if (merged.outcome === 'refused') throw new Error(merged.reason);
    else if (merged.outcome === 'merged') {
      link.isTold = false;
      this.#broadcast(merged, index);
      this.writer?.hear(this.room);
    } else throw new Error('an edit came twice');
    return true;
  }

  #setOutOfStep(link: Link): void {
    link.sync += 1;
    link.toClient.push({ kind: 'out_of_step' });
  }

  /** @param author index of the client that has the change already; -1 for none. */
  #broadcast({ change, rev }: { change: ChangeSet; rev: number }, author: number): void {
    for (const [other, link] of this.links.entries()) {
      if (other === author || !link.isOpen) continue;
      const clientSeq = link.isTold ? undefined : (this.seq(other) ?? 0);
      link.isTold = true;
      link.toClient.push({ kind: 'change', changes: writeChanges(change), rev, clientSeq });
    }
  }

  write(token: string, at: number): void {
    const merged = this.writer?.type(this.room, token, at);
    if (merged?.outcome !== 'merged') throw new Error(`the whole text was ${merged?.outcome}`);
    this.#broadcast(merged, -1);
  }

  /** An own edit. */
  edit(link: Link, change: ChangeSet): void {
    link.document.edit(change, {});
    change.iterChanges((_fromA, _toA, _fromB, _toB, inserted) => {
      link.sinceKept += inserted.toString();
    });
  }

  keep(link: Link): void {
    const kept = link.document.keep();
    link.kept = kept && JSON.parse(JSON.stringify(kept));
    link.sinceKept = '';
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
      case 'state': {
        const { uncertain } = document.start(message);
        if (uncertain !== null) this.#offered(uncertain);
        if (message.isViewer) this.giveUp(link);
        // Before anything is sent, as the session client does.
        this.keep(link);
        this.send(link);
        return true;
      }
      case 'out_of_step':
        document.disconnected();
        link.toRoom.push({ kind: 'resync' });
        return true;
    }
  }

  #offered(code: string): void {
    this.offers += 1;
    this.offeredLines.push(...code.split('\n'));
    this.excuse(code);
  }

  giveUp({ document }: Link): void {
    const givenUp = document.giveUp();
    if (givenUp) this.#offered(givenUp.code);
  }

  send({ document, toRoom, isOpen }: Link): void {
    if (!isOpen) return;
    for (let edit = document.nextToSend(); edit; edit = document.nextToSend()) {
      toRoom.push({ kind: 'edit', ...edit });
      document.sent(edit.clientSeq);
    }
  }

  /** The page is loaded again, with what was kept last. */
  reload(link: Link, index: number, arrived: number): void {
    this.disconnect(index, arrived);
    this.excuse(link.sinceKept);
    link.sinceKept = '';
    link.document = new SharedDocument(link.kept);
    if (!link.kept) this.connect(index);
  }

  settle(link: Link): void {
    const index = this.links.indexOf(link);
    this.send(link);
    for (let isBusy = true; isBusy; ) isBusy = [this.toRoom(link, index), this.toClient(link)].some(Boolean);
  }

  settleAll(): void {
    for (const [index, link] of this.links.entries()) if (!link.isOpen) this.connect(index);
    for (let isBusy = true; isBusy; ) {
      isBusy = this.writer?.receive() ?? false;
      for (const [index, link] of this.links.entries()) {
        this.send(link);
        if (this.toRoom(link, index)) isBusy = true;
        if (this.toClient(link)) isBusy = true;
      }
    }
  }
}

/** Typed text is of such characters, each of them once. */
const FIRST_TOKEN = 0xe000;
const isToken = (char: string) => char >= String.fromCharCode(FIRST_TOKEN);

/** What a history is of, besides typing, commits, lost connections, and rooms that crash or hibernate. */
function kindsOf(seed: number) {
  return {
    repetitive: seed % 3 === 0,
    deletes: seed % 2 === 0,
    reloads: seed % 4 >= 2,
    forgets: seed % 5 === 0,
    roles: seed % 7 < 2,
    gaveUp: seed % 11 === 0,
    whole: seed % 4 === 1,
  };
}

function run(seed: number, next: () => number): World {
  const below = (n: number) => Math.floor(next() * n);
  const kinds = kindsOf(seed);
  const code = kinds.repetitive ? 'aaaa aaaa\naaaa\naaaa aaaa aaaa' : 'hello\nworld\n';
  const world = new World(code, 2 + below(3), kinds.whole);
  let tokens = 0;
  const token = () => {
    tokens += 1;
    return String.fromCharCode(FIRST_TOKEN + tokens - 1);
  };
  const forgotten = () => (kinds.forgets && next() < 0.5 ? below(world.links.length) : null);
  for (let step = 0; step < 80; step += 1) {
    const what = next();
    const index = below(world.links.length);
    const link = world.links[index] as Link;
    const { text } = link.document;
    if (what < 0.4) {
      if (link.isViewer) continue;
      if (kinds.deletes && next() < 0.25) {
        const from = below(text.length + 1);
        const to = Math.min(text.length, from + 6);
        world.excuse(text.sliceString(from, to));
        const several = [
          { from, to, insert: 'aa' },
          ...(to < text.length ? [{ from: text.length, insert: 'a' }] : []),
        ];
        world.edit(link, ChangeSet.of(next() < 0.5 ? { from, to } : several, text.length));
      } else world.edit(link, ChangeSet.of({ from: below(text.length + 1), insert: token() }, text.length));
      if (next() < 0.7) world.send(link);
    } else if (what < 0.61) world.toRoom(link, index);
    else if (what < 0.82) world.toClient(link);
    else if (what < 0.85) world.keep(link);
    else if (what < 0.91) world.commit();
    else if (what < 0.925) world.hibernate(forgotten());
    else if (what < 0.94) world.crash(forgotten());
    else if (what < 0.955 && kinds.reloads) {
      // A page that is left keeps what there is; one that dies doesn't.
      if (next() < 0.5) world.keep(link);
      world.reload(link, index, below(3));
    } else if (what < 0.97 && link.isOpen) world.disconnect(index, below(3));
    else if (!link.isOpen) world.connect(index);
    else if (kinds.roles && next() < 0.5) world.setRole(index, !link.isViewer);
    else if (kinds.gaveUp) {
      link.document.disconnected();
      world.giveUp(link);
      link.toRoom.push({ kind: 'resync' });
    }
    if (world.writer && next() < 0.1) world.write(token(), below(world.writer.text.length + 1));
    if (world.writer && next() < 0.2) world.writer.receive();
  }
  world.settleAll();
  world.commit();
  world.settleAll();
  for (const { document } of world.links) {
    expect(document.code).toBe(world.room.code);
    expect(document.hasPending).toBe(false);
  }
  if (world.writer) expect(world.writer.text).toBe(world.room.code);
  for (let count = 0; count < tokens; count += 1) {
    const char = String.fromCharCode(FIRST_TOKEN + count);
    const times = world.room.code.split(char).length - 1;
    if (world.excused.has(char)) expect(times).toBeLessThanOrEqual(1);
    else expect([char, times]).toEqual([char, 1]);
  }
  return world;
}

/** Clients that write whole lines, which look alike, and now and then write one in the place of another. */
function runOfLines(seed: number, next: () => number): void {
  const below = (n: number) => Math.floor(next() * n);
  const world = new World('', 2 + below(2), false);
  const [typed, replaced] = [new Set(['']), new Set([''])];
  const newLine = () => {
    const line = `// line ${typed.size} of ${seed}; ${'x'.repeat(below(12))}`;
    typed.add(line);
    return line;
  };
  for (let step = 0; step < 80; step += 1) {
    const what = next();
    const index = below(world.links.length);
    const link = world.links[index] as Link;
    if (what < 0.35) {
      const { text } = link.document;
      const { from, to, number, text: old } = text.line(1 + below(text.lines));
      const isReplaced = number < text.lines && next() < 0.3;
      if (isReplaced) replaced.add(old);
      const change = { from, to: isReplaced ? to + 1 : from, insert: `${newLine()}\n` };
      world.edit(link, ChangeSet.of(change, text.length));
      if (next() < 0.7) world.send(link);
    } else if (what < 0.58) world.toRoom(link, index);
    else if (what < 0.82) world.toClient(link);
    else if (what < 0.87) world.commit();
    else if (what < 0.9) world.hibernate(null);
    else if (what < 0.92) world.crash(null);
    else if (what < 0.94) world.takeOver(newLine());
    else if (what < 0.97 && link.isOpen) world.disconnect(index, below(3));
    else if (!link.isOpen) world.connect(index);
  }
  world.settleAll();
  world.commit();
  world.settleAll();
  const lines = world.room.code.split('\n');
  for (const { document } of world.links) expect(document.code).toBe(world.room.code);
  expect(lines.filter((line) => !typed.has(line))).toEqual([]);
  const count = (line: string) => lines.filter((each) => each === line).length;
  for (const line of typed) {
    if (line === '') continue;
    const mayBeMissing = replaced.has(line) || world.offeredLines.includes(line);
    expect([line, count(line)]).toEqual([line, mayBeMissing && count(line) === 0 ? 0 : 1]);
  }
}

const RUNS = Number(process.env.BACKBEAT_MERGE_RUNS ?? 1_000);
const FIRST = Number(process.env.BACKBEAT_MERGE_SEED ?? 1);

it('every typed token that may not be missing is there once, on all clients and in the room', () => {
  let [outOfStep, offers] = [0, 0];
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    try {
      const world = run(seed, randomFrom(seed));
      outOfStep += world.outOfStep;
      offers += world.offers;
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(kindsOf(seed))}`, { cause: error });
    }
  }
  expect(outOfStep).toBeGreaterThan(0);
  expect(offers).toBeGreaterThan(0);
});

it('lines that were typed whole stay whole', () => {
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    try {
      runOfLines(seed, randomFrom(seed));
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
