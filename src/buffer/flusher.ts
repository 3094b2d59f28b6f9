/**
 * The flush: reads a batch from the buffer, writes it to Postgres in one transaction, and only then takes it out of the
 * buffer. Every step can be repeated, and any number of flushers can work at once.
 */
import { z } from 'zod';
import { StorageUnavailableError, WriteRefusedError } from '../sessions/errors.ts';
import type { SessionWrite, SessionWriter, WriteOutcome } from '../sessions/types.ts';
import { type DeadLetter, type DeadReason, lettersFor, malformedLetter } from './dead-letter.ts';
import type {
  Inactivity,
  Lease,
  Peek,
  PeekBounds,
  PeekedSession,
  SessionBuffer,
  Settled,
  Settlement,
} from './session-buffer.ts';
import { splitWrites } from './split.ts';
import { decodeMessage } from './stored.ts';

/** What a flush did. */
export interface FlushSummary {
  /** Sessions of which something was written. */
  sessions: number;
  messages: number;
  deadLetters: number;
  /** Sessions left dirty because another transaction holds their row. */
  busy: number;
  /** Postgres transactions it took. */
  transactions: number;
}

export interface SessionFlush extends FlushSummary {
  /** Postgres holds the code up to this revision, as far as the buffer knows. */
  flushedRev: number;
  isDirty: boolean;
  /** Number of the last commit that the buffer has: smaller than one that a room was told of, and it has lost some. */
  lastCommit: number;
}

export interface SweeperRun extends FlushSummary {
  /** Sessions in which nothing has happened for long. */
  inactive: string[];
  /** `idle`: nothing was dirty, and that is all it asked; `busy`: another sweeper is at work; `swept`: did its turn. */
  outcome: 'idle' | 'busy' | 'swept';
  sweeps: number;
  /** Sweeps that a store's failure cut short. */
  failures: number;
  /** What the last such failure was. */
  lastFailure: string | null;
}

export interface FlusherOptions {
  buffer: SessionBuffer;
  writer: SessionWriter;
  bounds: PeekBounds;
  /** From the start of one sweep to the start of the next, in milliseconds. */
  intervalMs: number;
  leaseMs: number;
  inactivity: Inactivity;
  /** Milliseconds since the epoch, on this machine's clock. */
  now?: () => number;
  sleep?: (ms: number) => Promise<void>;
}

const nothing = (): FlushSummary => ({ sessions: 0, messages: 0, deadLetters: 0, busy: 0, transactions: 0 });

