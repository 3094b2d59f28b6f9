/** The buffer: one typed method a script. Knows keys and replies; decides nothing. */
import { z } from 'zod';
import {
  CommitsLostError,
  DamagedDataError,
  StorageUnavailableError,
  SupersededError,
} from '../domain/errors.ts';
import { MAX_TERM } from '../domain/revision.ts';
import type {
  CodeWrite,
  Commit,
  FlushState,
  SessionMessage,
  SystemLoad,
  TermTaken,
} from '../domain/types.ts';
import type { RedisScripts } from './client.ts';
import { type DeadLetter, deadLetterSchema } from './dead-letter.ts';
import type { Keys } from './keys.ts';
import { spliceBetween } from './splice.ts';
import {
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

/** What the buffer holds of a session. */
export interface BufferedSession extends FlushState {
  /**
   * Null when the buffer has no code of it: then Postgres has the newest. One older than `flushedRev` is in
   * Postgres too.
   */
  code: CodeWrite | null;
  messages: SessionMessage[];
}

/** What a room finds when it opens a session. */
export interface OpenedBuffer extends BufferedSession {
  outcome: 'opened';
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
  /** The revision of the code that was put among the dead letters, if it was. */
  deadRev: number | null;
  /** Messages that are in Postgres now. */
  writtenMessages: number;
  /** Ids of messages to take out of the buffer, the written and the dead ones. */
  settledMessages: string[];
}

/** What the buffer says of a session after that. */
export type Settled = FlushState & { sessionId: string };

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
  /** Counters since the buffer was made. */
  commits: number;
  edits: number;
  messages: number;
  flushes: number;
  flushedSessions: number;
  flushedMessages: number;
  flushFailures: number;
  deadLettered: number;
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
    ]),
  ),
]);
const settleReply = z.array(z.tuple([z.string(), flag, integer, integer]));
const leaseReply = z.tuple([
  z.enum(['idle', 'fresh', 'stale', 'many', 'busy']),
  integer,
  z.array(z.string()),
]);
const statsReply = z.tuple([integer, integer, integer, integer, flatHash]);

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
  async open(sessionId: string, term: number, mostMessageBytes: number): Promise<OpenedBuffer | TermTaken> {
    const reply = await this.#redis.run(
      'open',
      [this.#keys.session(sessionId), this.#keys.messages(sessionId), this.#keys.active],
      [sessionId, String(term), String(this.#cleanTtlS), String(mostMessageBytes)],
      openReply,
    );
    if (reply[0] === 1) {
      const [, fields, messages, isPartial] = reply;
      return { outcome: 'opened', isPartial, ...bufferedSession(fields, messages) };
    }
    const registered = Number(reply[1]);
    if (!(Number.isInteger(registered) && registered <= MAX_TERM)) {
      throw new DamagedDataError('the buffer holds no term of a session, but something else');
    }
    return { outcome: 'term_taken', term: registered };
  }

  /**
   * One group commit, as one Redis command: of a large code what changed since the last one. Should that not
   * be what is there any more, which is rare, a second command brings the whole.
   * @throws {SupersededError} a newer token has been given out.
   * @throws {CommitsLostError}
   * @throws {StorageUnavailableError} it may have taken effect or not; repeating it is harmless.
   */
  async commit(commit: Commit): Promise<FlushState & { load: SystemLoad | null }> {
    const { sessionId, code } = commit;
    let reply: CommitReply = [WHOLE_NEEDED];
    const splice = code?.base ? spliceBetween(code.base.code, code.code) : null;
    if (code?.base && splice && code.code.length - splice.inserted.length >= this.#leastSavedChars) {
      const { startByte, deletedBytes, baseBytes } = splice;
      const splicePosition = `${code.base.rev} ${startByte} ${deletedBytes} ${baseBytes}`;
      reply = await this.#commit(commit, splice.inserted, splicePosition);
    }
    if (reply[0] === WHOLE_NEEDED) reply = await this.#commit(commit, code?.code ?? '', '');
    if (reply[0] === WHOLE_NEEDED) throw new StorageUnavailableError('redis', 'commit: unexpected reply');
    if (reply[0] === 0) throw new SupersededError(sessionId);
    if (reply[0] === COMMITS_LOST) throw new CommitsLostError(sessionId);
    const [, flushedRev, isDirty, lastCommit, sweeperLeaseMs, dirtySessions] = reply;
    const load = commit.wantsLoad ? { sweeperLeaseMs, dirtySessions } : null;
    return { flushedRev, isDirty, lastCommit, load };
  }

  /** @param splicePosition where in which code the text belongs; empty: it is the whole code. */
  #commit(commit: Commit, text: string, splicePosition: string): Promise<CommitReply> {
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
        splicePosition,
        commit.wantsLoad ? '1' : '0',
        String(this.#cleanTtlS),
        code?.replacesReceipts ? '1' : '0',
        String(messages.length),
        ...messages.flatMap((message) => [message.id, encodeMessage(message)]),
        ...Object.entries(code?.receipts ?? {}).flatMap(([key, receipt]) => [
          key,
          receipt === null ? '' : encodeReceipt(receipt),
        ]),
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

  /** What is buffered of a session; its messages only `withMessages`. @throws {StorageUnavailableError} */
  async read(sessionId: string, withMessages: boolean): Promise<BufferedSession> {
    const [fields, messages] = await this.#redis.run(
      'read',
      [this.#keys.session(sessionId), this.#keys.messages(sessionId)],
      [withMessages ? '1' : '0'],
      z.tuple([flatHash, z.array(z.string())]),
    );
    return bufferedSession(fields, messages);
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
      sessions: sessions.map(([sessionId, dirtySinceMs, fields, flat, isPartial]) => ({
        sessionId,
        dirtySinceMs,
        fields,
        messages: flat.flatMap((id, i) => (i % 2 === 0 ? [[id, flat[i + 1] ?? ''] as [string, string]] : [])),
        isPartial,
      })),
    };
  }

  /**
   * Takes out what has been dealt with, and puts the dead letters aside in the same step.
   * Returns, for each session, whether anything is left of it, how far its code is in Postgres, and the
   * number of the last commit.
   */
  async settle(settlements: readonly Settlement[], deadLetters: readonly DeadLetter[]): Promise<Settled[]> {
    const replies = await this.#redis.run(
      'settle',
      [
        ...[this.#keys.dirty, this.#keys.dead, this.#keys.stats, this.#keys.active],
        ...this.#keysOf(settlements.map(({ sessionId }) => sessionId)),
      ],
      [
        String(this.#cleanTtlS),
        String(deadLetters.length),
        ...deadLetters.flatMap((letter) => [letter.id, JSON.stringify(letter)]),
        ...settlements.flatMap(
          ({ sessionId, dirtySinceMs, storedRev, deadRev, writtenMessages, settledMessages }) => [
            sessionId,
            String(dirtySinceMs),
            storedRev === null ? '' : String(storedRev),
            deadRev === null ? '' : String(deadRev),
            String(writtenMessages),
            String(settledMessages.length),
            ...settledMessages,
          ],
        ),
      ],
      settleReply,
    );
    return replies.map(([sessionId, isDirty, flushedRev, lastCommit]) => ({
      sessionId,
      isDirty,
      flushedRev,
      lastCommit,
    }));
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

  /** Gives the lease back; `handOverMs` keeps rooms waiting that long for the next sweeper. */
  async releaseLease(token: string, handOverMs: number): Promise<void> {
    await this.#redis.run('release', [this.#keys.sweep], [token, String(handOverMs)], integer);
  }

  /** Everything the metrics show, in one command. @throws {StorageUnavailableError} */
  async stats(): Promise<BufferStats> {
    const [dirtySessions, oldestDirtyMs, sweeperLeaseMs, deadLetters, counters] = await this.#redis.run(
      'stats',
      [this.#keys.dirty, this.#keys.sweep, this.#keys.dead, this.#keys.stats],
      [],
      statsReply,
    );
    const count = (name: string) => Number(counters.get(name) ?? 0);
    return {
      dirtySessions,
      oldestDirtyMs,
      sweeperLeaseMs,
      deadLetters,
      commits: count('commits'),
      edits: count('edits'),
      messages: count('messages'),
      flushes: count('flushes'),
      flushedSessions: count('flushed_sessions'),
      flushedMessages: count('flushed_messages'),
      flushFailures: count('flush_failures'),
      deadLettered: count('dead_lettered'),
    };
  }

  /** Counts a flush that failed. */
  async countFailure(): Promise<void> {
    await this.#redis.call('count', (redis) => redis.hincrby(this.#keys.stats, 'flush_failures', 1));
  }

  /** A page of dead letters, in no order; `next` null at the end. */
  async listDead(page: { cursor?: string | undefined; limit: number }): Promise<{
    letters: DeadLetter[];
    next: string | null;
  }> {
    const reply = await this.#redis.call('dead letters', (redis) =>
      redis.hscan(this.#keys.dead, page.cursor ?? '0', { count: page.limit }),
    );
    const [next, flat] = z.tuple([z.coerce.string(), z.array(z.string())]).parse(reply);
    const letters = flat.flatMap((text, i) =>
      i % 2 === 1 ? [deadLetterSchema.parse(JSON.parse(text))] : [],
    );
    return { letters, next: next === '0' ? null : next };
  }

  async getDead(id: string): Promise<DeadLetter | null> {
    const text = await this.#redis.call('dead letter', (redis) => redis.hget<string>(this.#keys.dead, id));
    return text === null ? null : deadLetterSchema.parse(JSON.parse(text));
  }

  async removeDead(id: string): Promise<void> {
    await this.#redis.call('dead letter', (redis) => redis.hdel(this.#keys.dead, id));
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

/** @throws {DamagedDataError} */
function bufferedSession(fields: SessionFields, messages: readonly string[]): BufferedSession {
  return {
    code: codeOf(fields),
    flushedRev: numberOf(fields, 'flushed'),
    isDirty: fields.has('dirty'),
    lastCommit: numberOf(fields, 'last_commit'),
    messages: messages.flatMap((text) => decodeMessage(text) ?? []),
  };
}
