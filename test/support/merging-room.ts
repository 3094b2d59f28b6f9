/**
 * A room and its clients in memory, for tests of the editor: they merge as the real ones do, without storage,
 * crashes and reconnects. It runs in Node and in a page.
 */
import { ChangeSet, type ChangeSpec, Text } from '@codemirror/state';
import type {
  CollaborativeDocument,
  EditOrigin,
  PeerSelection,
  RemoteChange,
  TakeBack,
} from '../../src/client/editor/index.ts';
import { movePeers } from '../../src/client/editor/index.ts';

/** One direction of a connection: runs what it is given later, in order. */
export type Channel = (deliver: () => void) => void;

/** Connections whose messages wait until a test lets them through. */
export class HeldNetwork {
  readonly #queues: (() => void)[][] = [];

  readonly channel = (): Channel => {
    const queue: (() => void)[] = [];
    this.#queues.push(queue);
    return (deliver) => queue.push(deliver);
  };

  /** Lets the oldest message of one direction through. @param pick chooses one of so many. */
  deliverOne(pick: (count: number) => number): void {
    const busy = this.#queues.filter((queue) => queue.length > 0);
    busy[pick(busy.length)]?.shift()?.();
  }

  deliverAll(): void {
    while (this.#queues.some((queue) => queue.length > 0)) this.deliverOne(() => 0);
  }
}

type Answer = (outcome: 'done' | 'already') => void;

interface Sent {
  rev: number;
  changes: ChangeSet;
}

interface Seat {
  document: RoomDocument;
  selection: PeerSelection;
  down: Channel;
  /** What the client hadn't seen when it sent its newest edit. */
  unseen: Sent[];
  accepted: number;
}

export class MergingRoom {
  text: Text;
  #rev = 0;
  readonly #seats = new Map<string, Seat>();
  /** By seat. */
  readonly #participants = new Map<string, string>();
  /** By revision: how often its change was taken back and made again. */
  readonly #turns = new Map<number, number>();

  /** @param channel makes each direction of each connection. */
  constructor(
    code: string,
    private readonly channel: () => Channel,
  ) {
    this.text = Text.of(code.split('\n'));
  }

  /** @param participant whose page it is: one may have several. */
  join(name: string, participant = name.toLowerCase()): RoomDocument {
    const id = name.toLowerCase();
    this.#participants.set(id, participant);
    const selection = { id, name, color: this.#seats.size, anchor: 0, head: 0 };
    const document = new RoomDocument(this, selection, this.text, this.#rev, this.channel());
    document.peers = [...this.#seats.values()].map((seat) => seat.selection);
    this.#seats.set(id, { document, selection, down: this.channel(), unseen: [], accepted: 0 });
    this.#tellSelection(selection);
    return document;
  }

  /** A change by the room itself: an answer of the AI, say. */
  change(spec: ChangeSpec, source: string, requester: string): void {
    const changes = ChangeSet.of(spec, this.text.length);
    const author = this.#seat(requester.toLowerCase()).selection;
    for (const seat of this.#accept(changes, author, source)) this.#tell(seat, changes, author, source);
  }

  /** As the room does it: each turn once. */
  takeBack(id: string, baseRev: number, { changes, rev, turn, isStep }: TakeBack, answer: Answer): void {
    const requester = this.#seat(id);
    if (turn <= (this.#turns.get(rev) ?? 0)) {
      requester.down(() => answer('already'));
      return;
    }
    this.#turns.set(rev, turn);
    requester.unseen = requester.unseen.filter((sent) => sent.rev > baseRev);
    const moved = requester.unseen.reduce((change, sent) => change.map(sent.changes), changes);
    for (const seat of this.#accept(moved, requester.selection, 'taken_back')) {
      const more = { takesBack: { rev, turn }, isOwnRequest: seat === requester && isStep };
      this.#tell(seat, moved, requester.selection, 'taken_back', more);
    }
    requester.down(() => answer('done'));
  }

  edit(id: string, baseRev: number, seq: number, changes: ChangeSet, source: string): void {
    const sender = this.#seat(id);
    const rebased = this.#rebase(sender, baseRev, changes);
    sender.accepted = seq;
    for (const seat of this.#accept(rebased, sender.selection, source)) {
      if (seat !== sender) this.#tell(seat, rebased, sender.selection, source);
    }
    const rev = this.#rev;
    sender.down(() => sender.document.acknowledged(seq, rev));
  }

  select(id: string, baseRev: number, anchor: number, head: number): void {
    const seat = this.#seat(id);
    seat.unseen = seat.unseen.filter(({ rev }) => rev > baseRev);
    const map = (at: number) => seat.unseen.reduce((to, { changes }) => changes.mapPos(to, -1), at);
    seat.selection = { ...seat.selection, anchor: map(anchor), head: map(head) };
    this.#tellSelection(seat.selection);
  }

  #rebase(sender: Seat, baseRev: number, changes: ChangeSet): ChangeSet {
    sender.unseen = sender.unseen.filter(({ rev }) => rev > baseRev);
    let rebased = changes;
    for (const other of sender.unseen) {
      const mapped = rebased.map(other.changes, false);
      other.changes = other.changes.map(rebased, true);
      rebased = mapped;
    }
    return rebased;
  }

  #accept(changes: ChangeSet, author: PeerSelection, source: string): Seat[] {
    this.text = changes.apply(this.text);
    this.#rev += 1;
    for (const seat of this.#seats.values()) {
      [seat.selection = seat.selection] = movePeers([seat.selection], changes, {
        authorId: author.id,
        source,
      });
    }
    return [...this.#seats.values()];
  }

  #tell(
    seat: Seat,
    changes: ChangeSet,
    author: PeerSelection,
    source: string,
    more: Partial<RemoteChange> = {},
  ): void {
    const { accepted, document } = seat;
    const rev = this.#rev;
    seat.unseen.push({ rev, changes });
    const participant = this.#participants.get(author.id);
    const isOwnRequest = participant === this.#participants.get(seat.selection.id);
    const by = { id: author.id, name: author.name };
    const change = { changes, author: by, source, rev, isOwnRequest, ...more };
    seat.down(() => document.receive(rev, accepted, change));
  }

  #tellSelection(selection: PeerSelection): void {
    for (const { document, down } of this.#seats.values()) {
      if (document.id !== selection.id) down(() => document.peerMoved(selection));
    }
  }

  #seat(id: string): Seat {
    const seat = this.#seats.get(id);
    if (!seat) throw new Error(`${id} isn't in the room`);
    return seat;
  }
}

/** A client's half: its edits show at once, and are rebased over what the room had before them. */
export class RoomDocument implements CollaborativeDocument {
  peers: readonly PeerSelection[] = [];
  readonly #changeListeners = new Set<(change: RemoteChange) => void>();
  readonly #selectionListeners = new Set<(peers: readonly PeerSelection[]) => void>();
  #pending: { seq: number; changes: ChangeSet }[] = [];
  #seq = 0;

