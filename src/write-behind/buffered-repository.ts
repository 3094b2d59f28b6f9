/**
 * The repository with the buffer in front: commits and reads of sessions go through Redis, everything else
 * passes through to Postgres. Its callers can't tell, but by what it costs.
 */
import { DamagedDataError, StorageUnavailableError } from '../domain/errors.ts';
import { mergeMessages, pageOfMessages } from '../domain/merge-messages.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import { termOf } from '../domain/revision.ts';
import {
  type Commit,
  type CommitResult,
  type FlushState,
  isSaid,
  MESSAGE_TYPES,
  type MessagePage,
  type MessagesPage,
  type NewSession,
  type OpenedSession,
  type RecoveryRecord,
  type SaidMessage,
  type Session,
  type SessionRepository,
  type SystemLoad,
  type TermTaken,
} from '../domain/types.ts';
import { unpackCode, type Version, type VersionWithCode, versionOf } from '../domain/versions.ts';
import type { PostgresSessionRepository } from '../postgres/sessions.ts';
import type { BufferedSession, OpenedBuffer, SessionBuffer } from '../redis/session-buffer.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

/**
 * Bytes of messages that a room takes over from the buffer at most, as the answer encodes them; its session
 * is flushed first when there are more.
 */
const MAX_TAIL_BYTES = 4_000_000;
/** And of a page of messages for a reader; a page that would be larger has fewer. */
const MAX_PAGE_BYTES = 2_000_000;
/** More than a room makes between two flushes. */
const MAX_BUFFERED_VERSIONS = 500;

export interface BreakerOptions {
  /** Failures in a row after which Redis is left alone. */
  failures: number;
  /** Milliseconds until it is tried again, with the next commit. */
  retryMs: number;
}

type Postgres = Pick<
  PostgresSessionRepository,
  | 'open'
  | 'commit'
  | 'getStored'
  | 'getSession'
  | 'readMessages'
  | 'listVersions'
  | 'getVersion'
  | 'createSession'
  | 'deleteSession'
>;

export class BufferedSessionRepository implements SessionRepository {
  readonly #buffer: SessionBuffer;
  readonly #postgres: Postgres;
  readonly #breaker: CircuitBreaker;

