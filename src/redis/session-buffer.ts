/** The buffer: one typed method a script. Knows keys and replies; decides nothing. */
import { z } from 'zod';
import { cutBySize, encodedBytes } from '../domain/encoded-size.ts';
import {
  CommitsLostError,
  DamagedDataError,
  StorageUnavailableError,
  SupersededError,
} from '../domain/errors.ts';
import { MAX_TERM } from '../domain/revision.ts';
import { encodeTransport } from '../domain/transport.ts';
import type {
  CodeWrite,
  Commit,
  CommittedCode,
  FlushState,
  MessagePage,
  SessionMessage,
  SystemLoad,
  TermTaken,
} from '../domain/types.ts';
import type { RedisScripts } from './client.ts';
import {
  type DeadLetter,
  type Deliverable,
  deadLetterSchema,
  LETTER_PAGE_BYTES,
  LETTER_RETRY_MS,
  type LetterSource,
  MAX_DISCARDED_LETTERS,
  MAX_LETTER_BYTES,
  MAX_LETTER_BYTES_PER_SESSION,
} from './dead-letter.ts';
import { type Keys, SESSION_PARTS, type SessionPart } from './keys.ts';
import { spliceBetween } from './splice.ts';
import {
  asJson,
  codeOf,
  decodeMessage,
  encodeMessage,
  encodeReceipt,
  flag,
  flatHash,
  integer,
  numberOf,
  type SessionFields,
} from './stored.ts';

/** What the buffer holds of a session, without its messages. */
export interface BufferedSession extends FlushState {
  /**
   * Null when the buffer has no code of it: then Postgres has the newest. One older than `flushedRev` is in
   * Postgres too.
   */
  code: CodeWrite | null;
}

/** What a room finds when it opens a session. */
export interface OpenedBuffer extends BufferedSession {
  outcome: 'opened';
  messages: SessionMessage[];
  /** There are more messages than a room may hold, and `messages` is empty. */
  isPartial: boolean;
}

/**
 * One session as a flush reads it: parsed by the flusher, which knows what to do with data that is damaged.
 */
export interface PeekedSession {
  sessionId: string;
  /** When it became dirty, in milliseconds on the buffer's clock. */
  dirtySinceMs: number;
  /** The session's fields, if its code is to be written. */
  fields: SessionFields;
  /** Messages by id, as JSON. */
  messages: [id: string, json: string][];
  /** Some messages were left for the next batch. */
  isPartial: boolean;
  /** Its keys that can't be read, and why. */
  unreadable: [part: SessionPart, problem: string][];
}

export interface Peek {
  /** The buffer's clock when it was read, in milliseconds. */
  nowMs: number;
  /**
   * What became of the caller's lease: `none` when it has none; `given up` as few sessions are dirty; `lost`
   * to another sweeper, and then nothing was read.
   */
  lease: 'none' | 'held' | 'given up' | 'lost';
  sessions: PeekedSession[];
  /** The bounds left out some of what was asked for: ask again once this is dealt with. */
  isCut: boolean;
}

export interface PeekBounds {
  maxSessions: number;
  /** Of the answer. One session's fields or one message may be more, and come alone then. */
  maxBytes: number;
}

interface PeekDirtyOptions {
  untilMs?: number | undefined;
  skip?: number;
  lease?: Lease | undefined;
  giveUpBelow?: number | undefined;
}

/** What became of one session's part of a batch. */
export interface Settlement {
  sessionId: string;
  /** What is left counts as dirty from then. */
  dirtySinceMs: number;
  /** The revision that Postgres shows; null when nothing is known of it. */
  storedRev: number | null;
  /** The mark of {@link SessionBuffer.redirty} under which it was read; '' without one. */
  mark: string;
  /**
   * Messages that are in Postgres now, and are taken out of the buffer. One that has another position there
   * has come again since it was read, and stays.
   */
  writtenMessages: Pick<SessionMessage, 'id' | 'position'>[];
  letters: Deliverable[];
}

/** What the buffer says of a session after that. */
export interface Settled extends FlushState {
  sessionId: string;
  /** Dead letters that there was no room for: what they stand for stays, and stays dirty. */
  undelivered: number;
}

