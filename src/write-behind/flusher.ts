/**
 * The flush: reads a batch from the buffer, writes it to Postgres in one transaction, and only then takes it
 * out of the buffer. Every step can be repeated, and any number of flushers can work at once.
 */
import { z } from 'zod';
import { DamagedDataError, StorageUnavailableError, WriteRefusedError } from '../domain/errors.ts';
import { type RequestBudget, unlimitedBudget } from '../domain/request-budget.ts';
import { MAX_TERM, termOf } from '../domain/revision.ts';
import type { FlushState, SessionWrite, SessionWriter, WriteOutcome } from '../domain/types.ts';
import type { DeadLetter, DeadReason, Deliverable } from '../redis/dead-letter.ts';
import type {
  Inactivity,
  Lease,
  Peek,
  PeekBounds,
  PeekedSession,
  SessionBuffer,
  Settled,
  Settlement,
} from '../redis/session-buffer.ts';
import { asJson, codeOf, decodeMessage, numberOf, type SessionFields } from '../redis/stored.ts';
import { deadLettersFor, malformedDeadLetter, unreadableDeadLetter } from './dead-letters.ts';
import { splitWrites } from './split-writes.ts';

/** What a flush did. */
export interface FlushSummary {
  /** Sessions of which something was written. */
  sessions: number;
  messages: number;
  deadLetters: number;
  /** Dead letters that there was no room for: what they stand for stays dirty, and is tried again later. */
  undelivered: number;
  /** Sessions left dirty because another transaction holds their row. */
  busy: number;
  /** Postgres transactions it took. */
  transactions: number;
}

export interface SessionFlush extends FlushSummary, FlushState {
  /** All that was dirty when it began has been dealt with. */
  isComplete: boolean;
}

export interface SweeperRun extends FlushSummary {
  /** Sessions in which nothing has happened for long; so many as the rest of the budget is for. */
  inactive: string[];
  /**
   * `idle`: nothing was dirty; `busy`: another sweeper is at work; `left_to_rooms`: few sessions were dirty,
   * and none for so long that its room should have flushed it; `swept`: did its turn; `out_of_requests`: did
   * so much of it as the budget allowed.
   */
  outcome: 'idle' | 'busy' | 'left_to_rooms' | 'swept' | 'out_of_requests';
  sweeps: number;
  /** Requests it took, to both stores. */
  requests: number;
  /** Sweeps that a store's failure cut short. */
  failures: number;
  /** What the last such failure was. */
  lastFailure: string | null;
}

export interface FlusherOptions {
  buffer: SessionBuffer;
  writer: SessionWriter;
  bounds: PeekBounds;
  /**
   * Number of dirty sessions from which on a turn sweeps them in batches, and rooms put their own flushes
   * off.
   */
  sweepAbove: number;
  /** Age of a dirty session at which its room's alarm should have flushed it, in milliseconds. */
  staleAfterMs: number;
  /** From the start of one sweep to the start of the next, in milliseconds. */
  intervalMs: number;
  leaseMs: number;
  inactivity: Inactivity;
  /** Milliseconds since the epoch, on this machine's clock. */
  now?: () => number;
  sleep?: (ms: number) => Promise<void>;
}

/** What a turn of the sweeper may take. */
export interface Turn {
  /** No sweep starts after this time, in milliseconds since the epoch. */
  untilMs: number;
  /** Of the storage's requests: the one that its clients report to. Each turn has its own. */
  budget: RequestBudget;
  /** Requests that ending inactive sessions takes after the turn, besides one a session. */
  endingRequests: number;
}

/**
 * What steps cost in requests, with room for what happens now and then: that Redis doesn't have a script yet
 * and is sent its text, or that a connection broke. A step that costs more still stops at the budget's end,
 * and is repeated in the next turn.
 */
const SETTLE_REQUESTS = 2;
const RELEASE_REQUESTS = 2;
/** Read, write, settle. */
const BATCH_REQUESTS = 2 + SETTLE_REQUESTS;
/** A turn with few sessions dirty: its beginning, and two batches. */
const FEW_REQUESTS = 2 + 2 * BATCH_REQUESTS;
/** With many sessions dirty a turn spends at most this share of its requests on ending inactive ones. */
const ENDING_SHARE = 1 / 3;
const MAX_LETTER_ID_CHARS = 64;
/** Ended in one turn at most, whatever its budget. */
const MAX_INACTIVE_SESSIONS = 200;