  constructor(
    private readonly room: MergingRoom,
    private readonly self: PeerSelection,
    public text: Text,
    private rev: number,
    private readonly up: Channel,
  ) {}

  get id(): string {
    return this.self.id;
  }

  edit(changes: ChangeSet, { source }: EditOrigin): void {
    this.text = changes.apply(this.text);
    this.peers = movePeers(this.peers, changes);
    this.#seq += 1;
    const [seq, baseRev] = [this.#seq, this.rev];
    this.#pending.push({ seq, changes });
    this.up(() => this.room.edit(this.id, baseRev, seq, changes, source));
  }

  takeBack(request: TakeBack | null): Promise<'done' | 'already'> {
    if (!request) return Promise.resolve('already');
    const baseRev = this.rev;
    return new Promise((answer) => {
      this.up(() => this.room.takeBack(this.id, baseRev, request, answer));
    });
  }

  select(anchor: number, head: number): void {
    const baseRev = this.rev;
    this.up(() => this.room.select(this.id, baseRev, anchor, head));
  }

  onChange(listener: (change: RemoteChange) => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  onSelections(listener: (peers: readonly PeerSelection[]) => void): () => void {
    this.#selectionListeners.add(listener);
    return () => this.#selectionListeners.delete(listener);
  }

  receive(rev: number, accepted: number, change: RemoteChange): void {
    this.acknowledged(accepted, rev);
    let { changes } = change;
    for (const edit of this.#pending) {
      const mapped = changes.map(edit.changes, true);
      edit.changes = edit.changes.map(changes, false);
      changes = mapped;
    }
    this.text = changes.apply(this.text);
    this.peers = movePeers(this.peers, changes, { authorId: change.author?.id, source: change.source });
    for (const listener of this.#changeListeners) listener({ ...change, changes });
  }

  acknowledged(seq: number, rev: number): void {
    this.#pending = this.#pending.filter((edit) => edit.seq > seq);
    this.rev = rev;
  }

  peerMoved(selection: PeerSelection): void {
    const map = (at: number) => this.#pending.reduce((to, { changes }) => changes.mapPos(to, -1), at);
    const moved = { ...selection, anchor: map(selection.anchor), head: map(selection.head) };
    const isKnown = this.peers.some(({ id }) => id === moved.id);
    this.peers = isKnown
      ? this.peers.map((peer) => (peer.id === moved.id ? moved : peer))
      : [...this.peers, moved];
    for (const listener of this.#selectionListeners) listener(this.peers);
  }
}