export interface Lease {
  token: string;
  lengthMs: number;
}

/** When a session counts as inactive, and how often that is looked for. */
export interface Inactivity {
  afterMs: number;
  everyMs: number;
}

/** What a turn of the sweeper begins with. */
export interface TurnBounds {
  lease: Lease;
  /** Number of dirty sessions from which on the lease is taken, to sweep them in batches. */
  sweepAbove: number;
  /** Age of a dirty session at which its room should have flushed it, in milliseconds. */
  staleAfterMs: number;
  inactivity: Inactivity;
  /**
   * How many inactive sessions to take, without the lease and with it; where there are more, the next turn
   * goes on.
   */
  maxInactive: { few: number; many: number };
}

/** What there is to do in a turn of the sweeper. */
interface TurnStart {
  /**
   * `idle`: nothing is dirty; `fresh`: few sessions are, and none is stale; `stale`: few are, some of them
   * stale; `many` are, and the lease is the caller's; `busy`: another sweeper has the lease.
   */
  outcome: 'idle' | 'fresh' | 'stale' | 'many' | 'busy';
  /**
   * What became dirty by then is stale, in milliseconds on the buffer's clock. Only with `fresh` and `stale`.
   */
  staleUntilMs: number;
  /** Ids of sessions in which nothing has happened for long, if it was time to look for them. */
  inactive: string[];
}

export interface BufferStats {
  dirtySessions: number;
  /** Age of the oldest dirty session in milliseconds, 0 when there is none. */
  oldestDirtyMs: number;
  sweeperLeaseMs: number;
  deadLetters: number;
  deadLetterBytes: number;
  /** Redis takes no more data: what is committed goes to Postgres instead. */
  isFull: boolean;
  /** Counters since the buffer was made. */
  commits: number;
  edits: number;
  messages: number;
  flushes: number;
  flushedSessions: number;
  flushedMessages: number;
  flushFailures: number;
  deadLettered: number;
  /** Times that a dead letter found no room. */
  deadLettersRefused: number;
  /** Of the limits that were asked for. */
  counts: number[];
}

const commitReply = z.union([
  z.tuple([z.literal(0)]),
  z.tuple([z.literal(2)]),
  z.tuple([z.literal(3)]),
  z.tuple([z.literal(1), integer, flag, integer, integer, integer]),
]);
type CommitReply = z.infer<typeof commitReply>;
/** The script's word for: this isn't the code that the piece belongs to. */
const WHOLE_NEEDED = 2;
/** And for: what you were told is here isn't any more. */
const COMMITS_LOST = 3;
/**
 * What one request carries, once encoded: Upstash takes 10 MB. One session's code or one dead letter may be
 * more, and goes alone then.
 */
const MAX_REQUEST_BYTES = 1_000_000;
/** What can be read of one session at once. More than that no answer of Upstash's may carry. */
const MAX_READ_BYTES = 8_000_000;
/** Keys that one step of a scan looks at. */
const SCAN_KEYS = 500;
/** A piece is sent instead of the whole code when it is so much shorter. Less isn't worth looking for it. */
const LEAST_SAVED_CHARS = 1_000;
const openReply = z.union([
  z.tuple([z.literal(0), z.string()]),
  z.tuple([z.literal(1), flatHash, z.array(z.string()), flag]),
]);
const stateReply = z.tuple([integer, flag, integer, integer]);
const peekReply = z.tuple([
  integer,
  z.enum(['none', 'held', 'given up', 'lost']),
  flag,
  z.array(
    z.tuple([
      z.string(), // id
      integer, // dirty since
      flatHash, // fields, if the code is to be written
      z.array(z.string()), // messages
      flag, // partial
      z.array(z.string()), // what can't be read
    ]),
  ),
]);
const settleReply = z.array(z.tuple([z.string(), flag, integer, integer, integer]));
const leaseReply = z.tuple([
  z.enum(['idle', 'fresh', 'stale', 'many', 'busy']),
  integer,
  z.array(z.string()),
]);
const statsReply = z.tuple([integer, integer, integer, integer, integer, flag, flatHash, z.array(integer)]);

