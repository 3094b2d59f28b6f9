/**
 * The group commit: what a room accepts waits here, one commit at a time carries all of it, and the clients
 * that wait are told once a store has confirmed it.
 */
import type { Clock } from '../../domain/clock.ts';
import { CommitsLostError, SupersededError } from '../../domain/errors.ts';
import type { SessionMessage, SessionRepository } from '../../domain/types.ts';
import type { ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import { commitWindow, type Load, type PaceOptions } from './commit-pace.ts';
import type { Document, Edit } from './document.ts';
import type { Durability } from './durability.ts';
import { type Batch, emptyBatch, isEmpty, joinBatches, joinEdits } from './pending.ts';
import type { AcceptedEdit } from './receipts.ts';

/** How old the system's load, as a commit reported it, may be. */
const LOAD_REPORT_MS = 2_000;

export interface CommitQueueOptions extends PaceOptions {
  /**
   * Least pause between two commits while Postgres stands in for the buffer, or nothing answers; in
   * milliseconds.
   */
  fallbackMs: number;
}

export interface CommitQueuePorts {
  repository: Pick<SessionRepository, 'commit'>;
  /** To one connection, if it is still there. */
  send<T extends ServerMessageType>(connectionId: string, type: T, payload: ServerPayload<T>): void;
  /** Sees to it that the session is flushed, whatever becomes of this instance. */
  armAlarm(): Promise<void>;
  /** A commit has had an outcome; the stores' standing may have changed. */
  onOutcome(): void;
  onLoad(sweeperLeaseMs: number): void;
  /** Another room has taken over: nothing that this one says counts any more. */
  onSuperseded(): void;
  log(event: string, detail: string): void;
  clock: Clock;
}

export class CommitQueue {
  readonly #sessionId: string;
  readonly #document: Document;
  readonly #durability: Durability;
  readonly #options: CommitQueueOptions;
  readonly #ports: CommitQueuePorts;
  #pending: Batch = emptyBatch();
  #inFlight: Batch | null = null;
  /** A commit starts at the end of this turn. */
  #isStarting = false;
  #isClosed = false;
  #cancelTimer: (() => void) | null = null;
  /** Least pause before the next commit, in milliseconds, while something is wrong with the buffer. */
  #leastPauseMs = 0;
  /** Least pause before the commit of what is pending, in milliseconds: see {@link CommitQueue.slowDown}. */
  #slowPauseMs = 0;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #load: Load = { dirtySessions: 0, latencyMs: 0 };
  #loadReportedAtMs = Number.NEGATIVE_INFINITY;
  /** How many things were accepted, and how many of them are committed. */
  #accepted = 0;
  #committed = 0;
  #waiters: { accepted: number; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(
    sessionId: string,
    parts: { document: Document; durability: Durability },
    options: CommitQueueOptions,
    ports: CommitQueuePorts,
  ) {
    this.#sessionId = sessionId;
    this.#document = parts.document;
    this.#durability = parts.durability;
    this.#options = options;
    this.#ports = ports;
  }

  get isIdle(): boolean {
    return isEmpty(this.#pending) && this.#inFlight === null;
  }

  /**
   * How long commits take at present, in milliseconds. When the room has too much to do, it is as late with
   * what it reads.
   */
  get latencyMs(): number {
    const inFlightMs = this.#inFlight ? this.#ports.clock.now() - this.#lastStartMs : 0;
    return Math.max(this.#load.latencyMs, inFlightMs);
  }

  /** Messages that wait for a commit. */
  get messages(): readonly SessionMessage[] {
    return [...(this.#inFlight?.messages ?? []), ...this.#pending.messages];
  }

  /** The document has taken this edit. */
  addEdit({ connectionId, clientSeq, requestId }: Edit): void {
    this.#pending.code = this.#document.version((this.#pending.code?.edits ?? 0) + 1);
    const edit = { clientSeq, requestId, rev: this.#document.rev };
    this.#pending.edits.set(connectionId, joinEdits(this.#pending.edits.get(connectionId), edit));
    this.#accepted += 1;
    this.#schedule(true);
  }

  addMessage(connectionId: string, message: SessionMessage): void {
    this.#pending.messages.push(message);
    this.#pending.senders.set(message.id, connectionId);
    this.#accepted += 1;
    this.#schedule(true);
  }

  /** Commits the code as it is, though nobody has changed it. */
  addCode(): void {
    this.#pending.code = this.#document.version(this.#pending.code?.edits ?? 0);
    this.#accepted += 1;
    this.#schedule();
  }

  /** An edit came again: its connection hears of it with the commit that it waits for, or at once. */
  acknowledgeEditAgain(edit: Pick<Edit, 'participantId' | 'connectionId' | 'clientSeq'>): void {
    const { connectionId } = edit;
    for (const batch of [this.#pending, this.#inFlight]) {
      // What waits there is at least as new. The client that has the connection's id then is told.
      if (batch?.edits.has(connectionId)) return;
    }
    // By the client's newest edit, which covers this one.
    this.#sendAck(connectionId, this.#document.newestOf(edit));
  }

  acknowledgeMessageAgain(connectionId: string, messageId: string): void {
    for (const batch of [this.#pending, this.#inFlight]) {
      if (!batch?.senders.has(messageId)) continue;
      batch.senders.set(messageId, connectionId);
      return;
    }
    this.#ports.send(connectionId, 'ack', { message_id: messageId, durable: this.#durability.durable });
  }

  /**
   * Resolves when all that was accepted up to now is committed; in a busy session there is always more to
   * come. While no store answers, that takes as long as they don't.
   * @throws {SupersededError} another room has taken over: it won't be committed here any more.
   */
  async committed(): Promise<void> {
    if (this.#isClosed) throw new SupersededError(this.#sessionId);
    if (this.#committed >= this.#accepted) return;
    const accepted = this.#accepted;
    await new Promise<void>((resolve, reject) => this.#waiters.push({ accepted, resolve, reject }));
  }

  /** What is pending and what comes next may wait so long after the last commit. */
  slowDown(pauseMs: number): void {
    this.#slowPauseMs = pauseMs;
  }

  /** Stops: nothing is committed any more. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiters.splice(0)) reject(new SupersededError(this.#sessionId));
  }

  /** @param isArrival something has just been accepted: a commit that is due goes with it. */
  #schedule(isArrival = false): void {
    if (this.#isStarting || this.#inFlight || this.#isClosed || isEmpty(this.#pending)) return;
    const { clock } = this.#ports;
    const { fromMs, toMs } = commitWindow(this.#load, this.#options);
    const elapsedMs = clock.now() - this.#lastStartMs;
    const leastMs = Math.max(this.#leastPauseMs, this.#slowPauseMs);
    if (isArrival && elapsedMs >= Math.max(fromMs, leastMs)) {
      this.#cancelTimer?.();
      this.#cancelTimer = null;
      this.#isStarting = true;
      // After the edit has been passed on to everybody.
      queueMicrotask(() => {
        this.#isStarting = false;
        void this.#commit();
      });
      return;
    }
    const waitMs = Math.max(toMs, leastMs) - elapsedMs;
    this.#cancelTimer ??= clock.setTimeout(
      () => {
        this.#cancelTimer = null;
        void this.#commit();
      },
      Math.max(0, waitMs),
    );
  }

  async #commit(): Promise<void> {
    if (this.#isClosed || this.#inFlight || isEmpty(this.#pending)) return;
    const batch = this.#pending;
    const accepted = this.#accepted;
    this.#pending = emptyBatch();
    this.#inFlight = batch;
    const { clock, repository } = this.#ports;
    const startMs = clock.now();
    this.#lastStartMs = startMs;
    this.#slowPauseMs = 0;
    const wantsLoad = startMs - this.#loadReportedAtMs >= LOAD_REPORT_MS;
    const commit = this.#durability.prepare(this.#sessionId, batch, wantsLoad);
    try {
      const result = await repository.commit(commit);
      // The alarm first of all: what is committed is flushed by it, whatever becomes of this instance.
      const steps = [this.#ports.armAlarm(), this.#durability.confirmed(commit, result)];
      // Both have come to an end before the next commit, also when one fails.
      for (const step of await Promise.allSettled(steps)) if (step.status === 'rejected') throw step.reason;
      this.#load.latencyMs = clock.now() - startMs;
      if (result.durable === 'buffer' && result.load) this.#learnLoad(result.load);
    } catch (error) {
      this.#inFlight = null;
      this.#pending = joinBatches(batch, this.#pending);
      this.#onFailed(error);
      return;
    }
    this.#inFlight = null;
    this.#acknowledge(batch);
    this.#committed = accepted;
    this.#leastPauseMs = this.#durability.standing.kind === 'on_postgres' ? this.#options.fallbackMs : 0;
    this.#ports.onOutcome();
    this.#schedule();
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.accepted > this.#committed) return true;
      waiter.resolve();
      return false;
    });
  }

  #learnLoad({ sweeperLeaseMs, dirtySessions }: { sweeperLeaseMs: number; dirtySessions: number }): void {
    this.#loadReportedAtMs = this.#ports.clock.now();
    this.#load.dirtySessions = dirtySessions;
    this.#ports.onLoad(sweeperLeaseMs);
  }

  #onFailed(error: unknown): void {
    // The session may be open anew in this instance, which nothing of this one is about.
    if (this.#isClosed) return;
    if (error instanceof SupersededError) {
      this.close();
      this.#ports.onSuperseded();
      return;
    }
    this.#durability.failed(error);
    const isLoss = error instanceof CommitsLostError;
    this.#ports.log(
      isLoss ? 'buffer_lost' : 'commit_failed',
      error instanceof Error ? `${error.name}: ${error.message}` : 'unknown',
    );
    if (!isLoss) this.#leastPauseMs = this.#options.fallbackMs;
    this.#ports.onOutcome();
    this.#schedule();
  }

  #acknowledge(batch: Batch): void {
    for (const [connectionId, edit] of batch.edits) this.#sendAck(connectionId, edit);
    for (const [messageId, connectionId] of batch.senders) {
      this.#ports.send(connectionId, 'ack', { message_id: messageId, durable: this.#durability.durable });
    }
  }

  #sendAck(connectionId: string, { clientSeq, requestId, rev }: AcceptedEdit): void {
    this.#ports.send(connectionId, 'ack', {
      rev,
      ...(clientSeq === undefined ? {} : { client_seq: clientSeq }),
      ...(requestId === undefined ? {} : { request_id: requestId }),
      durable: this.#durability.durable,
    });
  }
}
