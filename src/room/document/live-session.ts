/**
 * One live session: the only authority on its code and revision, and the group commit that makes what it accepts
 * durable. It knows neither sockets nor PartyKit: what it needs of them comes in as ports, so that it can be tested
 * with neither network nor clock.
 */

import { CommitsLostError, StorageUnavailableError, SupersededError } from '../../domain/errors.ts';
import { mergeMessages } from '../../domain/merge-messages.ts';
import type {
  CommitResult,
  FlushState,
  Home,
  OpenedSession,
  SessionMessage,
  SessionRepository,
} from '../../domain/types.ts';
import type { ServerMessageType, ServerPayload } from '../../protocol/index.ts';
import { commitWindow, type Load, type PaceOptions } from './commit-pace.ts';
import { type Batch, emptyBatch, isEmpty, joinBatches, Receipts } from './pending.ts';

export interface LiveSessionPorts {
  repository: SessionRepository;
  /** Asks the Worker to flush the session. */
  flush(sessionId: string): Promise<Pick<FlushState, 'flushedRev' | 'isDirty' | 'lastCommit'>>;
  /** To one connection, if it is still there. */
  send<T extends ServerMessageType>(connectionId: string, type: T, payload: ServerPayload<T>): void;
  /** To every connection. */
  broadcast<T extends ServerMessageType>(type: T, payload: ServerPayload<T>): void;
  /**
   * Notes in the room's durable storage where the session can be found after this instance is gone, and which commit the buffer confirmed last.
   * Fails where another instance has taken over.
   */
  noteHome(home: Home, lastCommit: number): Promise<void>;
  /** Wakes the room after this time, whatever becomes of this instance. */
  armAlarm(delayMs: number): Promise<void>;
  /** Another room has taken over: nothing this one says counts any more. */
  onSuperseded(): void;
  /** The old messages can be read now; whoever asked before lacks some. */
  onHistory(): void;
  /** Something went wrong that no client can be told about. Never with anybody's text in it. */
  log(event: string, detail: string): void;
  clock: Clock;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Returns what calls it off. */
  setTimeout(task: () => void, delayMs: number): () => void;
}

export interface LiveSessionOptions extends PaceOptions {
  /** Least pause between two commits while Postgres stands in for the buffer, or nothing answers; in milliseconds. */
  fallbackMs: number;
  /** After how long a dirty session is flushed, in milliseconds. */
  flushMs: number;
  /** Messages kept for history; also the bound of what waits uncommitted. */
  historySize: number;
}

/** The newest messages, oldest first; not `isWhole` while storage can't be asked for the old ones. */
export interface MessageHistory {
  messages: readonly SessionMessage[];
  isWhole: boolean;
}

export interface Edit {
  connectionId: string;
  requestId: string | undefined;
  code: string;
  editorId: string | null;
}

/** Messages that may wait for a commit while no store answers; beyond it new ones are refused rather than promised. */
const MAX_PENDING_MESSAGES = 1_000;
/** Ids kept to tell a resend by; storage tells older ones. */
const MAX_KNOWN_IDS = 5_000;
/** Messages kept until they are known to be in Postgres, in case the buffer loses everything. */
const MAX_UNFLUSHED_MESSAGES = 1_000;

/** False when storage is ahead of the batch's revision. */
function isCodeTaken({ code }: Batch, { rev }: CommitResult): boolean {
  return code === null || rev <= code.rev;
}

export class LiveSession {
  readonly id: string;
  readonly #ports: LiveSessionPorts;
  readonly #options: LiveSessionOptions;
  readonly #epoch: number;
  readonly #receipts: Receipts;

  #code: string;
  #rev: number;
  #editedAtMs: number;
  #editorId: string | null = null;
  #flushedRev: number;