export class SessionBuffer {
  readonly #redis: RedisScripts;
  readonly #keys: Keys;
  readonly #cleanTtlS: number;
  readonly #leastSavedChars: number;

  /**
   * @param options.cleanTtlS how long a clean session stays readable, in seconds.
   * @param options.leastSavedChars see {@link LEAST_SAVED_CHARS}; 0 sends pieces whenever there is something
   * to base them on.
   */
  constructor(options: { redis: RedisScripts; keys: Keys; cleanTtlS: number; leastSavedChars?: number }) {
    this.#redis = options.redis;
    this.#keys = options.keys;
    this.#cleanTtlS = options.cleanTtlS;
    this.#leastSavedChars = options.leastSavedChars ?? LEAST_SAVED_CHARS;
  }

  /**
   * Opens a session in a term, which commits of earlier terms are refused after, and reads what is buffered.
   * @throws {StorageUnavailableError}
   * @throws {DamagedDataError}
   */
  async open(sessionId: string, term: number, maxMessageBytes: number): Promise<OpenedBuffer | TermTaken> {
    const reply = await this.#redis.run(
      'open',
      [this.#keys.session(sessionId), this.#keys.messages(sessionId), this.#keys.active],
      [sessionId, String(term), String(this.#cleanTtlS), String(maxMessageBytes)],
      openReply,
    );
    if (reply[0] === 1) {
      const [, fields, messages, isPartial] = reply;
      return {
        outcome: 'opened',
        isPartial,
        ...bufferedSession(fields),
        messages: messages.flatMap((text) => decodeMessage(text) ?? []),
      };
    }
    const registered = Number(reply[1]);
    if (!(Number.isInteger(registered) && registered <= MAX_TERM)) {
      throw new DamagedDataError('the buffer holds no term of a session, but something else');
    }
    return { outcome: 'term_taken', term: registered };
  }

  /**
   * One group commit, as one Redis command: of a large code what changed since the last one. Should that not
   * be what is there any more, which is rare, a second command brings the whole. More messages than one
   * request carries go ahead in requests of their own.
   * @throws {SupersededError} a newer token has been given out.
   * @throws {CommitsLostError}
   * @throws {StorageUnavailableError} it may have taken effect or not; repeating it is harmless.
   */
  async commit(commit: Commit): Promise<FlushState & { load: SystemLoad | null }> {
    const { code, messages } = commit;
    if (messages.length === 0) return this.#commit(commit);
    const codeBytes = code
      ? encodedBytes(code.code, code.transport?.code ?? '', ...receiptArgs(code.receipts))
      : 0;
    const cuts = cutBySize(
      messages,
      (message) => encodedBytes(message.id, encodeMessage(message)),
      Math.max(MAX_REQUEST_BYTES - codeBytes, MAX_REQUEST_BYTES / 2),
    );
    const last = cuts.pop() ?? [];
    let { expectedLast } = commit;
    for (const cut of cuts) {
      // After a loss the last commit's number says that all is there again: only the last part may set it.
      const attempt = expectedLast === 0 ? 0 : commit.attempt;
      await this.#commit({ ...commit, messages: cut, code: null, attempt, expectedLast, wantsLoad: false });
      expectedLast = attempt;
    }
    return this.#commit({ ...commit, messages: last, expectedLast });
  }

  async #commit(commit: Commit): Promise<FlushState & { load: SystemLoad | null }> {
    const { sessionId, code } = commit;
    let reply: CommitReply = [WHOLE_NEEDED];
    const splice = code?.base ? spliceBetween(code.base.code, code.code) : null;
    if (code?.base && splice && savedChars(code, splice.inserted) >= this.#leastSavedChars) {
      const { startByte, deletedBytes, baseBytes } = splice;
      const splicePosition = `${code.base.rev} ${startByte} ${deletedBytes} ${baseBytes}`;
      reply = await this.#send(commit, splice.inserted, splicePosition);
    }
    if (reply[0] === WHOLE_NEEDED) reply = await this.#send(commit, code?.code ?? '', '');
    if (reply[0] === WHOLE_NEEDED) throw new StorageUnavailableError('redis', 'commit: unexpected reply');
    if (reply[0] === 0) throw new SupersededError(sessionId);
    if (reply[0] === COMMITS_LOST) throw new CommitsLostError(sessionId);
    const [, flushedRev, isDirty, lastCommit, sweeperLeaseMs, dirtySessions] = reply;
    const load = commit.wantsLoad ? { sweeperLeaseMs, dirtySessions } : null;
    return { flushedRev, isDirty, lastCommit, load };
  }

  /** @param splicePosition where in which code the text belongs; empty: it is the whole code. */
  #send(commit: Commit, text: string, splicePosition: string): Promise<CommitReply> {
    const { sessionId, code, messages } = commit;
    return this.#redis.run(
      'commit',
      [this.#keys.session(sessionId), this.#keys.messages(sessionId), this.#keys.dirty, this.#keys.sweep],
      [
        sessionId,
        String(commit.term),
        String(commit.attempt),
        String(commit.expectedLast),
        String(commit.flushedRev),
        ...(code
          ? [String(code.rev), text, String(code.editedAtMs), code.editorId ?? '', String(code.edits)]
          : ['', '', '', '', '0']),
        ...transportArgs(code, splicePosition !== ''),
        splicePosition,
        commit.wantsLoad ? '1' : '0',
        String(this.#cleanTtlS),
        code?.replacesReceipts ? '1' : '0',
        String(messages.length),
        ...messages.flatMap((message) => [message.id, encodeMessage(message)]),
        ...receiptArgs(code?.receipts ?? {}),
      ],
      commitReply,
    );
  }

  /** @throws {StorageUnavailableError} */
  async flushState(sessionId: string): Promise<FlushState & Pick<SystemLoad, 'sweeperLeaseMs'>> {
    const [flushedRev, isDirty, lastCommit, sweeperLeaseMs] = await this.#redis.run(
      'state',
      [this.#keys.session(sessionId), this.#keys.sweep],
      [],
      stateReply,
    );
    return { flushedRev, isDirty, lastCommit, sweeperLeaseMs };
  }

  /** What is buffered of a session. @throws {StorageUnavailableError} */
  async read(sessionId: string): Promise<BufferedSession> {
    return bufferedSession(await this.#redis.run('read', [this.#keys.session(sessionId)], [], flatHash));
  }

  /**
   * The newest buffered messages of a session.
   * @param page.types by default all, versions too.
   * @param maxBytes of the answer; `isCut` when so many would be more, and the older ones were left out.
   */
  async readMessages(
    sessionId: string,
    {
      limit,
      beforePosition,
      afterPosition,
      types = [],
    }: Omit<MessagePage, 'types'> & { types?: readonly SessionMessage['type'][] },
    maxBytes: number,
  ): Promise<{ messages: SessionMessage[]; isCut: boolean }> {
    const [isCut, texts] = await this.#redis.run(
      'messages',
      [this.#keys.messages(sessionId)],
      [
        String(limit),
        String(maxBytes),
        beforePosition === undefined ? '' : String(beforePosition),
        afterPosition === undefined ? '' : String(afterPosition),
        ...types,
      ],
      z.tuple([flag, z.array(z.string())]),
    );
    return { isCut, messages: texts.flatMap((text) => decodeMessage(text) ?? []) };
  }

  /**
   * Reads dirty sessions, oldest first.
   * @param options.untilMs only what became dirty by then (the buffer's clock); now when absent.
   * @param options.skip how many of the oldest to pass over.
   * @param options.lease renewed in the same command; nothing is read when another sweeper has it.
   * @param options.giveUpBelow number of dirty sessions below which the lease is given up instead.
   */
  peekDirty(bounds: PeekBounds, options: PeekDirtyOptions): Promise<Peek> {
    return this.#peek(bounds, options, []);
  }

  /** Reads these sessions, leaving out the clean ones. */
  peekSessions(sessionIds: readonly string[], bounds: PeekBounds): Promise<Peek> {
    return this.#peek(bounds, {}, sessionIds);
  }

  async #peek(
    bounds: PeekBounds,
    { lease, giveUpBelow = 0, untilMs, skip = 0 }: PeekDirtyOptions,
    sessionIds: readonly string[],
  ): Promise<Peek> {
    const [nowMs, leaseNow, isCut, sessions] = await this.#redis.run(
      'peek',
      [this.#keys.dirty, this.#keys.sweep, ...this.#keysOf(sessionIds)],
      [
        sessionIds.length > 0 ? '' : this.#keys.prefix,
        lease?.token ?? '',
        String(lease?.lengthMs ?? 0),
        String(giveUpBelow),
        String(bounds.maxSessions),
        String(bounds.maxBytes),
        String(MAX_READ_BYTES),
        untilMs === undefined ? '' : String(untilMs),
        String(skip),
        ...sessionIds,
      ],
      peekReply,
    );
    return {
      nowMs,
      lease: leaseNow,
      isCut,
      sessions: sessions.map(([sessionId, dirtySinceMs, fields, messages, isPartial, unreadable]) => ({
        sessionId,
        dirtySinceMs,
        fields,
        messages: pairsOf(messages),
        isPartial,
        unreadable: SESSION_PARTS.flatMap((part) =>
          pairsOf(unreadable).filter((pair): pair is [SessionPart, string] => pair[0] === part),
        ),
      })),
    };
  }

  /**
   * Takes out what has been dealt with, and puts dead letters in the stead of what Postgres refuses; in so
   * many requests as their size asks for.
   * @returns for each session, whether anything is left of it, how far its code is in Postgres, and the
   * number of the last commit.
   */
  async settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    const settled = new Map<string, Settled>();
    for (const cut of cutBySize(settlements.flatMap(splitSettlement), sizeOf, MAX_REQUEST_BYTES)) {
      for (const state of await this.#settle(cut, settled)) {
        const undelivered = state.undelivered + (settled.get(state.sessionId)?.undelivered ?? 0);
        settled.set(state.sessionId, { ...state, undelivered });
      }
    }
    return [...settled.values()];
  }