  constructor(options: { buffer: SessionBuffer; postgres: Postgres; breaker: BreakerOptions }) {
    this.#buffer = options.buffer;
    this.#postgres = options.postgres;
    this.#breaker = new CircuitBreaker({
      ...options.breaker,
      // That a room was superseded says nothing of Redis' health.
      isFailure: (error) => error instanceof StorageUnavailableError,
    });
  }

  async open(
    sessionId: string,
    term: number,
    record: RecoveryRecord | null,
  ): Promise<OpenedSession | TermTaken | null> {
    const source = record?.source ?? null;
    let buffered: OpenedBuffer | TermTaken;
    try {
      buffered = await this.#buffer.open(sessionId, term, MAX_TAIL_BYTES);
    } catch (error) {
      // Without the buffer a room may open only what Postgres holds all of: otherwise it would go on from an
      // older state, and what is in the buffer would be lost under it. Nothing has registered the term; the
      // room's storage, which only the current instance may write, is the fence.
      const isInPostgres = source === 'postgres' || source === 'clean';
      if (error instanceof StorageUnavailableError && isInPostgres) {
        const opened = await this.#postgres.open(sessionId, term);
        return opened?.outcome === 'opened' ? { ...opened, bufferFailure: error.message } : opened;
      }
      // The next sweep puts aside what is damaged; then the session opens with what Postgres has.
      if (error instanceof DamagedDataError) await this.#buffer.redirty([sessionId]).catch(() => {});
      throw error;
    }
    if (buffered.outcome === 'term_taken') return buffered;
    const { code, flushedRev, isDirty } = buffered;
    // A buffer that has lost commits may hold older code than Postgres, and not know of it.
    const hasLost = buffered.lastCommit < (record?.lastCommit ?? 0);
    const isCurrent = code !== null && code.rev >= flushedRev && !hasLost;
    if (isCurrent && (source === 'buffer' || source === 'clean')) {
      return { ...buffered, code, isBufferBehind: false, source: isDirty ? 'buffer' : source };
    }
    const found = await this.#postgres.getStored(sessionId);
    if (!found) return null;
    const { newest, ...stored } = found;
    if (termOf(newest) >= term) return { outcome: 'term_taken', term: termOf(newest) };
    const isBufferBehind = code === null || code.rev < stored.rev;
    // Nothing else would write it to Postgres.
    const isForgotten = !isDirty && code !== null && code.rev > stored.rev;
    if (isForgotten) await this.#buffer.redirty([sessionId]);
    return {
      ...buffered,
      code: isBufferBehind ? stored : code,
      flushedRev: stored.rev,
      isDirty: isDirty || isForgotten,
      isBufferBehind,
      source: sourceOf(isBufferBehind, isDirty || isForgotten),
    };
  }

  async commit(commit: Commit): Promise<CommitResult> {
    let failure: StorageUnavailableError | null = null;
    if (this.#breaker.tryEnter()) {
      try {
        return { durable: 'buffer', ...(await this.#breaker.watch(this.#buffer.commit(commit))) };
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        failure = error;
      }
    }
    // Only with the whole tail does Postgres hold all that was acknowledged.
    if (commit.tail === null) {
      throw failure ?? new StorageUnavailableError('redis', 'left alone after several failures');
    }
    // Whether Redis took the batch after all makes no difference: the same statement flushes it again.
    return this.#postgres.commit(commit);
  }

  flushState(sessionId: string): Promise<FlushState & Pick<SystemLoad, 'sweeperLeaseMs'>> {
    return this.#buffer.flushState(sessionId);
  }

  async getSession(sessionId: string): Promise<Session | null> {
    // In this order: what the buffer doesn't have any more is in Postgres by then.
    const buffered = await this.#buffer.read(sessionId);
    const stored = await this.#postgres.getSession(sessionId);
    return stored && newestOf(stored, buffered);
  }

  async getMessages(sessionId: string, page: MessagePage): Promise<SaidMessage[]> {
    return (await this.#messages(sessionId, page)).messages;
  }

  async getMessagesPage(sessionId: string, page: MessagePage): Promise<MessagesPage> {
    const { messages, isCut } = await this.#messages(sessionId, { ...page, limit: page.limit + 1 });
    const read = pageOfMessages(messages, page);
    return { ...read, hasMore: read.hasMore || isCut };
  }

  /** @returns `isCut`: their size left out some that would be in the page. */
  async #messages(
    sessionId: string,
    page: MessagePage,
  ): Promise<{ messages: SaidMessage[]; isCut: boolean }> {
    const types = page.types ?? MESSAGE_TYPES;
    const buffered = await this.#buffer.readMessages(sessionId, { ...page, types }, MAX_PAGE_BYTES);
    const stored = await this.#postgres.readMessages(sessionId, page);
    const merged = mergeMessages(stored.messages, buffered.messages.filter(isSaid), page);
    const cut = [buffered, stored].filter(({ isCut }) => isCut);
    // Where some were left out, what is beyond the others may lie before or after those.
    const isKnown = ({ position }: SaidMessage) =>
      cut.every(({ messages }) => {
        const positions = messages.map((message) => message.position);
        return page.afterPosition === undefined
          ? position >= Math.min(...positions)
          : position <= Math.max(...positions);
      });
    return { messages: merged.filter(isKnown), isCut: cut.length > 0 };
  }

  async listVersions(sessionId: string, { limit, offset }: PageRequest): Promise<Page<Version>> {
    // In this order: what the buffer doesn't have any more is in Postgres by then.
    const buffered = (await this.#bufferedVersions(sessionId)) ?? [];
    const newest = buffered.slice(offset, offset + limit);
    const { items, total } = await this.#postgres.listVersions(
      sessionId,
      { limit: limit - newest.length, offset: Math.max(0, offset - buffered.length) },
      buffered.map(({ number }) => number),
    );
    return {
      items: [...newest, ...items].sort((a, b) => b.number - a.number),
      total: buffered.length + total,
    };
  }

  async getVersion(sessionId: string, number: number): Promise<VersionWithCode | null> {
    const buffered = await this.#bufferedVersions(sessionId);
    const found = buffered?.find((version) => version.number === number);
    if (found) {
      const { packed, ...version } = found;
      return { ...version, code: await unpackCode(packed) };
    }
    const stored = await this.#postgres.getVersion(sessionId, number);
    if (stored || buffered) return stored;
    throw new StorageUnavailableError('redis', 'the version may be there');
  }

  /** Those that the buffer has, newest first; null while it is out of reach. */
  async #bufferedVersions(sessionId: string) {
    try {
      const page = { types: ['version'] as const, limit: MAX_BUFFERED_VERSIONS };
      const { messages } = await this.#buffer.readMessages(sessionId, page, MAX_PAGE_BYTES);
      return messages.flatMap((message) => versionOf(message) ?? []);
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error;
      return null;
    }
  }

  createSession(input: NewSession): Promise<Session> {
    return this.#postgres.createSession(input);
  }

  deleteSession(sessionId: string): Promise<boolean> {
    return this.#postgres.deleteSession(sessionId);
  }
}

/** Where the next room finds a session of which both stores were asked. */
function sourceOf(isBufferBehind: boolean, isDirty: boolean): OpenedSession['source'] {
  if (!isDirty) return isBufferBehind ? 'postgres' : 'clean';
  // With messages in the buffer and newer code in Postgres both have to be asked again.
  return isBufferBehind ? null : 'buffer';
}

function newestOf(stored: Session, { code }: BufferedSession): Session {
  if (!code || code.rev <= stored.rev) return stored;
  const lastActivityMs = Math.max(stored.lastActivityMs, code.editedAtMs);
  return { ...stored, code: code.code, rev: code.rev, lastActivityMs };
}
