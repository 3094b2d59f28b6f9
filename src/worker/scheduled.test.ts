import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IDLE_RUN } from '../../test/support/turns.ts';
import { RequestBudget } from '../domain/request-budget.ts';
import type { SweeperRun, Turn } from '../write-behind/flusher.ts';
import { INACTIVE_REQUESTS } from './inactive-sessions.ts';
import { RoomUnavailableError } from './room-client.ts';
import { cronTurn, type TurnPorts } from './scheduled.ts';

const DUE_MS = 1_000_000;
const MAX_REQUESTS = 45;

let lines: string[];

beforeEach(() => {
  lines = [];
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((line) => lines.push(String(line)));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const logged = () => lines.map((line) => JSON.parse(line));

/** A turn over stores and rooms that cost what the real ones do: each call is a request. */
function turnOf(
  run: Partial<SweeperRun>,
  { used = 1, maxRequests = MAX_REQUESTS, dirty = 0, ended = 0 } = {},
) {
  const budget = new RequestBudget(maxRequests);
  const calls: string[] = [];
  const spend = (call: string) => {
    budget.spend();
    calls.push(call);
  };
  const runTurn = vi.fn(async (_turn: Turn) => {
    for (let i = 0; i < used; i++) budget.spend();
    return { ...IDLE_RUN, ...run, requests: budget.used };
  });
  const ports: TurnPorts = {
    budget,
    afterMs: 1_000,
    flusher: {
      runTurn,
      flushSessions: async (ids) => {
        for (let batch = 0; batch < Math.max(1, dirty); batch++) {
          for (const step of dirty > 0 ? ['peek', 'write', 'settle'] : ['peek']) spend(step);
        }
        return [...ids];
      },
    },
    directory: {
      endInactive: async (ids) => {
        spend('end');
        return ids.map((sessionId) => ({ sessionId, status: 'ended', lastActivityMs: null }));
      },
      inactive: async () => {
        spend('find');
        return [];
      },
    },
    retention: {
      mark: {
        take: async () => {
          spend('due?');
          return true;
        },
        reset: async () => spend('more'),
      },
      days: { anonymous: 7, others: 365 },
      directory: {
        deleteEnded: async (_days, limit) => {
          spend('delete');
          return named(Math.min(limit, ended));
        },
      },
      accounts: {
        deleteExpiredBrowsers: async () => {
          spend('browsers');
          return 0;
        },
      },
    },
    buffer: {
      track: async () => spend('track'),
      untrack: async (sessions) => spend(`untrack ${sessions.length}`),
    },
    people: {
      deleteExpired: async () => {
        spend('expire');
        return 0;
      },
    },
    room: {
      // Counted by its caller.
      sendCommand: async (sessionId) => {
        calls.push(`command ${sessionId}`);
        return 0;
      },
    },
  };
  return { ports, budget, calls, runTurn, take: (dueMs = DUE_MS) => cronTurn(ports, dueMs) };
}

const named = (count: number) => Array.from({ length: count }, (_, i) => `s${i}`);

describe("the cron's turn", () => {
  it('ends before the next one is due, and not a sweep earlier', async () => {
    const { runTurn, budget, take } = turnOf({});
    await take();
    const [turn] = runTurn.mock.calls[0] ?? [];
    // Sweeps every five seconds are a little late in the end.
    expect(turn?.untilMs).toBeGreaterThan(DUE_MS + 55_000);
    expect(turn?.untilMs).toBeLessThan(DUE_MS + 60_000);
    expect(turn).toMatchObject({ budget, endingRequests: INACTIVE_REQUESTS });
  });

  it('says what it did', async () => {
    const swept = { outcome: 'swept', sweeps: 3, sessions: 5 } as const;
    expect(await turnOf(swept, { used: 10 }).take()).toMatchObject({ ...swept, requests: 10, ending: null });
    const ended = await turnOf({ inactive: named(2) }).take();
    // Its beginning, five to end, two rooms and what is found and taken in.
    expect(ended).toMatchObject({ requests: 9, ending: { ended: 2, left: 0 } });
  });

  it('is silent when there was nothing to do', async () => {
    await turnOf({}).take();
    await turnOf({ outcome: 'busy' }).take();
    await turnOf({ outcome: 'left_to_rooms' }).take();
    await turnOf({ outcome: 'swept', sweeps: 1 }).take();
    expect(lines).toEqual([]);
  });

  it('logs one line when something was flushed, failed or had to be left', async () => {
    await turnOf({ outcome: 'swept', sweeps: 3, sessions: 5, messages: 2 }, { used: 10 }).take();
    await turnOf({ outcome: 'swept', failures: 1, lastFailure: 'postgres: timed out' }).take();
    await turnOf({ outcome: 'swept', deadLetters: 1 }).take();
    await turnOf({ outcome: 'out_of_requests' }, { used: 44 }).take();
    expect(logged()).toEqual([
      expect.objectContaining({ level: 'info', event: 'sweep', sessions: 5, messages: 2, requests: 10 }),
      expect.objectContaining({ level: 'error', failures: 1, last_failure: 'postgres: timed out' }),
      expect.objectContaining({ level: 'error', dead_letters: 1 }),
      expect.objectContaining({ level: 'info', outcome: 'out_of_requests', requests: 44 }),
    ]);
  });

  it('fails when something nobody expected happened', async () => {
    const { ports } = turnOf({});
    const runTurn = () => Promise.reject(new Error('params: hunter2'));
    const failing = { ...ports, flusher: { ...ports.flusher, runTurn } };
    await expect(cronTurn(failing, 0)).rejects.toThrow();
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('hunter2');
  });
});

describe('inactive sessions', () => {
  it('are ended as far as the requests go that the sweeper left', async () => {
    const { budget, calls, take } = turnOf({ inactive: named(30) }, { used: 20 });
    expect(await take()).toMatchObject({ ending: { ended: 19, untold: 0, left: 11, failure: null } });
    expect(calls.filter((call) => call.startsWith('command'))).toHaveLength(19);
    expect(calls).toContain('untrack 19');
    expect(budget.used).toBe(MAX_REQUESTS);
    expect(logged()).toMatchObject([{ level: 'info', event: 'inactive_sessions', ended: 19, left: 11 }]);
  });

  it('wait for the next turn when there are too few requests', async () => {
    const { calls, take } = turnOf({ inactive: named(3) }, { used: 40 });
    expect(await take()).toMatchObject({ ending: { ended: 0, left: 3 }, requests: 40 });
    expect(calls).toEqual([]);
  });

  it('whose flush cost more than they were counted for are left untold', async () => {
    // Three batches.
    const { budget, calls, take } = turnOf({ inactive: named(10) }, { used: 29, dirty: 3 });
    const { ending } = await take();
    expect(ending).toMatchObject({ ended: 4, untold: 0, left: 6 });
    // What was ended is noted; looking for more can wait.
    expect(calls.at(-1)).toBe('untrack 4');
    expect(budget.used).toBeLessThanOrEqual(MAX_REQUESTS);
  });

  it('are counted when their room can’t be reached too', async () => {
    const { ports, budget } = turnOf({ inactive: named(3) });
    const sendCommand = () => Promise.reject(new RoomUnavailableError('no answer'));
    const run = await cronTurn({ ...ports, room: { sendCommand } }, DUE_MS);
    expect(run).toMatchObject({ ending: { ended: 0, untold: 3 }, requests: budget.used });
    expect(run.requests).toBe(10);
    expect(logged()).toMatchObject([{ level: 'error', untold: 3 }]);
  });
});

describe('what ended long ago', () => {
  const QUARTER_MS = 15 * 60_000;

  it('is deleted in bounded steps, with what its rooms keep, and asked for every quarter of an hour at most', async () => {
    const { take, calls, budget } = turnOf({}, { ended: 1_000 });
    for (let minute = 1; minute < 15; minute++) await take(minute * 60_000);
    expect(calls).toEqual([]);
    await take(QUARTER_MS);
    expect(calls.slice(0, 3)).toEqual(['due?', 'delete', 'more']);
    expect(calls.filter((call) => call.startsWith('command '))).toHaveLength(25);
    expect(budget.isExceeded).toBe(false);
    expect(logged()).toMatchObject([{ event: 'retention', deleted: 25, untold: 0 }]);
  });

  it('is asked for once a day when there is little of it', async () => {
    const { take, calls } = turnOf({}, { ended: 3 });
    await take(QUARTER_MS);
    expect(calls).toEqual(['due?', 'delete', 'browsers', 'command s0', 'command s1', 'command s2']);
  });

  it('leaves the turn within its requests, whatever came before', async () => {
    const { take, calls, budget } = turnOf({}, { used: 36, ended: 1_000 });
    await take(QUARTER_MS);
    expect(budget.used).toBeLessThanOrEqual(MAX_REQUESTS);
    expect(calls.filter((call) => call.startsWith('command ')).length).toBeGreaterThan(0);
    const spent = turnOf({}, { used: 44, ended: 1_000 });
    await spent.take(QUARTER_MS);
    expect(spent.calls).toEqual([]);
  });
});
