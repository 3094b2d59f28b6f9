/**
 * The repository with the buffer in front: commits and reads of sessions go through Redis, everything else passes
 * through to Postgres. Who calls it can't tell, but by what it costs.
 */
import { StorageUnavailableError } from '../sessions/errors.ts';
import { isNewer, mergeMessages } from '../sessions/merge.ts';
import type {
  CodeWrite,
  Commit,
  CommitResult,
  FlushState,
  Home,
  MessagePage,
  NewSession,
  OpenedSession,
  Session,
  SessionMessage,
  SessionRepository,
} from '../sessions/types.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import type { SessionBuffer } from './session-buffer.ts';

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

  async open(sessionId: string, home: Home | null, leastEpoch = 0): Promise<OpenedSession | null> {
    let buffered: Awaited<ReturnType<SessionBuffer['open']>>;
    try {
      buffered = await this.#buffer.open(sessionId, leastEpoch);
    } catch (error) {
      // Without the buffer a room may start only when Postgres is known to hold all that was acknowledged: otherwise
      // it would go on from an older state, and what is in the buffer would be lost under it.
      if (error instanceof StorageUnavailableError && (home === 'postgres' || home === 'clean')) {
        const opened = await this.#postgres.open(sessionId, home, leastEpoch);
        return opened && { ...opened, standsIn: true };
      }
      throw error;
    }
    // Without a note, Postgres may be ahead: it may have stood in.
    if (buffered.code && (home === 'buffer' || home === 'clean')) {
      return {
        session: { id: sessionId, ...pick(buffered.code) },
        epoch: buffered.epoch,
        flushedRev: buffered.flushedRev,
        isDirty: buffered.isDirty,
        receipts: buffered.receipts,
        messages: buffered.messages,
      };
    }
    const stored = await this.#postgres.getSession(sessionId);
    if (!stored) return null;
    // Rooms that ran on Postgres alone took their tokens there.
    const epoch =
      stored.epoch < buffered.epoch
        ? buffered.epoch
        : (await this.#buffer.open(sessionId, stored.epoch + 1)).epoch;
    const newest = buffered.code && isNewer(buffered.code, stored) ? buffered.code : stored;
    return {
      session: { id: sessionId, ...pick(newest) },
      epoch,
      flushedRev: stored.rev,
      isDirty: buffered.isDirty,
      // A later room that loaded from Postgres may not have had these edits, and what is stored is its state.
      receipts: stored.epoch > buffered.codeEpoch ? {} : buffered.receipts,
      messages: buffered.messages,
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
    const [stored, buffered] = await Promise.all([
      this.#postgres.getSession(sessionId),
      this.#buffer.read(sessionId, false),
    ]);
    if (!stored || !buffered.code || !isNewer(buffered.code, stored)) return stored;
    const { code, rev, epoch, editedAtMs } = buffered.code;
    return { ...stored, code, rev, epoch, lastActivityMs: Math.max(stored.lastActivityMs, editedAtMs) };
  }

  async getMessages(sessionId: string, page: MessagePage): Promise<SessionMessage[]> {
    const [stored, buffered] = await Promise.all([
      this.#postgres.getMessages(sessionId, page),
      this.#buffer.read(sessionId, true),
    ]);
    return mergeMessages(stored, buffered.messages, page);
  }

  createSession(input: NewSession): Promise<Session> {
    return this.#postgres.createSession(input);
  }

  deleteSession(sessionId: string): Promise<boolean> {
    return this.#postgres.deleteSession(sessionId);
  }
}

function pick({ code, rev, epoch }: Pick<CodeWrite, 'code' | 'rev' | 'epoch'>) {
  return { code, rev, epoch };
}