  #pending: Batch = emptyBatch();
  #inFlight: Batch | null = null;
  /** A commit starts at the end of this turn. */
  #isStarting = false;
  #cancelTimer: (() => void) | null = null;
  /** Least pause before the next commit, in milliseconds, while something is wrong with the buffer. */
  #leastPauseMs = 0;
  #lastStartMs = Number.NEGATIVE_INFINITY;
  #load: Load = { dirtySessions: 0, latencyMs: 0 };
  /** Revision at the start of the last commit but one: receipts before it have been acknowledged. */
  #receiptsSince: [beforeLast: number, last: number];
  /** The code that the buffer confirmed last: it may be sent what has changed since. */
  #inBuffer: { rev: number; code: string } | null = null;
  /** True while the newest code may be in Postgres only: the next commit carries it, whatever else it is for. */
  #codeMissingInBuffer = false;
  #isClosed = false;
  /** Commits made by this instance. */
  #commits = 0;
  /** Number of the last attempt at a commit. A later one's is greater, so that it tells which of them the buffer has. */
  #number: number;
  /** Number of the last commit that the buffer confirmed. */
  #lastInBuffer: number;
  /** The buffer has lost what it had, and hasn't confirmed any of it again. */
  #isBufferLost = false;
  /** How many things were given to commits to come, and how many of them are committed. */
  #given = 0;
  #committed = 0;
  #waiters: { given: number; resolve: () => void; reject: (error: Error) => void }[] = [];

  #home: Home | null;
  #isDirty: boolean;
  #isAlarmArmed = false;
  #lastLease = { reportedAtMs: Number.NEGATIVE_INFINITY, leftMs: 0 };
  #flushing: Promise<boolean> | null = null;
  #nextFlush: Promise<boolean> | null = null;
  #degraded: { reason: string; since: string } | null = null;

  /** Messages not known to be in Postgres. */
  readonly #unflushed = new Map<string, SessionMessage>();
  /** Ids of all messages this instance knows of. */
  readonly #known = new Set<string>();
  #recent: SessionMessage[] = [];
  /** Whether storage could be read; null: it is to be asked. */
  #history: Promise<boolean> | null = null;
  #cancelHistory: (() => void) | null = null;
  #lastMessageMs: number;

  constructor(opened: OpenedSession, options: LiveSessionOptions, ports: LiveSessionPorts) {
    this.id = opened.session.id;
    this.#ports = ports;
    this.#options = options;
    this.#epoch = opened.epoch;
    this.#receipts = new Receipts(opened.receipts);
    this.#code = opened.session.code;
    this.#rev = opened.session.rev;
    this.#editedAtMs = ports.clock.now();
    this.#receiptsSince = [this.#rev, this.#rev];
    this.#flushedRev = opened.flushedRev;
    this.#isDirty = opened.isDirty;
    this.#lastMessageMs = opened.lastMessageMs;
    this.#lastInBuffer = opened.lastCommit;
    this.#number = Math.max(opened.epoch, opened.lastCommit);
    this.#home = opened.home;
    this.#codeMissingInBuffer = opened.home === 'postgres' || opened.home === 'both';
    for (const message of opened.messages) this.#remember(message);
    if (opened.isDirty) for (const message of opened.messages) this.#unflushed.set(message.id, message);
  }