/** A sweep, or several of them, and what it may still do. */
interface Scope {
  total: FlushSummary;
  budget: RequestBudget;
  /** Null when the sweep has none, or has it no more. */
  lease: Lease | null;
  /** Requests to leave over for what comes after. */
  reserved: number;
}

const unbounded = (total: FlushSummary): Scope => ({
  total,
  budget: unlimitedBudget(),
  lease: null,
  reserved: 0,
});

/** Requests that a scope has for sweeping: the lease has to be given up too. */
function requestsFor({ budget, lease, reserved }: Scope): number {
  return budget.left - reserved - (lease ? RELEASE_REQUESTS : 0);
}

/** Writes that can still be tried before what got through is settled. */
const triesIn = (scope: Scope): number => requestsFor(scope) - SETTLE_REQUESTS;

const nothing = (): FlushSummary => ({
  sessions: 0,
  messages: 0,
  deadLetters: 0,
  undelivered: 0,
  busy: 0,
  transactions: 0,
});

function add(total: FlushSummary, part: FlushSummary): void {
  total.sessions += part.sessions;
  total.messages += part.messages;
  total.deadLetters += part.deadLetters;
  total.undelivered += part.undelivered;
  total.busy += part.busy;
  total.transactions += part.transactions;
}

/** One piece of a batch after it was tried: written (or missing, or busy), or refused. */
type Piece = { write: SessionWrite } & ({ outcome: WriteOutcome } | { refused: DeadReason });

export class Flusher {
  readonly #buffer: SessionBuffer;
  readonly #writer: SessionWriter;
  readonly #options: Required<FlusherOptions>;