  /** @param settled what came of earlier parts of these sessions. */
  async #settle(
    settlements: readonly Settlement[],
    settled: ReadonlyMap<string, Settled>,
  ): Promise<Settled[]> {
    const { dirty, dead, deadSizes, stats, active } = this.#keys;
    const replies = await this.#redis.run(
      'settle',
      [dirty, dead, deadSizes, stats, active, ...this.#keysOf(settlements.map(({ sessionId }) => sessionId))],
      [
        String(this.#cleanTtlS),
        String(MAX_LETTER_BYTES),
        String(MAX_LETTER_BYTES_PER_SESSION),
        String(LETTER_RETRY_MS),
        ...settlements.flatMap((settlement) =>
          settleArgs(settlement, Boolean(settled.get(settlement.sessionId)?.undelivered)),
        ),
      ],
      settleReply,
    );
    return replies.map(([sessionId, isDirty, flushedRev, lastCommit, undelivered]) => ({
      sessionId,
      isDirty,
      flushedRev,
      lastCommit,
      undelivered,
    }));
  }

  /**
   * Moves a session's key that can't be read out of the way, with a dead letter that says where it is.
   * @param letterOf the letter, given the key that it is moved to.
   * @returns whether anything is left of the session.
   */
  async setAside(
    sessionId: string,
    part: SessionPart,
    atMs: number,
    letterOf: (key: string) => DeadLetter,
  ): Promise<boolean> {
    const { dirty, dead, deadSizes, stats } = this.#keys;
    const to = this.#keys.damaged(sessionId, part, atMs);
    const letter = letterOf(to);
    return this.#redis.run(
      'set_aside',
      [dirty, dead, deadSizes, stats, ...this.#keysOf([sessionId]), this.#keys[part](sessionId), to],
      [sessionId, letter.id, JSON.stringify(letter), String(this.#cleanTtlS)],
      flag,
    );
  }

  /**
   * Marks sessions as dirty that may be clean, so that a flush writes what is buffered of them to Postgres
   * again, or puts aside what of it is damaged.
   * @returns how many of them the buffer holds.
   */
  async redirty(sessionIds: readonly string[]): Promise<number> {
    const mark = crypto.randomUUID();
    const keys = [this.#keys.dirty, ...sessionIds.map((id) => this.#keys.session(id))];
    return this.#redis.run('redirty', keys, [mark, ...sessionIds], integer);
  }

  /**
   * The same for some of all sessions that the buffer holds.
   * @param cursor `next` of the call before, which is null at the end.
   */
  async redirtySome(cursor: string | undefined): Promise<{ marked: number; next: string | null }> {
    const prefix = this.#keys.session('');
    const match = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`;
    const reply = await this.#redis.call('scan', (redis) =>
      redis.scan(cursor ?? '0', { match, count: SCAN_KEYS }),
    );
    const [next, keys] = z.tuple([z.coerce.string(), z.array(z.string())]).parse(reply);
    // Those of messages are under the same prefix, and end with what an id never does.
    const ending = this.#keys.messages('').slice(prefix.length);
    const sessionIds = keys.filter((key) => !key.endsWith(ending)).map((key) => key.slice(prefix.length));
    const marked = sessionIds.length > 0 ? await this.redirty(sessionIds) : 0;
    return { marked, next: next === '0' ? null : next };
  }

  /**
   * Begins a turn of the sweeper, in one command: what there is to do, and the lease if many sessions are
   * dirty.
   * @throws {StorageUnavailableError}
   */
  async beginTurn(bounds: TurnBounds): Promise<TurnStart> {
    const { lease, inactivity, maxInactive } = bounds;
    const [outcome, staleUntilMs, inactive] = await this.#redis.run(
      'lease',
      [this.#keys.dirty, this.#keys.sweep, this.#keys.active, this.#keys.lastScan],
      [
        lease.token,
        String(lease.lengthMs),
        String(bounds.sweepAbove),
        String(bounds.staleAfterMs),
        String(inactivity.afterMs),
        String(inactivity.everyMs),
        String(maxInactive.few),
        String(maxInactive.many),
      ],
      leaseReply,
    );
    return { outcome, staleUntilMs, inactive };
  }

  /** Makes sessions known by their last activity, where the buffer knows nothing of it. */
  async track(sessions: readonly { id: string; lastActivityMs: number }[]): Promise<void> {
    const [first, ...rest] = sessions.map(({ id, lastActivityMs }) => ({
      score: lastActivityMs,
      member: id,
    }));
    if (!first) return;
    await this.#redis.call('track', (redis) => redis.zadd(this.#keys.active, { nx: true }, first, ...rest));
  }

  /**
   * Notes of sessions that were inactive what has become of them; those in which something has happened since
   * stay as they are.
   * @param sessions `lastActivityMs` null: it has ended or is gone, and need not be looked at again.
   */
  async untrack(
    sessions: readonly { id: string; lastActivityMs: number | null }[],
    inactivity: Pick<Inactivity, 'afterMs'>,
  ): Promise<void> {
    if (sessions.length === 0) return;
    await this.#redis.run(
      'untrack',
      [this.#keys.active],
      [
        String(inactivity.afterMs),
        ...sessions.flatMap(({ id, lastActivityMs }) => [
          id,
          lastActivityMs === null ? '' : String(lastActivityMs),
        ]),
      ],
      integer,
    );
  }

  /**
   * Forgets deleted sessions, also what is dirty of them: there is nothing that it could be written to.
   * @throws {StorageUnavailableError}
   */
  async forget(sessionIds: readonly string[]): Promise<void> {
    const [first, ...rest] = sessionIds;
    if (first === undefined) return;
    const { dirty, active, session, messages } = this.#keys;
    await this.#redis.call('forget', (redis) =>
      redis
        .multi()
        .zrem(dirty, first, ...rest)
        .zrem(active, first, ...rest)
        .del(...sessionIds.flatMap((id) => [session(id), messages(id)]))
        .exec(),
    );
  }

  /** Gives the lease back; `handOverMs` keeps rooms waiting that long for the next sweeper. */
  async releaseLease(token: string, handOverMs: number): Promise<void> {
    await this.#redis.run('release', [this.#keys.sweep], [token, String(handOverMs)], integer);
  }

  /**
   * Everything the metrics show, in one command.
   * @param limitKeys of limits' counts, which the same command reads; one that isn't there is 0.
   * @throws {StorageUnavailableError}
   */
  async stats(limitKeys: readonly string[] = []): Promise<BufferStats> {
    const { dirty, sweep, dead, deadSizes, stats } = this.#keys;
    const [
      dirtySessions,
      oldestDirtyMs,
      sweeperLeaseMs,
      deadLetters,
      deadLetterBytes,
      isFull,
      counters,
      counts,
    ] = await this.#redis.run('stats', [dirty, sweep, dead, deadSizes, stats, ...limitKeys], [], statsReply);
    const count = (name: string) => Number(counters.get(name) ?? 0);
    return {
      dirtySessions,
      oldestDirtyMs,
      sweeperLeaseMs,
      deadLetters,
      deadLetterBytes,
      isFull,
      commits: count('commits'),
      edits: count('edits'),
      messages: count('messages'),
      flushes: count('flushes'),
      flushedSessions: count('flushed_sessions'),
      flushedMessages: count('flushed_messages'),
      flushFailures: count('flush_failures'),
      deadLettered: count('dead_lettered'),
      deadLettersRefused: count('dead_letters_refused'),
      counts,
    };
  }

  /** Counts a flush that failed. */
  async countFailure(): Promise<void> {
    await this.#redis.call('count', (redis) => redis.hincrby(this.#keys.stats, 'flush_failures', 1));
  }

  /**
   * A page of dead letters by their ids, bounded by bytes too.
   * @param page.cursor `next` of the page before, which is null at the end.
   */
  async listDead(page: { cursor?: string | undefined; limit: number }): Promise<{
    letters: DeadLetter[];
    next: string | null;
  }> {
    const [hasMore, flat] = await this.#redis.run(
      'letters',
      [this.#keys.dead],
      [page.cursor ?? '', String(page.limit), String(LETTER_PAGE_BYTES)],
      z.tuple([flag, z.array(z.string())]),
    );
    const letters = pairsOf(flat);
    return {
      letters: letters.map(([id, text]) => decodeLetter(id, text)),
      next: hasMore ? (letters.at(-1)?.[0] ?? null) : null,
    };
  }

  async getDead(id: string): Promise<DeadLetter | null> {
    const text = await this.#redis.call('dead letter', (redis) => redis.hget<string>(this.#keys.dead, id));
    return text === null ? null : decodeLetter(id, text);
  }

  /** Removes a letter that has been written after all. */
  async removeDead({ id, session_id: sessionId }: DeadLetter): Promise<void> {
    await this.#removeLetters([id, sessionId, '', '1', '']);
  }

  /** Removes one letter, and the unreadable data that it stands for. @returns null when there is none. */
  async discardDead(id: string): Promise<(Discarded & { letter: DeadLetter }) | null> {
    const letter = await this.getDead(id);
    if (!letter) return null;
    const discarded = await this.#removeLetters([id, letter.session_id, '', '1', this.#keys.anyDamaged]);
    return discarded.letters === 0 ? null : { ...discarded, letter };
  }

  /**
   * Removes some of a session's letters, as {@link discardDead} does.
   * @param until they were put aside by then, ISO 8601: nobody can have seen a later one.
   */
  discardDeadOf(sessionId: string, until: string): Promise<Discarded> {
    const most = String(MAX_DISCARDED_LETTERS);
    const time = new Date(until).toISOString();
    return this.#removeLetters(['', sessionId, time, most, this.#keys.anyDamaged]);
  }

  async #removeLetters(args: string[]): Promise<Discarded> {
    const keys = [this.#keys.dead, this.#keys.deadSizes];
    const reply = z.tuple([integer, integer, flag]);
    const [letters, bytes, hasMore] = await this.#redis.run('discard_letters', keys, args, reply);
    return { letters, bytes, hasMore };
  }

  /** Each session's hash and messages hash. */
  #keysOf(sessionIds: readonly string[]): string[] {
    return sessionIds.flatMap((id) => [this.#keys.session(id), this.#keys.messages(id)]);
  }

  /** @throws {StorageUnavailableError} */
  async ping(): Promise<void> {
    await this.#redis.call('ping', (redis) => redis.ping());
  }
}

/** Dead letters that were removed. */
export interface Discarded {
  letters: number;
  bytes: number;
  /** There were more of that session than are removed at once. */
  hasMore: boolean;
}

/** @throws {DamagedDataError} */
function bufferedSession(fields: SessionFields): BufferedSession {
  return {
    code: codeOf(fields),
    flushedRev: numberOf(fields, 'flushed'),
    isDirty: fields.has('dirty'),
    lastCommit: numberOf(fields, 'last_commit'),
  };
}

/** Characters that needn't be sent when only a splice of the code is. */
function savedChars(code: CommittedCode, inserted: string): number {
  const playedChars = hasSameTransport(code) ? (code.transport?.code.length ?? 0) : 0;
  return code.code.length - inserted.length + playedChars;
}

/** What plays is the same object as long as nobody starts or stops it. */
function hasSameTransport({ base, transport }: CommittedCode): boolean {
  return base !== null && base.transport === transport;
}

/** @param isOnBase the buffer takes the code only where it has what the room knows it to have. */
function transportArgs(code: CommittedCode | null, isOnBase: boolean): string[] {
  if (!code || (isOnBase && hasSameTransport(code))) return ['=', ''];
  const { transport, played } = encodeTransport(code.transport);
  return [transport, played];
}

function receiptArgs(receipts: CommittedCode['receipts']): string[] {
  return Object.entries(receipts).flatMap(([key, receipt]) => [
    key,
    receipt === null ? '' : encodeReceipt(receipt),
  ]);
}

/** A settlement as `settle` takes it. @param isLater its letters have found no room, so that it waits. */
function settleArgs(settlement: Settlement, isLater: boolean): string[] {
  const { sessionId, dirtySinceMs, storedRev, mark, writtenMessages, letters } = settlement;
  return [
    sessionId,
    isLater ? 'later' : String(dirtySinceMs),
    storedRev === null ? '' : String(storedRev),
    mark,
    String(writtenMessages.length),
    ...writtenMessages.flatMap(({ id, position }) => [id, String(position)]),
    String(letters.length),
    ...letters.flatMap(({ letter, source }) => [letter.id, JSON.stringify(letter), ...sourceArgs(source)]),
  ];
}

function sourceArgs(source: LetterSource): [string, string] {
  if (source.kind === 'message') return ['m', source.id];
  return source.kind === 'code' ? ['c', String(source.rev)] : ['s', source.lastCommit];
}

/** What stands around a settlement or a letter: two keys, or ids. */
const AROUND_BYTES = 256;
const sizeOf = (settlement: Settlement) => AROUND_BYTES + encodedBytes(...settleArgs(settlement, false));

/** A settlement in parts of a request's size. The mark goes with the last: until then something is left. */
function splitSettlement(settlement: Settlement): Settlement[] {
  if (sizeOf(settlement) <= MAX_REQUEST_BYTES) return [settlement];
  const part = { ...settlement, mark: '', writtenMessages: [], letters: [] };
  const messages = cutBySize(
    settlement.writtenMessages,
    ({ id, position }) => encodedBytes(id, String(position)),
    MAX_REQUEST_BYTES / 2,
  );
  const letters = cutBySize(
    settlement.letters,
    ({ letter }) => AROUND_BYTES + encodedBytes(JSON.stringify(letter)),
    MAX_REQUEST_BYTES / 2,
  );
  const parts: Settlement[] = [
    ...messages.map((some) => ({ ...part, writtenMessages: some })),
    ...letters.map((some) => ({ ...part, letters: some })),
  ];
  return parts.map((one, i) => (i === parts.length - 1 ? { ...one, mark: settlement.mark } : one));
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return flat.flatMap((first, i) => (i % 2 === 0 ? [[first, flat[i + 1] ?? ''] as [string, string]] : []));
}

/** The letter, or one that says that it can't be read, so that the others can. */
function decodeLetter(id: string, text: string): DeadLetter {
  const parsed = deadLetterSchema.safeParse(asJson(text));
  if (parsed.success) return parsed.data;
  const reason = { code: 'malformed', message: 'the dead letter itself can’t be read' };
  return { id, session_id: '', kind: 'message', reason, at: new Date(0).toISOString(), data: text };
}
