/**
 * One live session: the only authority on its code and messages. It knows neither sockets nor a platform:
 * what it needs of them comes in as ports, so that it is tested with neither network nor clock.
 *
 * {@link Document} is the code, {@link MessageHistory} the messages; {@link CommitQueue} makes what they
 * accept durable, {@link Durability} knows where that is safe, and {@link FlushControl} sees to it that it
 * reaches Postgres.
 */
import type { ChangeSet, Text } from '@codemirror/state';
import type { Clock } from '../../domain/clock.ts';
import { type Start, started, type Transport } from '../../domain/transport.ts';
import {
  DEFAULT_DISPLAY_NAME,
  isSaid,
  type OpenedSession,
  type RecoveryRecord,
  type SaidMessage,
  type SessionRepository,
} from '../../domain/types.ts';
import { encodeVersion, packCode, type Version, type VersionCause } from '../../domain/versions.ts';
import { canMoveBehind, moveBehind } from '../../merging/index.ts';
import type { ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import { CommitQueue, type CommitQueueOptions } from './commit-queue.ts';
import { Document, type Edit, type Merged } from './document.ts';
import { Durability } from './durability.ts';
import { FlushControl, type FlushPorts } from './flush-control.ts';
import { MessageHistory, type Messages, type NewMessage } from './message-history.ts';
import { type NewVersion, type VersionAuthor, type VersionNote, Versions } from './versions.ts';

/** A term is closed when it is nearly used up, and what is on its way still fits. */
const TERM_IS_FULL = 15 / 16;
/** No connection has this id, since none may have a colon: nobody waits for a version's acknowledgement. */
const VERSIONS_CONNECTION = 'versions:';
/** Of what may wait for Postgres, versions leave so much to messages, which are refused without room. */
const VERSIONS_SHARE = 1 / 2;

/** Who made an edit, and what kind of edit it is. */
export interface EditOrigin {
  author: VersionAuthor | null;
  cause: Exclude<VersionCause, 'played'>;
}

export interface LiveSessionPorts {
  repository: SessionRepository;
  flush: FlushPorts['flush'];
  setAlarm: FlushPorts['setAlarm'];
  /** To one connection, if it is still there. */
  send<T extends ServerMessageType>(connectionId: string, type: T, payload: ServerPayload<T>): void;
  /** To every connection. */
  broadcast<T extends ServerMessageType>(type: T, payload: ServerPayload<T>): void;
  /** Writes to the room's durable storage. Fails where another instance has taken over. */
  record(record: Omit<RecoveryRecord, 'term'>): Promise<void>;
  /** Writes what the next instance has to know of the versions to the room's durable storage. */
  noteVersions(note: VersionNote): Promise<void>;
  /** A version is committed. */
  onVersion(version: Version): void;
  /** Another room has taken over: nothing that this one says counts any more. */
  onSuperseded(): void;
  /**
   * The term is nearly used up: the session is to be opened anew, once {@link LiveSession.committed}
   * resolves.
   */
  onTermFull(): void;
  /** The old messages can be read now; connections that asked before lack some. */
  onHistory(): void;
  /** Something went wrong that no client can be told about. Never with a client's text in it. */
  log(event: string, detail: string): void;
  clock: Clock;
}

export interface LiveSessionOptions extends CommitQueueOptions {
  /** After how long a dirty session is flushed, in milliseconds. */
  flushMs: number;
  /** Messages kept for history. */
  historySize: number;
  /** From one version of what is typed to the next, in milliseconds. */
  versionIntervalMs: number;
  /** Compresses a version's code; for tests. */
  pack?: typeof packCode;
  /** Share of a term after which it is full; for tests. */
  termIsFullAt?: number;
}

export class LiveSession {
  readonly id: string;
  readonly #options: LiveSessionOptions;
  readonly #ports: LiveSessionPorts;
  readonly #document: Document;
  readonly #history: MessageHistory;
  readonly #durability: Durability;
  readonly #queue: CommitQueue;
  readonly #flushes: FlushControl;
  readonly #versions: Versions;
  /** Versions whose code is being compressed, in their order; null: none is. */
  #packing: Promise<void> | null = null;
  #isTermFull = false;
  #degraded: { reason: string; since: string } | null = null;

  constructor(
    {
      id,
      term,
      opened,
      versionNote,
    }: { id: string; term: number; opened: OpenedSession; versionNote: VersionNote | null },
    options: LiveSessionOptions,
    ports: LiveSessionPorts,
  ) {
    const { repository, clock, log } = ports;
    this.id = id;
    this.#options = options;
    this.#ports = ports;
    const document = new Document(opened.code, term, clock.now());
    const durability = new Durability(opened, document, term, {
      record: (record) => ports.record(record),
      onFlushed: (rev) => this.#onFlushed(rev),
    });
    const queue = new CommitQueue(id, { document, durability }, options, {
      repository,
      send: (connectionId, type, payload) => ports.send(connectionId, type, payload),
      armAlarm: () => this.armAlarm(),
      onOutcome: () => this.#onOutcome(),
      onLoad: (sweeperLeaseMs) => this.#flushes.onLease(sweeperLeaseMs),
      onSuperseded: () => {
        this.close();
        ports.onSuperseded();
      },
      log,
      clock,
    });
    this.#document = document;
    this.#durability = durability;
    this.#queue = queue;
    this.#history = new MessageHistory(
      id,
      term,
      { size: options.historySize, retryMs: options.fallbackMs },
      { repository, onRead: () => ports.onHistory(), log, clock },
    );
    this.#flushes = new FlushControl(id, { queue, durability }, options.flushMs, {
      repository,
      flush: (sessionId) => ports.flush(sessionId),
      setAlarm: (delayMs) => ports.setAlarm(delayMs),
      log,
      clock,
    });
    for (const message of opened.messages.filter(isSaid)) this.#history.remember(message);
    this.#versions = new Versions(versionNote, opened.code.code, options.versionIntervalMs, clock.now());
  }

  get text(): Text {
    return this.#document.text;
  }
  get code(): string {
    return this.#document.code;
  }
  get rev(): number {
    return this.#document.rev;
  }
  /** What plays; null: nothing does. */
  get transport(): Transport | null {
    return this.#document.transport;
  }
  get flushedRev(): number {
    return this.#durability.flushedRev;
  }
  /** See {@link CommitQueue.latencyMs}. */
  get latencyMs(): number {
    return this.#queue.latencyMs;
  }
  /** Where what was committed last is safe. */
  get durable(): 'buffer' | 'postgres' {
    return this.#durability.durable;
  }
  /** What clients are told while storage is in trouble, else null. */
  get degraded(): ServerPayload<'degraded'> | null {
    return this.#degraded;
  }

  /**
   * How many of a client's edits the code contains, by its own count; null when nothing is known of that
   * client.
   */
  clientSeq(participantId: string, connectionId: string): number | null {
    return this.#document.clientSeq(participantId, connectionId);
  }

  /** Merges an edit, and has it committed. One that was merged before is acknowledged again. */
  edit(edit: Edit, { author, cause }: EditOrigin = { author: null, cause: 'typed' }): Merged {
    const before = { text: this.text, rev: this.rev };
    const nowMs = this.#ports.clock.now();
    const merged = this.#document.merge(edit, nowMs);
    if (merged.outcome === 'duplicate') this.#queue.acknowledgeEditAgain(edit);
    if (merged.outcome === 'merged') {
      this.#queue.addEdit(edit);
      const after = { text: this.text, rev: this.rev };
      this.#keep(() => this.#versions.edited(cause, { before, after }, author, nowMs));
      this.#checkTerm();
    }
    return merged;
  }

  /**
   * Starts what a participant has evaluated, for all; what plays already goes on in its cycle.
   * @param code the session's own where the participant doesn't say.
   */
  play(
    {
      code,
      by,
      cps,
      sinceMs,
    }: Pick<Start, 'by' | 'cps'> & { code?: string | undefined; sinceMs?: number | undefined },
    editorId: string | null,
  ): Transport {
    const nowMs = this.#ports.clock.now();
    const start = { code: code ?? this.code, rev: this.rev, by, cps, sinceMs };
    const transport = started(this.transport, start, nowMs);
    this.#setTransport(transport, editorId, nowMs);
    const played = { code: start.code, rev: this.rev };
    this.#keep(() => this.#versions.played(played, this.text, { displayName: by, userId: editorId }, nowMs));
    return transport;
  }

  /**
   * A user has deleted their account. First all that names them is flushed, so that it can be changed in
   * Postgres; then it is forgotten here.
   * @param names that they had in this session.
   * @returns false when it couldn't be flushed: nothing is forgotten then.
   */
  async forgetUser(userId: string, names: readonly string[]): Promise<boolean> {
    const { transport } = this;
    if (transport && names.includes(transport.by)) {
      this.#setTransport({ ...transport, by: DEFAULT_DISPLAY_NAME }, null, this.#ports.clock.now());
    }
    this.#versions.forgetUser(userId);
    await this.committed();
    if (!(await this.flush())) return false;
    this.#history.forgetUser(userId);
    await this.#noteVersions();
    return true;
  }

  /** Stops what plays. */
  stop(editorId: string | null): void {
    if (this.transport) this.#setTransport(null, editorId, this.#ports.clock.now());
  }

  #setTransport(transport: Transport | null, editorId: string | null, nowMs: number): void {
    this.#document.setTransport(transport, editorId, nowMs);
    this.#queue.addCode();
    this.#checkTerm();
  }

  /**
   * What makes the text as it is of one that a connection says it shows; null when it isn't known how that
   * one came to be this one.
   */
  changeSince(text: Text, connectionId: string): ChangeSet | null {
    return this.#document.recent.changeSince(text, connectionId, this.text);
  }

  /**
   * Moves a change that was made on the text at a revision behind all that was merged since.
   * @returns null when that isn't known any more, or is too much.
   */
  moved(change: ChangeSet, rev: number): ChangeSet | null {
    const since = this.#document.recent.allAfter(rev);
    return since && canMoveBehind(change, since) ? moveBehind(change, since) : null;
  }

  /**
   * Says again that a client's edits are committed, unless they wait for that: then it hears of it anyway.
   */
  acknowledgeAgain(participantId: string, connectionId: string): void {
    const clientSeq = this.#document.clientSeq(participantId, connectionId);
    if (clientSeq) this.#queue.acknowledgeEditAgain({ participantId, connectionId, clientSeq });
  }

  /** The connection is sent the text as it is. */
  sentWhole(connectionId: string): void {
    this.#document.sentWhole(connectionId);
  }

  /** A connection is gone: its edits under way aren't waited for any more. */
  forgetConnection(connectionId: string): void {
    this.#document.forget(connectionId);
  }

  /** From this revision to {@link rev} the text is the same. */
  get sameTextSince(): number {
    return this.#document.recent.sameSince;
  }

  /** An earlier instance knew that the text has been as it is since this revision. Before the first edit. */
  knowSameTextSince(rev: number): void {
    this.#document.recent.startFrom(rev);
  }

  /**
   * A position in the text that a connection has (see {@link RecentChanges.unseenBy}), in the text as it is.
   * @returns null when what it has isn't known any more.
   */
  positionNow(connectionId: string, baseRev: number, position: number): number | null {
    const unseen = this.#document.recent.unseenBy(connectionId, baseRev);
    if (!unseen) return null;
    const moved = unseen.reduce((at, { change }) => (at > change.length ? at : change.mapPos(at)), position);
    return Math.min(moved, this.#document.text.length);
  }

  /** True when a message with this id was accepted before. */
  knows(messageId: string): boolean {
    return this.#history.knows(messageId);
  }

  /**
   * Accepts a message, and gives it its time and its place in the order.
   * @returns `duplicate` when its id was accepted before, `full` when too much waits for Postgres already.
   */
  addMessage(connectionId: string, message: NewMessage): SaidMessage | 'duplicate' | 'full' {
    if (this.#history.knows(message.id)) {
      this.#queue.acknowledgeMessageAgain(connectionId, message.id);
      return 'duplicate';
    }
    const accepted = this.#history.place(message);
    if (!this.#durability.hasRoomFor([...this.#queue.messages, accepted])) return 'full';
    this.#history.remember(accepted);
    this.#queue.addMessage(connectionId, accepted);
    this.#checkTerm();
    return accepted;
  }

  /** The newest messages; storage is read once. */
  history(): Promise<Messages> {
    return this.#history.read();
  }

  /** See {@link CommitQueue.slowDown}. */
  slowDown(pauseMs: number): void {
    this.#queue.slowDown(pauseMs);
  }

  /** All edits and messages up to now are committed; versions that they make may follow. @throws as below. */
  editsCommitted(): Promise<void> {
    return this.#queue.committed();
  }

  /** See {@link CommitQueue.committed}. @throws {SupersededError} */
  async committed(): Promise<void> {
    await this.#packing;
    await this.#queue.committed();
  }

  /** Flushes all that was accepted up to now; false when that failed, and then it is left to the alarm. */
  async flush(): Promise<boolean> {
    if (this.#packing) await this.#packing;
    return this.#flushes.flush();
  }

  async onAlarm(): Promise<void> {
    const { clock } = this.#ports;
    this.#keep(() => this.#versions.quiet({ text: this.text, rev: this.rev }, clock.now()));
    if (this.#packing) await this.#packing;
    await this.#flushes.onAlarm();
    const dueInMs = this.#versions.dueInMs(clock.now());
    // By then this instance may be gone, and with it who has changed the text.
    if (dueInMs !== null && (await this.#flushes.armLater(dueInMs))) await this.#noteVersions();
  }

  /** Sees to it that the session is flushed, whatever becomes of this instance. */
  armAlarm(): Promise<void> {
    return this.#flushes.armAlarm();
  }

  /** Stops: nothing is committed any more. */
  close(): void {
    this.#queue.close();
    this.#history.close();
  }

  /** @param decide says which versions are to be kept; not asked where there is no room for any. */
  #keep(decide: () => NewVersion[]): void {
    if (!this.#durability.hasRoomFor(this.#queue.messages, VERSIONS_SHARE)) return;
    for (const version of decide()) {
      const { author, cause, rev, atMs } = version;
      const placed = this.#history.place({
        id: crypto.randomUUID(),
        type: 'version' as const,
        role: 'user' as const,
        userId: author?.userId ?? null,
        displayName: author?.displayName ?? '',
        avatarUrl: null,
        content: '',
        isActionable: false,
        isCodeResponse: false,
        strudelId: null,
      });
      // Placed now, and committed when it is compressed: a flush, and the term's end, wait for that.
      const packing: Promise<void> = Promise.resolve(this.#packing)
        .then(() => (this.#options.pack ?? packCode)(version.code))
        .then((code) => {
          const content = encodeVersion({ rev, cause, code });
          this.#queue.addMessage(VERSIONS_CONNECTION, { ...placed, createdAtMs: atMs, content });
          const { userId, displayName } = author ?? { userId: null, displayName: null };
          void this.#announce({
            number: placed.position,
            rev,
            cause,
            displayName,
            userId,
            createdAtMs: atMs,
          });
        })
        .catch((error: unknown) => {
          this.#ports.log('version_failed', error instanceof Error ? error.message : 'unknown');
        })
        .then(() => {
          if (this.#packing === packing) this.#packing = null;
        });
      this.#packing = packing;
    }
  }

  /** Once it is committed, a reader finds it; and only then the next instance may take it for made. */
  async #announce(version: Version): Promise<void> {
    try {
      await this.#queue.committed();
    } catch {
      // Another room has taken over, and says what there is.
      return;
    }
    this.#ports.onVersion(version);
    await this.#noteVersions();
  }

  async #noteVersions(): Promise<void> {
    try {
      await this.#ports.noteVersions(this.#versions.note);
    } catch (error) {
      // The next instance makes a version of what this one has made one of: no more than that.
      this.#ports.log('version_note_failed', error instanceof Error ? error.message : 'unknown');
    }
  }

  #checkTerm(): void {
    const use = Math.max(this.#document.termUse, this.#history.termUse, this.#durability.termUse);
    if (this.#isTermFull || use < (this.#options.termIsFullAt ?? TERM_IS_FULL)) return;
    this.#isTermFull = true;
    this.#ports.onTermFull();
  }

  #onFlushed(rev: number): void {
    this.#ports.broadcast('flushed', { rev });
    if (rev <= this.#document.rev) return;
    // An instance that was replaced wrote this late, when Postgres stood in; it was never acknowledged. What
    // is shown here goes over it. Or a number in the buffer was damaged, and got there.
    this.#document.renumber(rev);
    this.#queue.addCode();
  }

  #onOutcome(): void {
    const { standing } = this.#durability;
    if (standing.kind === 'unavailable') this.#setDegraded('storage_unavailable');
    else if (standing.kind === 'on_postgres' && standing.isStandIn) this.#setDegraded('buffer_unavailable');
    else this.#setDegraded(null);
  }

  #setDegraded(reason: 'buffer_unavailable' | 'storage_unavailable' | null): void {
    if (reason === (this.#degraded?.reason ?? null)) return;
    if (reason === null) {
      if (this.#degraded) this.#ports.broadcast('degraded', { ...this.#degraded, recovered: true });
      this.#degraded = null;
      return;
    }
    const since = this.#degraded?.since ?? new Date(this.#ports.clock.now()).toISOString();
    this.#degraded = { reason, since };
    this.#ports.broadcast('degraded', this.#degraded);
  }
}