  get code(): string {
    return this.#code;
  }
  get rev(): number {
    return this.#rev;
  }
  get flushedRev(): number {
    return this.#flushedRev;
  }
  /** How long commits take at present, in milliseconds. When the room has too much to do, it is as late with what it reads. */
  get latencyMs(): number {
    const inFlightMs = this.#inFlight ? this.#ports.clock.now() - this.#lastStartMs : 0;
    return Math.max(this.#load.latencyMs, inFlightMs);
  }
  /** Where what was committed last is safe. */
  get durable(): 'buffer' | 'postgres' {
    return this.#codeMissingInBuffer ? 'postgres' : 'buffer';
  }
  /** What clients are told while storage is in trouble, else null. */
  get degraded(): ServerPayload<'degraded'> | null {
    return this.#degraded;
  }

  /** Accepts an edit; null when it was accepted before (a resend), which has no second effect. */
  edit(edit: Edit): { rev: number } | null {
    const { connectionId, requestId } = edit;
    const receipt = requestId === undefined ? undefined : this.#receipts.find(connectionId, requestId);
    if (receipt && requestId !== undefined) {
      this.#acknowledgeAgain(connectionId, requestId, receipt.rev);
      return null;
    }
    this.#rev += 1;
    this.#code = edit.code;
    this.#editorId = edit.editorId;
    this.#editedAtMs = this.#ports.clock.now();
    if (requestId !== undefined) this.#receipts.add(connectionId, { requestId, rev: this.#rev });
    this.#pending.code = this.#codeNow((this.#pending.code?.edits ?? 0) + 1);
    this.#pending.edits.set(connectionId, { rev: this.#rev, requestId });
    this.#given += 1;
    this.#schedule(true);
    return { rev: this.#rev };
  }

  /** True when a message with this id was accepted before. */
  knows(messageId: string): boolean {
    return this.#known.has(messageId);
  }

  /**
   * Accepts a message; its time is set here, after every earlier one's.
   * `duplicate` when its id was accepted before, `full` when too much waits for storage that doesn't answer.
   */
  addMessage(
    connectionId: string,
    message: Omit<SessionMessage, 'createdAtMs' | 'epoch'>,
  ): SessionMessage | 'duplicate' | 'full' {
    if (this.#known.has(message.id)) {
      const waiting = this.#pending.senders.has(message.id) ? this.#pending : this.#inFlight;
      if (waiting?.senders.has(message.id)) waiting.senders.set(message.id, connectionId);
      else this.#ports.send(connectionId, 'ack', { message_id: message.id, durable: this.durable });
      return 'duplicate';
    }
    if (this.#pending.messages.length >= MAX_PENDING_MESSAGES) return 'full';
    this.#lastMessageMs = Math.max(this.#lastMessageMs + 1, this.#ports.clock.now());
    const accepted: SessionMessage = {
      ...message,
      createdAtMs: this.#lastMessageMs,
      epoch: this.#epoch,
    };
    this.#remember(accepted);
    this.#pending.messages.push(accepted);
    this.#pending.senders.set(accepted.id, connectionId);
    this.#given += 1;
    this.#schedule(true);
    return accepted;
  }

  /** Storage is read once; what comes later is kept along. Entering a session doesn't depend on its old messages: they follow. */
  async history(): Promise<MessageHistory> {
    this.#history ??= this.#readHistory();
    const isWhole = await this.#history;
    return { messages: this.#recent, isWhole };
  }

  /**
   * Resolves when all that was accepted up to now is committed; in a busy session there is always more to come. While
   * no store answers, that takes as long as they don't.
   * @throws {SupersededError} another room has taken over: it won't be committed here any more.
   */
  async committed(): Promise<void> {
    if (this.#isClosed) throw new SupersededError(this.id);
    if (this.#committed >= this.#given) return;
    const given = this.#given;
    await new Promise<void>((resolve, reject) => this.#waiters.push({ given, resolve, reject }));
  }

  /** Flushes all that was accepted up to now; false when that failed, and then it is left to the alarm. */
  flush(): Promise<boolean> {
    if (!this.#mayBeDirty()) return Promise.resolve(true);
    if (this.#flushing) {
      // It may have begun before the last commit. Whoever comes meanwhile shares the one after it.
      this.#nextFlush ??= this.#flushing.then(() => {
        this.#nextFlush = null;
        return this.flush();
      });
      return this.#nextFlush;
    }
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /**
   * The alarm: flushes a dirty session, unless a sweeper is at work. Arms itself again while anything is dirty.
   */
  async onAlarm(): Promise<void> {
    this.#isAlarmArmed = false;
    if (this.#degraded) {
      // A room in which nobody types has to find out by itself that storage is back.
      this.#pending.code ??= this.#codeNow(0);
      this.#given += 1;
      this.#schedule();
      await this.armAlarm();
      return;
    }
    if (!this.#mayBeDirty()) return;
    const heard = this.#ports.clock.now() - this.#lastLease.reportedAtMs;
    const isSwept = heard < this.#options.flushMs && heard < this.#lastLease.leftMs;
    // A commit said so a moment ago; no need to ask.
    if (!isSwept && !(await this.#askWhetherSwept())) await this.flush();
    if (this.#mayBeDirty()) await this.armAlarm();
  }

  /** Sees to it that the session is flushed, whatever becomes of this instance. */
  async armAlarm(): Promise<void> {
    if (this.#isAlarmArmed) return;
    this.#isAlarmArmed = true;
    try {
      await this.#ports.armAlarm(this.#options.flushMs);
    } catch (error) {
      this.#isAlarmArmed = false;
      throw error;
    }
  }

  /** Stops: nothing is committed any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelHistory?.();
    for (const { reject } of this.#waiters.splice(0)) reject(new SupersededError(this.id));
  }

  #mayBeDirty(): boolean {
    return this.#isDirty || !isEmpty(this.#pending) || this.#inFlight !== null;
  }

  #codeNow(edits: number) {
    return {
      code: this.#code,
      rev: this.#rev,
      editedAtMs: this.#editedAtMs,
      editorId: this.#editorId,
      edits,
    };
  }

  #acknowledgeAgain(connectionId: string, requestId: string, rev: number): void {
    for (const batch of [this.#pending, this.#inFlight]) {
      const waiting = batch?.edits.get(connectionId);
      // Not committed yet: its acknowledgement comes with the commit, to whoever has the connection's id then.
      if (waiting && waiting.rev >= rev) return;
    }
    this.#ports.send(connectionId, 'ack', { rev, request_id: requestId, durable: this.durable });
  }

  #remember(message: SessionMessage): void {
    this.#known.add(message.id);
    if (this.#known.size > MAX_KNOWN_IDS)
      for (const oldest of [...this.#known].slice(0, 1_000)) this.#known.delete(oldest);
    this.#lastMessageMs = Math.max(this.#lastMessageMs, message.createdAtMs);
    this.#recent = mergeMessages(this.#recent, [message], { limit: this.#options.historySize });
  }

  async #readHistory(): Promise<boolean> {
    const { repository, log, clock, onHistory } = this.#ports;
    try {
      const stored = await repository.getMessages(this.id, { limit: this.#options.historySize });
      for (const message of stored) this.#remember(message);
      return true;
    } catch (error) {
      this.#history = null;
      if (!(error instanceof StorageUnavailableError)) throw error;
      log('history_unavailable', error.message);
      if (this.#isClosed) return false;
      this.#cancelHistory ??= clock.setTimeout(() => {
        this.#cancelHistory = null;
        this.history().then(
          ({ isWhole }) => isWhole && onHistory(),
          (failure: unknown) => log('history_failed', failure instanceof Error ? failure.message : 'unknown'),
        );
      }, this.#options.fallbackMs);
      return false;
    }
  }

  /** @param isArrival something has just been accepted: a commit that is due goes with it. */
  #schedule(isArrival = false): void {
    if (this.#isStarting || this.#inFlight || this.#isClosed || isEmpty(this.#pending)) return;
    const { clock } = this.#ports;
    const { fromMs, toMs } = commitWindow(this.#load, this.#options);
    const elapsedMs = clock.now() - this.#lastStartMs;
    if (isArrival && elapsedMs >= Math.max(fromMs, this.#leastPauseMs)) {
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
    const waitMs = Math.max(toMs, this.#leastPauseMs) - elapsedMs;
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
    const given = this.#given;
    this.#pending = emptyBatch();
    this.#inFlight = batch;
    if (this.#codeMissingInBuffer) batch.code ??= this.#codeNow(0);
    const { clock, repository } = this.#ports;
    const startMs = clock.now();
    this.#lastStartMs = startMs;
    this.#number += 1;

    let result: CommitResult;
    try {
      result = await repository.commit({
        sessionId: this.id,
        epoch: this.#epoch,
        code: batch.code && { ...batch.code, base: this.#inBuffer },
        messages: batch.messages,
        lastMessageMs: this.#lastMessageMs,
        number: this.#number,
        after: this.#neededCommit(),
        receipts: this.#receipts.forCommit(batch.edits.keys(), this.#receiptsSince[0]),
        flushedRev: this.#flushedRev,
      });
      await this.#noteCommitted(batch, result);
    } catch (error) {
      this.#inFlight = null;
      this.#pending = joinBatches(batch, this.#pending);
      this.#onCommitFailed(error);
      return;
    }

    this.#load = { dirtySessions: result.dirtySessions, latencyMs: clock.now() - startMs };
    this.#inFlight = null;
    if (!isCodeTaken(batch, result)) {
      // Storage is ahead, so this revision was not taken: go on from there, and only then acknowledge. The edits keep
      // the revisions they were broadcast under, which is the order clients go by.
      this.#rev = Math.max(this.#rev, result.rev + 1);
      this.#pending = joinBatches(batch, this.#pending);
      this.#pending.code = this.#codeNow(this.#pending.code?.edits ?? 0);
    } else {
      this.#receiptsSince = [this.#receiptsSince[1], batch.code?.rev ?? this.#rev];
      if (batch.code && result.durable === 'buffer')
        this.#inBuffer = { rev: batch.code.rev, code: batch.code.code };
      this.#acknowledge(batch, result.durable);
      this.#committed = given;
    }
    this.#commits += 1;
    // Postgres standing in knows nothing of what the buffer still holds.
    const isDirty = result.durable === 'buffer' ? result.isDirty : this.#isInBufferOnly(batch);
    this.#learn({ ...result, isDirty }, this.#commits);
    this.#leastPauseMs = result.durable === 'postgres' ? this.#options.fallbackMs : 0;
    this.#schedule();
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.given > this.#committed) return true;
      waiter.resolve();
      return false;
    });
  }

  /** After a commit, before its acknowledgement: what has to be known even if this instance is gone the next moment. */
  async #noteCommitted(batch: Batch, result: CommitResult): Promise<void> {
    const isBuffered = result.durable === 'buffer';
    if (isBuffered) {
      for (const message of batch.messages) this.#unflushed.set(message.id, message);
      for (const id of this.#unflushed.keys()) {
        if (this.#unflushed.size <= MAX_UNFLUSHED_MESSAGES) break;
        this.#unflushed.delete(id);
      }
    } else {
      for (const message of batch.messages) this.#unflushed.delete(message.id);
    }
    // Where the buffer has other code under as great a revision, it took none of this: what was only in Postgres still is.
    if (!isBuffered || isCodeTaken(batch, result)) this.#codeMissingInBuffer = !isBuffered;
    if (isBuffered) {
      this.#lastInBuffer = result.lastCommit;
      this.#number = Math.max(this.#number, result.lastCommit);
      this.#isBufferLost = false;
    }
    const isSpread = isBuffered
      ? this.#codeMissingInBuffer
      : this.#home !== 'postgres' && this.#isInBufferOnly(batch);
    await Promise.all([this.#noteHome(isSpread ? 'both' : result.durable), this.armAlarm()]);
  }

  /** Whether Postgres, having taken this batch in the buffer's stead, may lack something that the buffer has: a batch of messages brings no code. */
  #isInBufferOnly(batch: Batch): boolean {
    return this.#unflushed.size > 0 || (batch.code === null && this.#rev > this.#flushedRev);
  }

  #onCommitFailed(error: unknown): void {
    if (error instanceof SupersededError) {
      this.close();
      this.#ports.onSuperseded();
      return;
    }
    if (error instanceof CommitsLostError) {
      this.#commitAgain();
      this.#schedule();
      return;
    }
    this.#setDegraded('storage_unavailable');
    this.#ports.log('commit_failed', error instanceof Error ? `${error.name}: ${error.message}` : 'unknown');
    this.#leastPauseMs = this.#options.fallbackMs;
    this.#schedule();
  }

  #acknowledge(batch: Batch, durable: 'buffer' | 'postgres'): void {
    for (const [connectionId, { rev, requestId }] of batch.edits) {
      this.#ports.send(connectionId, 'ack', {
        rev,
        ...(requestId === undefined ? {} : { request_id: requestId }),
        durable,
      });
    }
    for (const [messageId, connectionId] of batch.senders) {
      this.#ports.send(connectionId, 'ack', { message_id: messageId, durable });
    }
    this.#setDegraded(durable === 'postgres' ? 'buffer_unavailable' : null);
  }

  /** Number of the last commit that has to be in the buffer; 0 where nothing has to, as when Postgres has everything. */
  #neededCommit(): number {
    return this.#isDirty && !this.#isBufferLost ? this.#lastInBuffer : 0;
  }

  /**
   * The buffer lost some of what it held, if not all: commit again whatever may not be in Postgres. Until that is confirmed nothing is known to be there: a
   * commit whose answer is lost is made again with all of it.
   */
  #commitAgain(): void {
    this.#isBufferLost = true;
    const lost = emptyBatch();
    if (this.#rev > this.#flushedRev) lost.code = this.#codeNow(0);
    lost.messages = [...this.#unflushed.values()];
    if (isEmpty(lost)) {
      this.#isDirty = false;
      return;
    }
    this.#ports.log('buffer_lost', `committing again: rev ${this.#rev}, ${lost.messages.length} messages`);
    this.#pending = joinBatches(lost, this.#pending);
    this.#given += 1;
  }

  /** @param asOf how many commits had been made when it was asked: a later one makes the answer "clean" out of date. */
  #learn(state: Pick<FlushState, 'flushedRev' | 'isDirty'> & Partial<FlushState>, asOf: number): void {
    this.#isDirty = state.isDirty || this.#commits > asOf || this.#inFlight !== null;
    if (state.sweeperLeaseMs !== undefined) {
      this.#lastLease = { reportedAtMs: this.#ports.clock.now(), leftMs: state.sweeperLeaseMs };
    }
    if (!this.#isDirty) this.#unflushed.clear();
    if (state.flushedRev > this.#flushedRev) {
      this.#flushedRev = state.flushedRev;
      // Postgres may be ahead of a room that came after a writer it never heard of. What the room has may not be what is flushed under that.
      if (this.#rev < state.flushedRev) this.#rev = state.flushedRev + 1;
      this.#ports.broadcast('flushed', { rev: this.#flushedRev });
    }
  }

  /** True when a sweeper is at work on what is dirty; learns on the way whether anything still is. */
  async #askWhetherSwept(): Promise<boolean> {
    const asOf = this.#commits;
    const needed = this.#neededCommit();
    try {
      const state = await this.#ports.repository.flushState(this.id);
      if (state.lastCommit < needed) {
        this.#commitAgain();
        this.#schedule();
        return true;
      }
      this.#learn(state, asOf);
      if (!this.#isDirty) {
        await this.#noteClean();
        return true;
      }
      return state.sweeperLeaseMs > 0;
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      return false;
    }
  }

  async #flush(): Promise<boolean> {
    try {
      await this.committed();
      const asOf = this.#commits;
      const needed = this.#neededCommit();
      const state = await this.#ports.flush(this.id);
      if (state.lastCommit < needed) {
        // What a buffer that lost something calls flushed is no word on what Postgres has.
        this.#commitAgain();
        this.#schedule();
        if (this.#mayBeDirty()) return false;
      } else {
        this.#learn(state, asOf);
      }
      await this.#noteClean();
      return true;
    } catch (error) {
      if (!(error instanceof SupersededError)) {
        this.#ports.log('flush_failed', error instanceof Error ? error.message : 'unknown');
      }
      return false;
    }
  }

  /** Nothing is left to flush. That doesn't make the buffer's copy the newest, where Postgres took the last commit in its stead. */
  async #noteClean(): Promise<void> {
    if (!this.#mayBeDirty()) await this.#noteHome(this.#codeMissingInBuffer ? 'postgres' : 'clean');
  }

  /**
   * While Postgres stands in, every commit notes it anew: what Redis would have said of a newer room nobody hears then, so that the
   * platform, which lets only a session's current room at its storage, is the fence.
   */
  async #noteHome(home: Home): Promise<void> {
    if (this.#home === home && home !== 'postgres' && home !== 'both') return;
    // Before it is written: what is noted meanwhile is compared with what comes last.
    this.#home = home;
    try {
      await this.#ports.noteHome(home, this.#lastInBuffer);
    } catch (error) {
      this.#home = null;
      throw error;
    }
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