  constructor(options: FlusherOptions) {
    this.#buffer = options.buffer;
    this.#writer = options.writer;
    this.#options = {
      now: Date.now,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      ...options,
    };
  }

  /**
   * Flushes one session, all of it.
   * @throws {StorageUnavailableError} what wasn't confirmed stays dirty.
   */
  async flushSession(sessionId: string): Promise<SessionFlush> {
    const total = nothing();
    for (;;) {
      const peek = await this.#buffer.peekSessions([sessionId], this.#options.bounds);
      if (peek.sessions.length === 0) {
        const { flushedRev, isDirty, lastCommit } = await this.#buffer.flushState(sessionId);
        return { ...total, flushedRev, isDirty, lastCommit, isComplete: true };
      }
      const { summary, left } = await this.#flushBatch(peek, unbounded(total));
      const rest = left.find((session) => session.sessionId === sessionId);
      const hasProgressed = summary.sessions + summary.deadLetters > 0;
      const isPartial = peek.sessions[0]?.isPartial ?? false;
      // Not until it is clean: while people type, it never would be. Once over everything that was there is
      // enough.
      if (!rest || !hasProgressed || !isPartial) {
        const { flushedRev = 0, isDirty = false, lastCommit = 0 } = rest ?? {};
        const isComplete =
          rest !== undefined && !isPartial && summary.busy === 0 && summary.undelivered === 0;
        return { ...total, flushedRev, isDirty, lastCommit, isComplete };
      }
    }
  }

  /**
   * Flushes some sessions, all of them, or so many as the budget allows.
   * @param budget of the storage's requests; what is over after this is the caller's to leave.
   * @returns those that are clean now; the others changed meanwhile, their rows are locked, or the budget
   * ended before them.
   * @throws {StorageUnavailableError} what wasn't confirmed stays dirty.
   */
  async flushSessions(sessionIds: readonly string[], budget = unlimitedBudget()): Promise<string[]> {
    const scope: Scope = { total: nothing(), budget, lease: null, reserved: 0 };
    const rest = new Set(sessionIds);
    const clean: string[] = [];
    while (rest.size > 0 && requestsFor(scope) >= BATCH_REQUESTS) {
      const peek = await this.#buffer.peekSessions([...rest], this.#options.bounds);
      // Once over everything is enough, as for one session: what is dirty again is in use.
      for (const { sessionId } of peek.sessions) rest.delete(sessionId);
      if (peek.sessions.length > 0) {
        const { left } = await this.#flushBatch(peek, scope);
        for (const { sessionId, isDirty } of left) if (!isDirty) clean.push(sessionId);
      }
      if (peek.isCut) continue;
      // All that is dirty has been read.
      clean.push(...rest);
      break;
    }
    const isClean = new Set(clean);
    return sessionIds.filter((id) => isClean.has(id));
  }

  /**
   * One sweep: everything that was dirty when it began, oldest first, batch by batch, whatever number of
   * requests it takes.
   * @throws {StorageUnavailableError} what wasn't confirmed stays dirty.
   */
  async sweep(): Promise<FlushSummary> {
    const total = nothing();
    await this.#sweep(unbounded(total), {});
    return total;
  }

  /**
   * One sweep, in a scope. The scope's lease is renewed with each batch, and is null afterwards if it was
   * given up or lost.
   * @param which.untilMs only what became dirty by then, in milliseconds on the buffer's clock; by now when
   * absent.
   * @param which.giveUpBelow number of dirty sessions below which the lease is given up.
   * @returns `cut` when the budget ended it.
   */
  async #sweep(scope: Scope, which: { untilMs?: number; giveUpBelow?: number }): Promise<'done' | 'cut'> {
    let { untilMs, giveUpBelow } = which;
    let skip = 0;
    while (requestsFor(scope) >= BATCH_REQUESTS) {
      const lease = scope.lease ?? undefined;
      const peek = await this.#buffer.peekDirty(this.#options.bounds, { untilMs, skip, lease, giveUpBelow });
      if (peek.lease === 'lost' || peek.lease === 'given up') scope.lease = null;
      if (peek.sessions.length === 0) return 'done';
      untilMs ??= peek.nowMs;
      // Later batches find less because this one has been flushed.
      giveUpBelow = 0;
      const { summary, isCut } = await this.#flushBatch(peek, scope);
      if (isCut) break;
      if (!peek.isCut) return 'done';
      // Busy sessions keep their place at the head of the order: pass over them from now on.
      skip += summary.busy;
    }
    return 'cut';
  }

  /**
   * A turn of the sweeper, begun by the Cron Trigger each minute.
   *
   * With few sessions dirty, rooms flush their own by their alarms: it takes only what is stale, takes no
   * lease, and ends. With nothing dirty, or nothing stale, that is one Redis command. With many it sweeps
   * every interval under the lease, and rooms put their own flushes off; once they are few, it flushes those
   * too and gives the lease up.
   *
   * A store's failure is counted, and tried again. What the budget doesn't suffice for stays dirty for the
   * rooms and the next turn.
   */
  async runTurn(turn: Turn): Promise<SweeperRun> {
    const { intervalMs, leaseMs, now, sleep } = this.#options;
    const { untilMs, budget } = turn;
    const run: SweeperRun = {
      ...nothing(),
      outcome: 'swept',
      inactive: [],
      sweeps: 0,
      failures: 0,
      lastFailure: null,
      requests: 0,
    };
    const lease: Lease = { token: crypto.randomUUID(), lengthMs: leaseMs };
    const scope: Scope = { total: run, budget, lease: null, reserved: 0 };
    let handOverMs = 0;
    for (;;) {
      const startedMs = now();
      try {
        const outcome = await this.#takeStep(run, scope, lease, turn);
        if (outcome !== 'goes_on') {
          run.outcome = outcome;
          break;
        }
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        // The request that wasn't sent, not a store, is what failed.
        if (budget.isExceeded) {
          run.outcome = 'out_of_requests';
          break;
        }
        run.failures += 1;
        run.lastFailure = error.message;
        // Counting is best effort: it may be Redis itself that failed.
        if (requestsFor(scope) > 1) await this.#buffer.countFailure().catch(() => {});
      }
      // From start to start: a sweep's own time on top of the pause would make what is dirty older than the
      // interval.
      const nextMs = Math.max(startedMs + intervalMs, now());
      if (nextMs > untilMs) {
        // Rooms keep putting their own flushes off until the next turn.
        handOverMs = leaseMs;
        break;
      }
      // Known now: no pause, in which rooms would wait for a sweep that doesn't come.
      if (requestsFor(scope) < BATCH_REQUESTS) {
        run.outcome = 'out_of_requests';
        break;
      }
      await sleep(nextMs - now());
    }
    if (scope.lease) await this.#buffer.releaseLease(scope.lease.token, handOverMs).catch(() => {});
    run.requests = budget.used;
    return run;
  }

  /** Looks what there is to do, unless this turn has the lease, and does one sweep. */
  async #takeStep(
    run: SweeperRun,
    scope: Scope,
    lease: Lease,
    turn: Turn,
  ): Promise<SweeperRun['outcome'] | 'goes_on'> {
    const { sweepAbove, staleAfterMs, inactivity } = this.#options;
    if (!scope.lease) {
      const maxInactive = mostInactive(turn);
      const start = await this.#buffer.beginTurn({
        lease,
        sweepAbove,
        staleAfterMs,
        inactivity,
        maxInactive,
      });
      const { outcome, staleUntilMs, inactive } = start;
      if (inactive.length > 0) run.inactive = inactive;
      if (run.inactive.length > 0) {
        // What people have typed comes first: one batch always fits.
        const spare = turn.budget.left - BATCH_REQUESTS - RELEASE_REQUESTS;
        scope.reserved = Math.max(0, Math.min(turn.endingRequests + run.inactive.length, spare));
      }
      if (outcome === 'idle' || outcome === 'busy') return outcome;
      if (outcome === 'fresh') return 'left_to_rooms';
      if (outcome === 'stale') {
        run.sweeps += 1;
        return (await this.#sweep(scope, { untilMs: staleUntilMs })) === 'cut' ? 'out_of_requests' : 'swept';
      }
      scope.lease = lease;
    }
    run.sweeps += 1;
    if ((await this.#sweep(scope, { giveUpBelow: sweepAbove })) === 'cut') return 'out_of_requests';
    return scope.lease ? 'goes_on' : 'swept';
  }

  /**
   * Writes a dead letter to Postgres after all, and removes it once that has happened.
   * @throws {StorageUnavailableError}
   */
  async replayDead(id: string): Promise<'replayed' | 'not_found' | { refused: string }> {
    const letter = await this.#buffer.getDead(id);
    if (!letter) return 'not_found';
    const write = writeOf(letter);
    if (!write) return { refused: 'malformed: the letter holds no code and no message' };
    try {
      const [outcome] = await this.#writer.writeSessions([write]);
      if (outcome?.status === 'missing') return { refused: 'session_missing: there is no such session' };
      if (outcome?.status !== 'written') throw new StorageUnavailableError('postgres', 'the row is locked');
    } catch (error) {
      if (error instanceof WriteRefusedError) return { refused: `${error.code}: ${error.message}` };
      throw error;
    }
    await this.#buffer.removeDead(letter);
    return 'replayed';
  }

  /**
   * Writes and settles what was read, and adds it to the scope's total.
   * @returns `left`: what the buffer says of each session that was dealt with; `isCut`: the budget ended
   * before all of it was.
   */
  async #flushBatch(
    peek: Peek,
    scope: Scope,
  ): Promise<{ summary: FlushSummary; left: Settled[]; isCut: boolean }> {
    const summary = nothing();
    const pieces: Piece[] = [];
    const read = peek.sessions.map((session) => decode(session, this.#options.now()));

    let failure: unknown;
    let isCut = false;
    try {
      const writes = read
        .map(({ write }) => write)
        .filter(({ code, messages }) => code || messages.length > 0);
      isCut = (await this.#write(writes, pieces, summary, scope)) === 'cut';
    } catch (error) {
      // What got through before the failure is settled all the same, so that it isn't written again for
      // nothing.
      failure = error;
    }

    const bySession = new Map<string, Piece[]>();
    for (const piece of pieces) {
      const list = bySession.get(piece.write.sessionId);
      if (list) list.push(piece);
      else bySession.set(piece.write.sessionId, [piece]);
    }
    const settlements: Settlement[] = [];
    let busy = 0;
    for (const one of read) {
      const { write } = one;
      const parts = bySession.get(write.sessionId) ?? [];
      // Not reached before the failure or the budget's end: stays as it is. (Nothing to write is a flush that
      // was settled halfway.)
      if (parts.length === 0 && (write.code || write.messages.length > 0)) continue;
      const part = settle(one, parts, peek.nowMs, this.#options.now());
      settlements.push(part.settlement);
      if (part.isBusy) busy += 1;
      if (part.hasWritten) summary.sessions += 1;
      summary.messages += part.settlement.writtenMessages.length;
      summary.deadLetters += part.settlement.letters.length;
    }
    summary.busy = busy;
    const left = settlements.length > 0 ? await this.#buffer.settle(settlements) : [];
    for (const { undelivered } of left) {
      summary.deadLetters -= undelivered;
      summary.undelivered += undelivered;
    }
    for (const session of peek.sessions) await this.#setAside(session, left, summary);
    add(scope.total, summary);
    if (failure !== undefined) throw failure;
    return { summary, left, isCut };
  }

  /** Moves what can't be read of a session out of the way. Should that fail, the others don't wait for it. */
  async #setAside(session: PeekedSession, left: Settled[], summary: FlushSummary): Promise<void> {
    const { sessionId, unreadable } = session;
    const atMs = this.#options.now();
    for (const [part, problem] of unreadable) {
      try {
        const letterOf = (key: string) => unreadableDeadLetter(sessionId, part, problem, key, atMs);
        const isDirty = await this.#buffer.setAside(sessionId, part, atMs, letterOf);
        for (const state of left) if (state.sessionId === sessionId) state.isDirty = isDirty;
        summary.deadLetters += 1;
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        summary.undelivered += 1;
      }
    }
  }

  /**
   * Writes in one transaction; where Postgres refuses, in halves, until every culprit stands alone.
   * @returns `cut` when the budget ended before all of it was tried.
   */
  async #write(
    writes: readonly SessionWrite[],
    pieces: Piece[],
    summary: FlushSummary,
    scope: Scope,
  ): Promise<'done' | 'cut'> {
    if (writes.length === 0) return 'done';
    try {
      summary.transactions += 1;
      const outcomes = await this.#writer.writeSessions(writes);
      const byId = new Map(writes.map((write) => [write.sessionId, write]));
      for (const outcome of outcomes) {
        const write = byId.get(outcome.sessionId);
        if (write) pieces.push({ write, outcome });
      }
    } catch (error) {
      if (!(error instanceof WriteRefusedError)) throw error;
      const halves = splitWrites(writes, triesIn(scope));
      const culprit = writes[0];
      if (!halves && culprit) {
        pieces.push({ write: culprit, refused: { code: error.code, message: error.message } });
      }
      for (const half of halves ?? []) {
        if (triesIn(scope) < 1) return 'cut';
        if ((await this.#write(half, pieces, summary, scope)) === 'cut') return 'cut';
      }
    }
    return 'done';
  }
}

/** How many inactive sessions a turn takes: so many that ending them leaves enough for sweeping. */
function mostInactive({ budget, endingRequests }: Turn): { few: number; many: number } {
  const within = (requests: number) =>
    Math.min(MAX_INACTIVE_SESSIONS, Math.max(1, Math.floor(requests) - endingRequests));
  const { maxRequests } = budget;
  return { few: within(maxRequests - FEW_REQUESTS), many: within(maxRequests * ENDING_SHARE) };
}

/** One session as it was read: what is to be written, and what in it is damaged. */
interface Decoded {
  session: PeekedSession;
  write: SessionWrite;
  malformed: Deliverable[];
}

function decode(session: PeekedSession, nowMs: number): Decoded {
  const { sessionId, fields, messages } = session;
  const write: SessionWrite = { sessionId, code: null, messages: [] };
  const decoded: Decoded = { session, write, malformed: [] };
  try {
    // The fields are read only where the code is to be written.
    write.code = hasCode(fields) ? writableCode(fields) : null;
  } catch (error) {
    if (!(error instanceof DamagedDataError)) throw error;
    const text = JSON.stringify(Object.fromEntries(fields));
    const id = shortId(fields.get('rev') ?? '');
    decoded.malformed.push({
      letter: malformedDeadLetter(sessionId, { kind: 'code', id }, text, error.message, nowMs),
      source: { kind: 'session', lastCommit: fields.get('last_commit') ?? '' },
    });
  }
  for (const [id, text] of messages) {
    const message = decodeMessage(text);
    if (message?.id === id) {
      write.messages.push(message);
      continue;
    }
    const problem = 'the buffered message does not fit its schema';
    decoded.malformed.push({
      letter: malformedDeadLetter(sessionId, { kind: 'message', id: shortId(id) }, text, problem, nowMs),
      source: { kind: 'message', id },
    });
  }
  return decoded;
}

/** Of what is damaged; the whole of it is in the letter. */
function shortId(id: string): string {
  return id.length <= MAX_LETTER_ID_CHARS ? id : id.slice(0, MAX_LETTER_ID_CHARS) + crypto.randomUUID();
}

/** A session in which only messages were sent has none in the buffer. */
function hasCode(fields: SessionFields): boolean {
  return fields.has('rev') || fields.has('code');
}

/**
 * The code in a session's fields, if a room can have put it there. A revision that Postgres takes can't be
 * taken back: one that is far too great would keep every room from the session for ever.
 * @throws {DamagedDataError}
 */
function writableCode(fields: SessionFields): SessionWrite['code'] {
  const code = codeOf(fields);
  if (!code) throw new DamagedDataError('the buffer holds a revision of a session, but no code');
  if (!fields.has('rev'))
    throw new DamagedDataError('the buffer holds the code of a session, but no revision');
  const term = numberOf(fields, 'term');
  if (term > MAX_TERM || termOf(code.rev) > term) {
    throw new DamagedDataError('the buffer holds a revision or a term that no room can have had');
  }
  return code;
}

/**
 * Whether more than this is said to be dealt with, and not this itself: a room's numbers never say so, nor a
 * flush that found Postgres ahead.
 */
function isBeyondCode(fields: SessionFields, rev: number): boolean {
  const [flushed, putAside] = ['flushed', 'put_aside'].map((name) => Number(fields.get(name) ?? 0));
  return putAside !== rev && Math.max(flushed ?? 0, putAside ?? 0) > rev;
}

/**
 * Puts one session's pieces together: what to take out of the buffer, and what goes to the dead letters.
 * @param pieces what was tried of the session; some of what was to be written may be in no piece.
 */
function settle(
  { session, write, malformed }: Decoded,
  pieces: readonly Piece[],
  peekedAtMs: number,
  nowMs: number,
): { settlement: Settlement; hasWritten: boolean; isBusy: boolean } {
  let [isBusy, hasWritten] = [false, false];
  const settlement: Settlement = {
    sessionId: session.sessionId,
    // Past the peek, so that the sweep that began with it doesn't take the session a second time.
    dirtySinceMs: peekedAtMs + 1,
    storedRev: null,
    mark: session.fields.get('rewrite') ?? '',
    writtenMessages: [],
    letters: [...malformed],
  };
  for (const piece of pieces) {
    if ('outcome' in piece && piece.outcome.status === 'busy') {
      isBusy = true;
      continue;
    }
    if ('outcome' in piece && piece.outcome.status === 'written') {
      hasWritten = true;
      settlement.writtenMessages.push(...piece.write.messages.map(({ id, position }) => ({ id, position })));
      settlement.storedRev = Math.max(settlement.storedRev ?? 0, piece.outcome.rev);
      const { code } = piece.write;
      if (code && code.rev < piece.outcome.rev && isBeyondCode(session.fields, code.rev)) {
        // Postgres hasn't taken it, as it has a later revision; but this one's number can't be relied on.
        const message = 'the buffer holds an older revision of a session than what it says is flushed';
        settlement.letters.push(
          ...deadLettersFor({ ...piece.write, messages: [] }, { code: 'malformed', message }, nowMs),
        );
      }
      continue;
    }
    const reason =
      'refused' in piece
        ? piece.refused
        : { code: 'session_missing', message: 'the session is no longer in Postgres' };
    settlement.letters.push(...deadLettersFor(piece.write, reason, nowMs));
  }
  const tried = pieces.reduce((sum, piece) => sum + piece.write.messages.length, 0);
  const isTried =
    tried === write.messages.length && (!write.code || pieces.some((piece) => piece.write.code));
  // What is left of it has been waiting since it became dirty; only what came after the peek is younger.
  if (isBusy || session.isPartial || !isTried) {
    settlement.dirtySinceMs = session.dirtySinceMs;
    settlement.mark = '';
  }
  return { settlement, hasWritten, isBusy };
}

const codeWriteSchema = z.object({
  code: z.string(),
  rev: z.number().int(),
  editedAtMs: z.number(),
  editorId: z.string().nullable(),
  /** What plays isn't in a letter. */
  transport: z.null().default(null),
  receipts: z.record(
    z.string(),
    z.object({
      clientSeq: z.number(),
      requestIds: z.array(z.string()),
      rev: z.number(),
      atMs: z.number(),
    }),
  ),
});

function writeOf(letter: DeadLetter): SessionWrite | null {
  if (letter.kind === 'message') {
    const message = decodeMessage(letter.data);
    return message && { sessionId: letter.session_id, code: null, messages: [message] };
  }
  const code = codeWriteSchema.safeParse(asJson(letter.data));
  return code.success ? { sessionId: letter.session_id, code: code.data, messages: [] } : null;
}