function add(total: FlushSummary, part: FlushSummary): void {
  total.sessions += part.sessions;
  total.messages += part.messages;
  total.deadLetters += part.deadLetters;
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
        return { ...total, flushedRev, isDirty, lastCommit };
      }
      const { summary, left } = await this.#flushBatch(peek);
      add(total, summary);
      const rest = left.find((session) => session.sessionId === sessionId);
      const progressed = summary.sessions + summary.deadLetters > 0;
      // Not until it is clean: while people type, it never would be. Once over everything that was there is enough.
      if (!rest || !progressed || !peek.sessions[0]?.isPartial) {
        return {
          ...total,
          flushedRev: rest?.flushedRev ?? 0,
          isDirty: rest?.isDirty ?? false,
          lastCommit: rest?.lastCommit ?? 0,
        };
      }
    }
  }

  /**
   * Flushes some sessions, all of them.
   * @returns those that are clean now; the others changed meanwhile, or their rows are locked.
   * @throws {StorageUnavailableError} what wasn't confirmed stays dirty.
   */
  async flushSessions(sessionIds: readonly string[]): Promise<string[]> {
    const dirty = new Set<string>();
    const rest = [...sessionIds];
    while (rest.length > 0) {
      const peek = await this.#buffer.peekSessions(rest, this.#options.bounds);
      if (peek.sessions.length === 0) break;
      const { left } = await this.#flushBatch(peek);
      // Once over everything is enough, as for one session: what is dirty again has somebody in it.
      for (const { sessionId, isDirty } of left) if (isDirty) dirty.add(sessionId);
      for (const { sessionId } of peek.sessions) rest.splice(rest.indexOf(sessionId), 1);
    }
    return sessionIds.filter((id) => !dirty.has(id));
  }

  /**
   * One sweep: everything that was dirty when it began, oldest first, batch by batch.
   * @param lease renewed with each batch; the sweep ends when it has gone to another sweeper.
   * @throws {StorageUnavailableError} what wasn't confirmed stays dirty.
   */
  async sweep(lease?: Lease): Promise<FlushSummary> {
    const total = nothing();
    let untilMs: number | undefined;
    let skip = 0;
    for (;;) {
      const peek = await this.#buffer.peekDirty(this.#options.bounds, { untilMs, skip, lease });
      if (!peek.holdsLease || peek.sessions.length === 0) return total;
      untilMs ??= peek.nowMs;
      const { summary } = await this.#flushBatch(peek);
      add(total, summary);
      // Busy sessions keep their place at the head of the order: pass over them from now on.
      skip += summary.busy;
    }
  }

  /**
   * The Cron Trigger's turn: takes the lease, sweeps, and goes on sweeping every interval while anything is dirty and
   * the time is not over. With nothing dirty it costs one Redis command. A store's failure is counted, and tried again.
   * @param untilMs when to stop, in milliseconds since the epoch.
   */
  async runSweeper(untilMs: number): Promise<SweeperRun> {
    const run: SweeperRun = {
      ...nothing(),
      outcome: 'swept',
      inactive: [],
      sweeps: 0,
      failures: 0,
      lastFailure: null,
    };
    const lease: Lease = { token: crypto.randomUUID(), lengthMs: this.#options.leaseMs };
    let holding = false;
    for (;;) {
      const startedMs = this.#options.now();
      try {
        const { outcome, inactive } = await this.#buffer.acquireLease(lease, this.#options.inactivity);
        run.inactive.push(...inactive);
        if (outcome !== 'taken') {
          if (!holding) run.outcome = outcome;
          break;
        }
        holding = true;
        run.sweeps += 1;
        add(run, await this.sweep(lease));
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        run.failures += 1;
        run.lastFailure = error.message;
        // Counting is best effort: it may be Redis itself that failed.
        await this.#buffer.countFailure().catch(() => {});
      }
      // From start to start: a sweep's own time on top of the pause would make what is dirty older than the interval.
      const pauseMs = Math.max(0, startedMs + this.#options.intervalMs - this.#options.now());
      if (this.#options.now() + pauseMs > untilMs) break;
      await this.#options.sleep(pauseMs);
    }
    if (holding) {
      // Rooms keep putting their own flushes off until the next turn, unless nothing was left to do.
      const handOverMs = this.#options.now() + this.#options.intervalMs > untilMs ? this.#options.leaseMs : 0;
      await this.#buffer.releaseLease(lease.token, handOverMs).catch(() => {});
    }
    return run;
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
    await this.#buffer.removeDead(id);
    return 'replayed';
  }

  /** Writes and settles what was read. `left` is what the buffer says of each session afterwards. */
  async #flushBatch(peek: Peek): Promise<{
    summary: FlushSummary;
    left: Settled[];
  }> {
    const summary = nothing();
    const pieces: Piece[] = [];
    const read = peek.sessions.map((session) => ({ session, ...decode(session) }));

    let failure: unknown;
    try {
      const writes = read
        .map(({ write }) => write)
        .filter(({ code, messages }) => code || messages.length > 0);
      await this.#write(writes, pieces, summary);
    } catch (error) {
      // What got through before the failure is settled all the same, so that it isn't written again for nothing.
      failure = error;
    }

    const bySession = new Map<string, Piece[]>();
    for (const piece of pieces) {
      const list = bySession.get(piece.write.sessionId);
      if (list) list.push(piece);
      else bySession.set(piece.write.sessionId, [piece]);
    }
    const letters: DeadLetter[] = [];
    const settlements: Settlement[] = [];
    let busy = 0;
    for (const { session, write, malformed } of read) {
      const parts = bySession.get(session.sessionId) ?? [];
      // Not reached before the failure: stays as it is. (Nothing to write is a flush that was settled halfway.)
      if (parts.length === 0 && (write.code || write.messages.length > 0)) continue;
      const part = settle(session, parts, malformed, peek.nowMs, this.#options.now());
      letters.push(...part.dead);
      settlements.push(part.settlement);
      if (part.isBusy) busy += 1;
      if (part.settlement.code?.storedRev != null || part.settlement.writtenMessages > 0)
        summary.sessions += 1;
      summary.messages += part.settlement.writtenMessages;
    }
    summary.busy = busy;
    summary.deadLetters = letters.length;
    const left = settlements.length > 0 ? await this.#buffer.settle(settlements, letters) : [];
    if (failure !== undefined) throw failure;
    return { summary, left };
  }

  /** Writes in one transaction; where Postgres refuses, halves, until every culprit stands alone. */
  async #write(writes: readonly SessionWrite[], pieces: Piece[], summary: FlushSummary): Promise<void> {
    if (writes.length === 0) return;
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
      const halves = splitWrites(writes);
      const culprit = writes[0];
      if (halves) {
        await this.#write(halves[0], pieces, summary);
        await this.#write(halves[1], pieces, summary);
      } else if (culprit) {
        pieces.push({ write: culprit, refused: { code: error.code, message: error.message } });
      }
    }
  }
}

