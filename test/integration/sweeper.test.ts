/**
 * Turns of the sweeper over each Redis there is, with their requests counted: by the budget, and by what they
 * reach.
 */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StorageUnavailableError } from '../../src/domain/errors.ts';
import { RequestBudget } from '../../src/domain/request-budget.ts';
import { SessionBuffer } from '../../src/redis/session-buffer.ts';
import { Flusher, type FlusherOptions } from '../../src/write-behind/flusher.ts';
import { type BufferFixture, engines, startBuffer } from '../support/buffer.ts';
import { makeCommit, rev } from '../support/commits.ts';
import { FakeWriter } from '../support/fake-writer.ts';
import { makeMessage } from '../support/messages.ts';

const A_MINUTE_MS = 60_000;
/** As long as a turn of the cron lasts. */
const TURN_MS = 58_000;
const DEFAULT_REQUESTS = 45;
const ENDING_REQUESTS = 9;
const STALE_AFTER_MS = 10_000;
const MANY = 20;
/** A Worker is ended with the 51st. */
const FREE_PLAN_REQUESTS = 50;

describe.each(engines)('a turn of the sweeper on %s', (engine) => {
  let fixture: BufferFixture;
  let writer: FakeWriter;
  /** The flusher's clock; Redis has its own. */
  let clockMs = 0;

  beforeAll(async () => {
    fixture = await startBuffer(engine);
  });
  afterAll(() => fixture.stop());
  beforeEach(async () => {
    await fixture.command('FLUSHALL');
    writer = new FakeWriter();
    clockMs = 0;
    // Redis knows the scripts, as it does but for the first turn after it was started.
    const { buffer } = fixture;
    const id = await edit();
    await age(id);
    await turn();
    await buffer.beginTurn({ ...START, lease: { token: 'x', lengthMs: 1 }, sweepAbove: 0 });
    await buffer.releaseLease('x', 0);
    await fixture.command('FLUSHALL');
    writer.calls = [];
    writer.rows.clear();
    clockMs = 0;
  });

  const START = {
    staleAfterMs: STALE_AFTER_MS,
    inactivity: { afterMs: 1_800_000, everyMs: 300_000 },
    maxInactive: { few: 1, many: 1 },
  };

  /** Commits an edit to a session; its text is `text`. */
  async function edit(id: string = randomUUID(), count = 1, text = 'x'): Promise<string> {
    await fixture.buffer.commit(makeCommit({ sessionId: id, text, count }));
    return id;
  }

  const edits = (count: number, text = 'x') =>
    Promise.all(Array.from({ length: count }, () => edit(randomUUID(), 1, text)));

  /** Makes a session dirty for longer than its room's alarm takes. */
  async function age(id: string, ms = STALE_AFTER_MS + 1_000): Promise<void> {
    await fixture.command('ZADD', fixture.keys.dirty, String(Date.now() - ms), id);
  }

  const dirty = async () => (await fixture.command('ZRANGE', fixture.keys.dirty, '0', '-1')) as string[];
  const lease = () => fixture.command('GET', fixture.keys.sweep);

  /** A flusher whose requests are counted, those of its writer too. */
  function counted(maxRequests: number, over: Partial<FlusherOptions> = {}) {
    const budget = new RequestBudget(maxRequests);
    const redis = fixture.connect(() => budget.spend());
    writer.onRequest = () => budget.spend();
    const flusher = new Flusher({
      buffer: new SessionBuffer({ redis, keys: fixture.keys, cleanTtlS: 60 }),
      writer,
      bounds: { maxSessions: 100, maxBytes: 1_000_000 },
      sweepAbove: MANY,
      staleAfterMs: STALE_AFTER_MS,
      intervalMs: 5_000,
      leaseMs: 10_000,
      inactivity: START.inactivity,
      now: () => clockMs,
      sleep: async (ms) => {
        clockMs += ms;
      },
      ...over,
    });
    return { budget, flusher };
  }

  const turn = (maxRequests = DEFAULT_REQUESTS, over: Partial<FlusherOptions> = {}) => {
    const { budget, flusher } = counted(maxRequests, over);
    return flusher.runTurn({ untilMs: clockMs + TURN_MS, budget, endingRequests: ENDING_REQUESTS });
  };

  /** What a piece of work asks of Redis and of Postgres, as they see it. */
  async function requestsOf<T>(work: () => Promise<T>): Promise<{ result: T; requests: number }> {
    const [before, calls] = [fixture.asked().requests, writer.calls.length];
    const result = await work();
    return { result, requests: fixture.asked().requests - before + writer.calls.length - calls };
  }

  describe('with nothing dirty', () => {
    it('costs one command', async () => {
      const { result, requests } = await requestsOf(turn);
      expect(result).toMatchObject({ outcome: 'idle', sweeps: 0, requests: 1 });
      expect(requests).toBe(1);
      expect(await lease()).toBeNull();
    });

    it('costs one command, and removes the lease that was left open for it', async () => {
      await fixture.command('SET', fixture.keys.sweep, 'open', 'PX', '10000');
      const { result, requests } = await requestsOf(turn);
      expect(result).toMatchObject({ outcome: 'idle' });
      expect(requests).toBe(1);
      expect(await lease()).toBeNull();
    });
  });

  describe('with few sessions dirty', () => {
    it('leaves them to their rooms, which don’t put their flushes off, for one request', async () => {
      const ids = await edits(MANY - 1);
      await fixture.command('SET', fixture.keys.sweep, 'open', 'PX', '10000');
      const { result, requests } = await requestsOf(turn);
      expect(result).toMatchObject({ outcome: 'left_to_rooms', sweeps: 0, sessions: 0, requests: 1 });
      expect(requests).toBe(1);
      expect(writer.calls).toEqual([]);
      expect(await dirty()).toHaveLength(MANY - 1);
      expect(await fixture.buffer.flushState(ids[0]!)).toMatchObject({ sweeperLeaseMs: 0 });
    });

    it('takes only what its room should have flushed, for four requests, without the lease', async () => {
      const [fresh, stale] = [await edit(), await edit()];
      await age(stale);
      const leases: unknown[] = [];
      writer.before = async () => {
        leases.push(await lease());
      };
      expect(await turn()).toMatchObject({ outcome: 'swept', sweeps: 1, sessions: 1, requests: 4 });
      expect(leases).toEqual([null]);
      expect(writer.calls.flat().map(({ sessionId }) => sessionId)).toEqual([stale]);
      expect(await dirty()).toEqual([fresh]);
      expect(clockMs).toBe(0);
    });

    it('tries again when a store fails, as long as the turn lasts', async () => {
      await age(await edit());
      let failures = 0;
      writer.before = async () => {
        failures += 1;
        if (failures <= 2) throw new StorageUnavailableError('postgres', 'down');
      };
      const run = await turn();
      expect(run).toMatchObject({ outcome: 'swept', sweeps: 3, failures: 2, sessions: 1 });
      expect(run.lastFailure).toBe('postgres: down');
      expect(clockMs).toBe(10_000);
      expect(await fixture.buffer.stats()).toMatchObject({ flushFailures: 2, dirtySessions: 0 });
    });
  });

  describe('with many sessions dirty', () => {
    it.each(['known', 'unknown'])('makes twelve sweeps in a minute, scripts %s to Redis', async (scripts) => {
      const ids = await edits(MANY);
      let count = 1;
      writer.after = async () => {
        count += 1;
        await Promise.all(ids.map((id) => edit(id, count)));
      };
      if (scripts === 'unknown') await fixture.command('SCRIPT', 'FLUSH');
      const run = await turn();
      expect(run).toMatchObject({ outcome: 'swept', sweeps: 12, transactions: 12, sessions: 12 * MANY });
      // To begin, three a sweep, to hand the lease over; and the scripts' text, once each.
      expect(run.requests).toBe(scripts === 'known' ? 38 : 42);
      expect(clockMs).toBe(55_000);
      // Rooms see a lease, and the next sweeper can have it.
      expect(await lease()).toBe('open');
      expect(await fixture.buffer.flushState(ids[0]!)).toMatchObject({ isDirty: true });
      clockMs = A_MINUTE_MS;
      expect(await turn()).toMatchObject({ outcome: 'swept', sweeps: 12 });
    });

    it('keeps another sweeper away meanwhile, and renews its lease with what it reads', async () => {
      await edits(MANY);
      const others: unknown[] = [];
      const left: unknown[] = [];
      writer.after = async () => {
        const other = new RequestBudget(DEFAULT_REQUESTS);
        others.push(await counted(DEFAULT_REQUESTS).flusher.runTurn({ ...NOW, budget: other }));
        left.push(await fixture.command('PTTL', fixture.keys.sweep));
        await fixture.command('PEXPIRE', fixture.keys.sweep, '3000');
        await edits(MANY);
      };
      expect(await turn()).toMatchObject({ sweeps: 12 });
      expect(others).toHaveLength(12);
      for (const other of others) expect(other).toMatchObject({ outcome: 'busy', sweeps: 0 });
      for (const ms of left) expect(Number(ms)).toBeGreaterThan(5_000);
    });
    const NOW = { untilMs: 0, endingRequests: ENDING_REQUESTS };

    it('takes its lease again when it ran out in a slow batch, and nobody has it', async () => {
      await edits(MANY);
      writer.before = async () => {
        await fixture.command('DEL', fixture.keys.sweep);
        if (writer.calls.length < 3) await edits(MANY);
      };
      expect(await turn()).toMatchObject({ outcome: 'swept', transactions: 3, busy: 0 });
    });

    it('stops when its lease has gone to another', async () => {
      await edits(MANY);
      writer.before = async () => {
        await fixture.command('SET', fixture.keys.sweep, 'somebody else');
      };
      const run = await turn(DEFAULT_REQUESTS, { bounds: { maxSessions: 1, maxBytes: 1_000 } });
      expect(run).toMatchObject({ outcome: 'swept', sweeps: 1 });
      expect(writer.calls).toHaveLength(1);
      expect(await lease()).toBe('somebody else');
    });

    it('flushes the last few too, gives the lease up in the same command, and ends', async () => {
      await edits(MANY);
      const leases: unknown[] = [];
      writer.before = async () => {
        leases.push(await lease());
      };
      writer.after = async () => {
        if (writer.calls.length === 1) await edits(MANY - 1);
      };
      const run = await turn();
      // To begin, two sweeps of three, and nothing for the lease.
      expect(run).toMatchObject({ outcome: 'swept', sweeps: 2, sessions: 2 * MANY - 1, requests: 7 });
      expect(leases).toEqual([expect.any(String), null]);
      expect(await lease()).toBeNull();
      expect(await dirty()).toEqual([]);
      expect(clockMs).toBe(5_000);
    });

    it('costs one request when rooms have flushed everything meanwhile', async () => {
      await edits(MANY);
      writer.after = async () => {
        if (writer.calls.length === 1) await fixture.command('DEL', fixture.keys.dirty);
      };
      expect(await turn()).toMatchObject({ sweeps: 2, requests: 5 });
      expect(await lease()).toBeNull();
    });

    it('goes on after a failure, and counts it', async () => {
      await edits(MANY);
      let failures = 0;
      writer.before = async () => {
        failures += 1;
        if (failures <= 2) throw new StorageUnavailableError('postgres', 'down');
      };
      expect(await turn()).toMatchObject({ sweeps: 4, failures: 2, sessions: MANY });
      expect(await fixture.buffer.stats()).toMatchObject({ flushFailures: 2, dirtySessions: 0 });
    });
  });

  describe('whose requests are used up', () => {
    const bounds = { maxSessions: 5, maxBytes: 1_000_000 };

    it('ends between two batches, gives its lease up, and the next turns do the rest', async () => {
      const ids = await edits(60);
      const first = await requestsOf(() => turn(15, { bounds }));
      expect(first.requests).toBeLessThanOrEqual(15);
      expect(first.result).toMatchObject({ outcome: 'out_of_requests', requests: first.requests });
      // Three batches were dealt with, and nothing else has left Redis.
      expect(first.result).toMatchObject({ transactions: 3, sessions: 15, failures: 0 });
      expect(await dirty()).toHaveLength(45);
      // Rooms don't wait for a sweep that doesn't come.
      expect(await lease()).toBeNull();
      expect(clockMs).toBe(0);

      let turns = 1;
      for (; (await dirty()).length > 0 && turns < 20; turns++) {
        // What is few is left to its rooms until it is stale; these rooms are gone.
        await Promise.all((await dirty()).map((id) => age(id)));
        const { result, requests } = await requestsOf(() => turn(15, { bounds }));
        expect(requests).toBeLessThanOrEqual(15);
        expect(result.requests).toBe(requests);
      }
      expect(turns).toBeLessThanOrEqual(5);
      for (const id of ids) expect(writer.row(id)).toMatchObject({ code: 'x', rev: rev(1) });
      expect(await fixture.buffer.stats()).toMatchObject({
        dirtySessions: 0,
        edits: 60,
        deadLetters: 0,
      });
    });

    it('doesn’t wait for a sweep that it can’t make', async () => {
      await edits(MANY);
      writer.after = async () => {
        await edits(MANY);
      };
      expect(await turn(20)).toMatchObject({ outcome: 'out_of_requests', sweeps: 5 });
      // It ended with the fifth sweep, not five seconds later.
      expect(clockMs).toBe(20_000);
      expect(await lease()).toBeNull();
    });

    it('stops halving a refused batch, settles what got through, and keeps the age of the rest', async () => {
      const ids = await edits(64, 'fine');
      const poison = await edit(randomUUID(), 1, 'poison');
      for (const [i, id] of [...ids.slice(0, 40), poison, ...ids.slice(40)].entries()) {
        await age(id, A_MINUTE_MS - i * 100);
      }
      writer.refuse = (write) => write.code?.code === 'poison';
      const before = await fixture.command('ZRANGE', fixture.keys.dirty, '0', '-1', 'WITHSCORES');
      const scores = new Map(pairsOf(before as string[]));

      const { result, requests } = await requestsOf(() => turn(14));
      expect(requests).toBeLessThanOrEqual(14);
      expect(result).toMatchObject({ outcome: 'out_of_requests', failures: 0, deadLetters: 0 });
      const left = pairsOf(
        (await fixture.command('ZRANGE', fixture.keys.dirty, '0', '-1', 'WITHSCORES')) as string[],
      );
      expect(left.length).toBeGreaterThan(0);
      expect(left.length).toBeLessThan(64);
      expect(left.map(([id]) => id)).toContain(poison);
      for (const [id, score] of left) expect([id, score]).toEqual([id, scores.get(id)]);
      // What isn't dirty any more is in Postgres.
      const isLeft = new Set(left.map(([id]) => id));
      for (const id of ids) expect(writer.row(id).code).toBe(isLeft.has(id) ? '' : 'fine');

      await requestsOf(() => turn(20));
      for (const id of ids) expect(writer.row(id).code).toBe('fine');
      expect(await fixture.buffer.stats()).toMatchObject({ dirtySessions: 0, deadLetters: 1 });
    });

    it('gets one step further each turn, however few there are and however much is refused', async () => {
      const id = randomUUID();
      const messages = Array.from({ length: 40 }, (_, i) =>
        makeMessage({ content: i < 3 ? 'poison' : 'fine' }),
      );
      await fixture.buffer.commit(makeCommit({ sessionId: id, text: 'poison', messages }));
      writer.refuse = (write) =>
        write.code?.code === 'poison' || write.messages.some(({ content }) => content === 'poison');
      let settled = 0;
      for (let turns = 0; (await dirty()).length > 0; turns++) {
        expect(turns).toBeLessThan(44);
        const since = String(Date.now() - A_MINUTE_MS);
        await fixture.command('ZADD', fixture.keys.dirty, since, id);
        // The smallest that can be configured.
        const { requests } = await requestsOf(() => turn(10));
        expect(requests).toBeLessThanOrEqual(10);
        // What is left of it has waited as long as before.
        expect([since, null]).toContain(await fixture.command('ZSCORE', fixture.keys.dirty, id));
        const { flushedMessages, deadLettered } = await fixture.buffer.stats();
        expect(flushedMessages + deadLettered).toBeGreaterThan(settled);
        settled = flushedMessages + deadLettered;
      }
      expect(writer.row(id).messages.size).toBe(37);
      expect(await fixture.buffer.stats()).toMatchObject({ deadLetters: 4, flushedMessages: 37 });
    });

    it('loses nothing when even settling can’t be paid for any more', async () => {
      const ids = await edits(MANY);
      // Redis forgets its scripts again and again: each command costs two.
      writer.before = async () => {
        await fixture.command('SCRIPT', 'FLUSH');
      };
      const { budget, flusher } = counted(DEFAULT_REQUESTS);
      while (budget.left > 5) budget.spend();
      const run = { untilMs: TURN_MS, budget, endingRequests: ENDING_REQUESTS };
      writer.onRequest = () => {
        budget.spend();
        // Something else takes what was left.
        while (budget.left > 1) budget.spend();
      };
      for (const id of ids) await age(id);
      await fixture.command('ZREMRANGEBYRANK', fixture.keys.dirty, '10', '-1');
      expect(await flusher.runTurn(run)).toMatchObject({
        outcome: 'out_of_requests',
        failures: 0,
        sessions: 0,
      });
      expect(budget.left).toBe(0);
      // Postgres has it, and Redis doesn't know: it is written once more, without a second effect.
      expect(writer.calls).toHaveLength(1);
      expect(await dirty()).toHaveLength(10);
      writer.before = async () => {};
      expect(await turn()).toMatchObject({ outcome: 'swept', sessions: 10 });
      expect(await fixture.buffer.stats()).toMatchObject({ dirtySessions: 0, edits: 10 });
    });

    it('never exceeds them and loses nothing, whatever there is to do and whatever fails', async () => {
      const scenario = fc.record({
        maxRequests: fc.integer({ min: 10, max: FREE_PLAN_REQUESTS }),
        sessions: fc.array(fc.constantFrom('fine', 'fine', 'fine', 'fine', 'poison'), { maxLength: 40 }),
        maxSessions: fc.integer({ min: 1, max: 30 }),
        fails: fc.array(fc.boolean(), { maxLength: 6 }),
        forgets: fc.boolean(),
        sweepAbove: fc.constantFrom(1, MANY),
      });
      await fc.assert(
        fc.asyncProperty(
          scenario,
          async ({ maxRequests, sessions, maxSessions, fails, forgets, sweepAbove }) => {
            await fixture.command('FLUSHALL');
            writer = new FakeWriter();
            const ids = await Promise.all(sessions.map((text) => edit(randomUUID(), 1, text)));
            writer.refuse = (write) => write.code?.code === 'poison';
            writer.before = async () => {
              if (forgets) await fixture.command('SCRIPT', 'FLUSH');
              if (fails.shift()) throw new StorageUnavailableError('postgres', 'down');
            };
            for (let turns = 0; ; turns++) {
              const left = await dirty();
              if (left.length === 0) break;
              // Each turn but those that fail deals with one session at least.
              expect(turns).toBeLessThanOrEqual(sessions.length + 6);
              await Promise.all(left.map((id) => age(id)));
              const run = await turn(maxRequests, {
                bounds: { maxSessions, maxBytes: 1_000_000 },
                sweepAbove,
              });
              expect(run.requests).toBeLessThanOrEqual(maxRequests);
              expect(run.outcome).not.toBe('idle');
              clockMs += A_MINUTE_MS;
            }
            const poison = sessions.filter((text) => text === 'poison').length;
            for (const [i, id] of ids.entries()) {
              expect(writer.row(id).code).toBe(sessions[i] === 'poison' ? '' : 'fine');
            }
            expect((await fixture.buffer.stats()).deadLetters).toBe(poison);
          },
        ),
        { numRuns: 15, seed: 20_261_127 },
      );
    });
  });

  describe('with inactive sessions', () => {
    const quiet = (count: number) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const id = randomUUID();
          const at = String(Date.now() - 40 * A_MINUTE_MS);
          await fixture.command('ZADD', fixture.keys.active, at, id);
          return id;
        }),
      );

    it('tells of them, dirty or not, in its one command', async () => {
      const [id] = await quiet(1);
      expect(await turn()).toMatchObject({ outcome: 'idle', inactive: [id], requests: 1 });
      await fixture.command('DEL', fixture.keys.lastScan);
      await age(await edit());
      expect(await turn()).toMatchObject({ outcome: 'swept', inactive: [id] });
    });

    it('tells of so many as can be ended with what is left, and the next turn looks again', async () => {
      await quiet(100);
      const few = await turn();
      expect(few.inactive.length).toBeGreaterThan(20);
      expect(few.requests + ENDING_REQUESTS + few.inactive.length).toBeLessThanOrEqual(DEFAULT_REQUESTS);
      expect(await fixture.command('EXISTS', fixture.keys.lastScan)).toBe(0);
    });

    it('sweeps less for them when many are dirty', async () => {
      await quiet(100);
      await edits(MANY);
      writer.after = async () => {
        await edits(MANY);
      };
      const run = await turn();
      expect(run.inactive).toHaveLength(6);
      expect(run).toMatchObject({ outcome: 'out_of_requests', sweeps: 8 });
      expect(run.requests + ENDING_REQUESTS + 6).toBeLessThanOrEqual(DEFAULT_REQUESTS);
      expect(await lease()).toBeNull();
    });

    it('flushes one batch first, however few requests there are', async () => {
      await quiet(100);
      await edits(MANY);
      expect(await turn(10)).toMatchObject({ sessions: MANY });
    });

    it('flushes them as far as the requests go, and says which are clean', async () => {
      const ids = await edits(12, 'x'.repeat(1_000));
      const { budget, flusher } = counted(11, { bounds: { maxSessions: 100, maxBytes: 3_700 } });
      // Three batches of three sessions; whether the one that isn't dirty is clean was not asked.
      const clean = await flusher.flushSessions([...ids, randomUUID()], budget);
      expect(budget.used).toBeLessThanOrEqual(11);
      expect(clean).toHaveLength(9);
      expect(new Set([...clean, ...(await dirty())])).toEqual(new Set(ids));
    });
  });

  describe('an operator’s sweep', () => {
    it('takes all that is dirty, fresh or not, in three requests and without the lease', async () => {
      await edits(MANY + 5);
      await fixture.command('SET', fixture.keys.sweep, 'somebody else');
      const { flusher } = counted(1_000);
      const { result, requests } = await requestsOf(() => flusher.sweep());
      expect(result).toMatchObject({ sessions: MANY + 5, transactions: 1 });
      expect(requests).toBe(3);
      expect(await dirty()).toEqual([]);
      expect(await lease()).toBe('somebody else');
      expect((await requestsOf(() => flusher.sweep())).requests).toBe(1);
    });

    it('asks again only where a batch was cut', async () => {
      await edits(6);
      const { flusher } = counted(1_000, { bounds: { maxSessions: 3, maxBytes: 1_000_000 } });
      expect((await requestsOf(() => flusher.sweep())).requests).toBe(6);
      await edits(7);
      expect((await requestsOf(() => flusher.sweep())).requests).toBe(9);
      await edits(5, 'x'.repeat(1_000));
      const small = counted(1_000, { bounds: { maxSessions: 100, maxBytes: 3_700 } }).flusher;
      expect((await requestsOf(() => small.sweep())).requests).toBe(6);
      expect(await dirty()).toEqual([]);
    });
  });
});

/** The answer to a WITHSCORES. */
function pairsOf(flat: readonly string[]): [id: string, score: string][] {
  return flat.flatMap((id, i) => (i % 2 === 0 ? [[id, flat[i + 1] ?? ''] as [string, string]] : []));
}
