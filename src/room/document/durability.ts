/**
 * Where a session's data is safe: how the room stands with its stores, what Postgres may lack, and what the
 * next instance has to know. It decides what a commit contains and what its outcome means; sending it is the
 * commit queue's.
 */
import { CommitsLostError } from '../../domain/errors.ts';
import { COUNTS_PER_TERM, numberIn, termOf } from '../../domain/revision.ts';
import type {
  Commit,
  CommitResult,
  CommittedCode,
  FlushState,
  OpenedSession,
  RecoveryRecord,
  RecoverySource,
  SessionMessage,
} from '../../domain/types.ts';
import type { CodeVersion, Document } from './document.ts';
import { type Batch, joinMessages } from './pending.ts';

/** How the room stands with its stores, by what the last commit or flush has shown. */
export type Standing =
  /** The buffer has all that was acknowledged and isn't in Postgres, and the room holds it too. */
  | { kind: 'buffered' }
  /**
   * The buffer has more that isn't in Postgres than the room holds: without the buffer nothing can be
   * acknowledged. `isBehind` when its copy of the code is older than Postgres'.
   */
  | { kind: 'partial'; isBehind: boolean }
  /**
   * Postgres has all that was acknowledged, and the buffer's copy is older; `isStandIn` when that is because
   * the buffer failed.
   */
  | { kind: 'on_postgres'; isStandIn: boolean }
  /** The buffer has lost some of what it confirmed: the next commit carries all that Postgres may lack. */
  | { kind: 'lost' }
  /** No store confirmed the last commit. What it found before still holds. */
  | { kind: 'unavailable'; before: Reached };

type Reached = Exclude<Standing, { kind: 'unavailable' }>;

/**
 * Messages that may wait for Postgres, in number and in characters; beyond it new ones are refused rather
 * than promised.
 */
const MAX_TAIL_MESSAGES = 1_000;
const MAX_TAIL_CHARS = 2_000_000;

export interface DurabilityPorts {
  /**
   * Writes to the room's durable storage. Fails where another instance has taken over.
   * @throws {StorageUnavailableError}
   */
  record(record: Omit<RecoveryRecord, 'term'>): Promise<void>;
  /** Postgres has more than it had. */
  onFlushed(rev: number): void;
}

export class Durability {
  readonly #document: Document;
  readonly #term: number;
  readonly #ports: DurabilityPorts;
  #standing: Standing;
  #flushedRev: number;
  #isDirty: boolean;
  /** Committed messages that Postgres may lack. */
  readonly #unflushed: Map<string, SessionMessage>;
  #unflushedChars = 0;
  /** Number of the last commit that the buffer confirmed. */
  #lastCommit: number;
  #attempts = 0;
  /** Commits that were confirmed to this instance. */
  #commits = 0;
  /** The code that the buffer confirmed last. */
  #inBuffer: CommittedCode['base'] = null;
  #source: RecoverySource | null;

  constructor(opened: OpenedSession, document: Document, term: number, ports: DurabilityPorts) {
    this.#document = document;
    this.#term = term;
    this.#ports = ports;
    this.#flushedRev = opened.flushedRev;
    this.#isDirty = opened.isDirty;
    this.#lastCommit = opened.lastCommit;
    this.#source = opened.source;
    this.#unflushed = new Map();
    for (const message of opened.messages) this.#addUnflushed(message);
    if (opened.isPartial) this.#standing = { kind: 'partial', isBehind: opened.isBufferBehind };
    else if (opened.isBufferBehind) this.#standing = { kind: 'on_postgres', isStandIn: false };
    else this.#standing = { kind: 'buffered' };
  }