/** What is to be written of a session, and what in it can't even be read. */
function decode(session: PeekedSession): { write: SessionWrite; malformed: [id: string, text: string][] } {
  const write: SessionWrite = { sessionId: session.sessionId, code: session.code, messages: [] };
  const malformed: [string, string][] = [];
  for (const [id, text] of session.messages) {
    const message = decodeMessage(text);
    if (message?.id === id) write.messages.push(message);
    else malformed.push([id, text]);
  }
  return { write, malformed };
}

/** Puts one session's pieces together: what to take out of the buffer, and what goes to the dead letters. */
function settle(
  session: PeekedSession,
  pieces: readonly Piece[],
  malformed: readonly [id: string, text: string][],
  peekedAtMs: number,
  nowMs: number,
): { settlement: Settlement; dead: DeadLetter[]; isBusy: boolean } {
  const dead: DeadLetter[] = malformed.map(([id, text]) =>
    malformedLetter(session.sessionId, id, text, nowMs),
  );
  let isBusy = false;
  const settlement: Settlement = {
    sessionId: session.sessionId,
    // Past the peek, so that the sweep that began with it doesn't take the session a second time.
    dirtySinceMs: peekedAtMs + 1,
    code: null,
    writtenMessages: 0,
    settledMessages: malformed.map(([id]) => ({ id, epoch: null })),
  };
  for (const piece of pieces) {
    const { write } = piece;
    if ('outcome' in piece && piece.outcome.status === 'busy') {
      isBusy = true;
      continue;
    }
    settlement.settledMessages.push(...write.messages.map(({ id, epoch }) => ({ id, epoch })));
    if ('outcome' in piece && piece.outcome.status === 'written') {
      settlement.writtenMessages += write.messages.length;
      if (write.code) {
        const { rev: storedRev, isHeld } = piece.outcome;
        settlement.code = { rev: write.code.rev, epoch: write.code.epoch, storedRev, isHeld };
      }
      continue;
    }
    const reason =
      'refused' in piece
        ? piece.refused
        : { code: 'session_missing', message: 'the session is no longer in Postgres' };
    dead.push(...lettersFor(write, reason, nowMs));
    if (write.code) {
      settlement.code = { rev: write.code.rev, epoch: write.code.epoch, storedRev: null, isHeld: false };
    }
  }
  // What is left of it has been waiting since it became dirty; only what came after the peek is younger.
  if (isBusy || session.isPartial) settlement.dirtySinceMs = session.dirtySinceMs;
  return { settlement, dead, isBusy };
}

const codeWriteSchema = z.object({
  code: z.string(),
  rev: z.number().int(),
  epoch: z.number().int(),
  editedAtMs: z.number(),
  editorId: z.string().nullable(),
});

function writeOf(letter: DeadLetter): SessionWrite | null {
  if (letter.kind === 'message') {
    const message = decodeMessage(letter.data);
    return message && { sessionId: letter.session_id, code: null, messages: [message] };
  }
  const code = codeWriteSchema.safeParse(JSON.parse(letter.data));
  return code.success ? { sessionId: letter.session_id, code: code.data, messages: [] } : null;
}
