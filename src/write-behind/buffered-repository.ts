/**
 * The repository with the buffer in front: commits and reads of sessions go through Redis, everything else passes
 * through to Postgres. Who calls it can't tell, but by what it costs.
 */
import { StorageUnavailableError } from '../domain/errors.ts';
import { isNewer, mergeMessages } from '../domain/merge-messages.ts';
import type {
  CodeWrite,
  Commit,
  CommitResult,
  FlushState,
  Home,
  Known,
  MessagePage,
  NewSession,
  OpenedSession,
  Session,
  SessionMessage,
  SessionRepository,
} from '../domain/types.ts';
import type { BufferedSession, SessionBuffer } from '../redis/session-buffer.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

export interface BreakerOptions {
  /** Failures in a row after which Redis is left alone. */
  failures: number;
  /** Milliseconds until it is tried again, with the next commit. */
  retryMs: number;
}

export class BufferedSessionRepository implements SessionRepository {
  readonly #buffer: SessionBuffer;
  readonly #postgres: SessionRepository;
  readonly #breaker: CircuitBreaker;

  constructor(options: { buffer: SessionBuffer; postgres: SessionRepository; breaker: BreakerOptions }) {
    this.#buffer = options.buffer;
    this.#postgres = options.postgres;
    this.#breaker = new CircuitBreaker({
      ...options.breaker,
      // A superseded room says nothing of Redis' health.
      isFailure: (error) => error instanceof StorageUnavailableError,
    });
  }

  async open(
    sessionId: string,
    home: Home | null,
    known: Known = { epoch: 0, lastCommit: 0 },
    noteStandIn?: (epoch: number) => Promise<void>,
  ): Promise<OpenedSession | null> {
    let buffered: Awaited<ReturnType<SessionBuffer['open']>>;
    try {
      buffered = await this.#buffer.open(sessionId, known.epoch + 1);
    } catch (error) {
      // Without the buffer a room may start only when Postgres is known to hold all that was acknowledged: otherwise
      // it would go on from an older state, and what is in the buffer would be lost under it.
      if (error instanceof StorageUnavailableError && (home === 'postgres' || home === 'clean')) {
        return this.#postgres.open(sessionId, home, known, noteStandIn);
      }
      throw error;
    }
    // Without a note, Postgres may be ahead: it may have stood in. So it may where the buffer has lost commits that were flushed.
    const hasLost = buffered.lastCommit < known.lastCommit;
    if (buffered.code && !hasLost && (home === 'buffer' || home === 'clean')) {
      const { code, flushedRev, isCodeUnflushed } = buffered;
      const rev = shownRev(code, flushedRev, isCodeUnflushed);
      return {
        session: { id: sessionId, code: code.code, rev, epoch: code.epoch },
        epoch: buffered.epoch,
        flushedRev,
        isDirty: buffered.isDirty,
        receipts: buffered.receipts,
        messages: buffered.messages,
        lastMessageMs: buffered.lastMessageMs,
        lastCommit: buffered.lastCommit,
        home: buffered.isDirty ? 'buffer' : home,
      };
    }
    const stored = await this.#postgres.getSession(sessionId);
    if (!stored) return null;
    // Rooms that ran on Postgres alone took their tokens there.
    const epoch =
      stored.epoch < buffered.epoch
        ? buffered.epoch
        : (await this.#buffer.open(sessionId, stored.epoch + 1)).epoch;
    const newest = newestOf(stored, buffered);
    return {
      session: { id: sessionId, code: newest.code, rev: newest.rev, epoch: newest.epoch },
      epoch,
      flushedRev: stored.rev,
      isDirty: buffered.isDirty,
      // A later room that loaded from Postgres may not have had these edits, and what is stored is its state.
      receipts: stored.epoch > buffered.codeEpoch ? {} : buffered.receipts,
      messages: buffered.messages,
      // Every message that Postgres has was activity when it was said.
      lastMessageMs: Math.max(stored.lastActivityMs, buffered.lastMessageMs),
      lastCommit: buffered.lastCommit,
      home: homeOf(stored, buffered),
    };
  }

  async commit(commit: Commit): Promise<CommitResult> {
    if (this.#breaker.tryEnter()) {
      try {
        return await this.#breaker.watch(this.#buffer.commit(commit));
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
      }
    }
    // The same batch, by the same idempotent statement: whether Redis took it after all makes no difference.
    return this.#postgres.commit(commit);
  }

  flushState(sessionId: string): Promise<FlushState> {
    return this.#buffer.flushState(sessionId);
  }

  async getSession(sessionId: string): Promise<Session | null> {
    // In this order: what the buffer doesn't have any more is in Postgres by then.
    const buffered = await this.#buffer.read(sessionId, false);
    const stored = await this.#postgres.getSession(sessionId);
    return stored && newestOf(stored, buffered);
  }

  async getMessages(sessionId: string, page: MessagePage): Promise<SessionMessage[]> {
    const buffered = await this.#buffer.read(sessionId, true);
    const stored = await this.#postgres.getMessages(sessionId, page);
    return mergeMessages(stored, buffered.messages, page);
  }

  createSession(input: NewSession): Promise<Session> {
    return this.#postgres.createSession(input);
  }

  deleteSession(sessionId: string): Promise<boolean> {
    return this.#postgres.deleteSession(sessionId);
  }
}

/** The order of Postgres' code among all writes. */
function writtenAs({ epoch, rev, lift }: Session): { epoch: number; rev: number } {
  return { epoch, rev: rev - lift };
}

/** Where a session is of which both stores were asked. */
function homeOf(stored: Session, { code, isDirty }: BufferedSession & { isDirty: boolean }): Home {
  // Where the buffer holds no code, whoever comes next asks Postgres anyway.
  if (code && isNewer(writtenAs(stored), code)) return isDirty ? 'both' : 'postgres';
  return isDirty ? 'buffer' : 'clean';
}

function newestOf(stored: Session, { code }: BufferedSession): Session {
  if (!code || !isNewer(code, writtenAs(stored))) return stored;
  const lastActivityMs = Math.max(stored.lastActivityMs, code.editedAtMs);
  const rev = shownRev(code, stored.rev, true);
  return { ...stored, code: code.code, rev, lift: rev - code.rev, epoch: code.epoch, lastActivityMs };
}

/** Buffered code's revision as people see it: where Postgres shows another room's code under one as great, it will be lifted over that. */
function shownRev(code: CodeWrite, storedRev: number, isUnflushed: boolean): number {
  return Math.max(code.rev, isUnflushed ? storedRev + 1 : storedRev);
}