  get standing(): Standing {
    return this.#standing;
  }
  /** Postgres holds the code up to this revision. */
  get flushedRev(): number {
    return this.#flushedRev;
  }
  /** Something that was committed may not be in Postgres. */
  get isDirty(): boolean {
    return this.#reached.kind === 'lost' ? this.hasTail : this.#isDirty;
  }
  /** Where what was committed last is safe. */
  get durable(): 'buffer' | 'postgres' {
    return this.#reached.kind === 'on_postgres' ? 'postgres' : 'buffer';
  }
  /** How many commits were confirmed: a later one makes what is said of an earlier time out of date. */
  get commits(): number {
    return this.#commits;
  }
  /**
   * Number of the last commit that has to be in the buffer; 0 where none has to, as what it has is older
   * anyway.
   */
  get expectedLast(): number {
    const { kind } = this.#reached;
    return kind === 'buffered' || kind === 'partial' ? this.#lastCommit : 0;
  }

  /** How much of the term is used: 1 would be all of it. */
  get termUse(): number {
    return this.#attempts / COUNTS_PER_TERM;
  }

  /**
   * Whether so many messages may wait for Postgres, besides those that do.
   * @param share of what may wait at all: for what must leave room for others.
   */
  hasRoomFor(messages: readonly SessionMessage[], share = 1): boolean {
    const chars = messages.reduce((sum, message) => sum + charsOf(message), this.#unflushedChars);
    const count = this.#unflushed.size + messages.length;
    return count <= MAX_TAIL_MESSAGES * share && chars <= MAX_TAIL_CHARS * share;
  }

  /** The commit of a batch, with all that the stores' standing asks for. */
  prepare(sessionId: string, batch: Batch, wantsLoad: boolean): Commit {
    const document = this.#document;
    const reached = this.#reached;
    const { kind } = reached;
    // A buffer whose copy is older is given the whole code, whatever else the commit is for.
    const isBehind = kind === 'on_postgres' || kind === 'lost' || (kind === 'partial' && reached.isBehind);
    if (isBehind) batch.code ??= document.version(0);
    // Until it has taken code of this term, it may hold that of an instance which this one didn't start from;
    // its receipts would call edits contained that this code lacks.
    const isWhole = isBehind || this.#inBuffer === null || termOf(this.#inBuffer.rev) !== this.#term;
    const unflushed = joinMessages(this.#unflushed.values(), batch.messages);
    const isUnflushed = document.rev > this.#flushedRev;
    this.#attempts += 1;
    return {
      sessionId,
      term: this.#term,
      attempt: numberIn(this.#term, this.#attempts),
      expectedLast: this.expectedLast,
      code: batch.code && {
        ...withCode(batch.code, document),
        base: isWhole ? null : this.#inBuffer,
        receipts: isWhole ? document.receipts.all() : document.receipts.changed(),
        replacesReceipts: isWhole,
      },
      messages: kind === 'lost' ? unflushed : batch.messages,
      tail: kind === 'partial' ? null : { code: isUnflushed ? document.write() : null, messages: unflushed },
      flushedRev: this.#flushedRev,
      wantsLoad,
    };
  }

  /**
   * A store has confirmed the commit. Resolves once the next instance would know of it: only then may it be
   * acknowledged.
   */
  async confirmed({ code, messages, tail }: Commit, result: CommitResult): Promise<void> {
    this.#commits += 1;
    if (result.durable === 'postgres') {
      this.#standing = { kind: 'on_postgres', isStandIn: true };
      await this.#record('postgres');
      // Not before: a room that was replaced fails to record, and must not call anything safe.
      this.#isDirty = false;
      this.#forgetUnflushed();
      this.#setFlushed(tail?.code?.rev ?? 0);
      return;
    }
    for (const message of messages) this.#addUnflushed(message);
    if (code) {
      this.#inBuffer = { rev: code.rev, code: code.code, transport: code.transport };
      this.#document.receipts.stored(code.receipts);
    }
    const isPartial = this.#reached.kind === 'partial';
    this.#standing = isPartial ? { kind: 'partial', isBehind: false } : { kind: 'buffered' };
    this.#lastCommit = result.lastCommit;
    this.#isDirty = result.isDirty;
    await this.#record(result.isDirty ? 'buffer' : 'clean');
    this.#setFlushed(result.flushedRev);
  }

  /** No store has confirmed a commit. */
  failed(error: unknown): void {
    if (error instanceof CommitsLostError) this.#standing = { kind: 'lost' };
    else this.#standing = { kind: 'unavailable', before: this.#reached };
  }

  /**
   * Takes in what a flush or the buffer says of the session.
   * @param asOf what {@link commits} and {@link expectedLast} were before it was asked.
   * @param isComplete all that was dirty when it was asked has been flushed.
   * @returns `lost` when the buffer has lost some: then it is no word on what Postgres has.
   */
  learn(
    state: FlushState,
    asOf: { commits: number; expectedLast: number },
    isComplete = false,
  ): 'learned' | 'lost' {
    const reached = this.#reached;
    // It was asked before Postgres stood in, which has all that the buffer lacks.
    if (reached.kind === 'on_postgres' && asOf.expectedLast > this.expectedLast) return 'learned';
    // What is lost is committed again by the room, which holds it: until then no answer is a word on that.
    if (reached.kind === 'lost' || state.lastCommit < asOf.expectedLast) {
      if (reached.kind !== 'lost') this.#standing = { kind: 'lost' };
      return 'lost';
    }
    this.#isDirty = state.isDirty || this.#commits > asOf.commits;
    // What came after was committed by this instance, which holds it.
    if (reached.kind === 'partial' && (isComplete || !this.#isDirty)) {
      this.#reach(reached.isBehind ? { kind: 'on_postgres', isStandIn: false } : { kind: 'buffered' });
    }
    if (!this.#isDirty) this.#forgetUnflushed();
    this.#setFlushed(state.flushedRev);
    return 'learned';
  }

  /** Whether there is anything to commit again after a loss. */
  get hasTail(): boolean {
    return this.#unflushed.size > 0 || this.#document.rev > this.#flushedRev;
  }

  /**
   * Everything is flushed. That doesn't make the buffer's copy the newest, where Postgres took the last
   * commit in its stead.
   */
  recordClean(): Promise<void> {
    return this.#record(this.#reached.kind === 'buffered' ? 'clean' : 'postgres');
  }

  get #reached(): Reached {
    return this.#standing.kind === 'unavailable' ? this.#standing.before : this.#standing;
  }

  /** Says nothing of whether a store answers: only a commit shows that. */
  #reach(reached: Reached): void {
    this.#standing =
      this.#standing.kind === 'unavailable' ? { kind: 'unavailable', before: reached } : reached;
  }

  #addUnflushed(message: SessionMessage): void {
    if (this.#unflushed.has(message.id)) return;
    this.#unflushed.set(message.id, message);
    this.#unflushedChars += charsOf(message);
  }

  #forgetUnflushed(): void {
    this.#unflushed.clear();
    this.#unflushedChars = 0;
  }

  #setFlushed(rev: number): void {
    if (rev <= this.#flushedRev) return;
    this.#flushedRev = rev;
    this.#ports.onFlushed(rev);
  }

  /**
   * While Postgres stands in, each commit records it anew: nothing in Postgres refuses a room that was
   * replaced, but the platform lets only a session's current instance write its storage.
   */
  async #record(source: RecoverySource): Promise<void> {
    if (this.#source === source && source !== 'postgres') return;
    // Before it is written: what is recorded meanwhile is compared with what comes last.
    this.#source = source;
    try {
      await this.#ports.record({ source, lastCommit: this.#lastCommit });
    } catch (error) {
      this.#source = null;
      throw error;
    }
  }
}

function withCode({ text, ...version }: CodeVersion, document: Document) {
  return { ...version, code: document.codeOf(text) };
}

function charsOf({ content }: SessionMessage): number {
  return content.length;
}
