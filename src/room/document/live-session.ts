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
import type { OpenedSession, RecoveryRecord, SessionMessage, SessionRepository } from '../../domain/types.ts';
import { canMoveBehind, difference, moveBehind } from '../../merging/index.ts';
import type { ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import { CommitQueue, type CommitQueueOptions } from './commit-queue.ts';
import { Document, type Edit, type Merged } from './document.ts';
import { Durability } from './durability.ts';
import { FlushControl, type FlushPorts } from './flush-control.ts';
import { MessageHistory, type Messages, type NewMessage } from './message-history.ts';

/** A term is closed when it is nearly used up, and what is on its way still fits. */
const TERM_IS_FULL = 15 / 16;

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
  #isTermFull = false;
  #degraded: { reason: string; since: string } | null = null;

  constructor(
    { id, term, opened }: { id: string; term: number; opened: OpenedSession },
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
    for (const message of opened.messages) this.#history.remember(message);
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
  edit(edit: Edit): Merged {
    const merged = this.#document.merge(edit, this.#ports.clock.now());
    if (merged.outcome === 'duplicate') this.#queue.acknowledgeEditAgain(edit);
    if (merged.outcome === 'merged') {
      this.#queue.addEdit(edit);
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
    return transport;
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
   * Moves a change that was made on an earlier text behind all that was merged since.
   * @param from the text and its revision then.
   */
  moved(change: ChangeSet, from: { text: Text; rev: number }): ChangeSet {
    const since = this.#document.recent.allAfter(from.rev);
    const isShort = since !== null && canMoveBehind(change, since);
    return moveBehind(change, isShort ? since : [{ change: difference(from.text, this.text) }]);
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
  addMessage(connectionId: string, message: NewMessage): SessionMessage | 'duplicate' | 'full' {
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

  /** See {@link CommitQueue.committed}. @throws {SupersededError} */
  committed(): Promise<void> {
    return this.#queue.committed();
  }

  /** Flushes all that was accepted up to now; false when that failed, and then it is left to the alarm. */
  flush(): Promise<boolean> {
    return this.#flushes.flush();
  }

  onAlarm(): Promise<void> {
    return this.#flushes.onAlarm();
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
    // is shown here goes over it.
    this.#document.renumber();
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
