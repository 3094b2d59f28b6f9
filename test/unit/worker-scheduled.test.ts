import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SweeperRun } from '../../src/buffer/flusher.ts';
import { ConfigError } from '../../src/config.ts';
import { cronTurn } from '../../src/worker/scheduled.ts';
import { createServices, once } from '../../src/worker/services.ts';
import { fakeServices, WORKER_ENV } from '../support/worker-services.ts';

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

const quiet: SweeperRun = {
  sessions: 0,
  messages: 0,
  deadLetters: 0,
  busy: 0,
  transactions: 0,
  inactive: [],
  outcome: 'idle',
  sweeps: 0,
  failures: 0,
  lastFailure: null,
};

/** Services that a turn without inactive sessions doesn't touch. */
const untouched = fakeServices();

const turn = (run: Partial<SweeperRun>) => {
  const runSweeper = vi.fn(async (_untilMs: number) => ({ ...quiet, ...run }));
  const ports = { ...untouched, flusher: { ...untouched.flusher, runSweeper }, afterMs: 1_000 };
  return { runSweeper, done: cronTurn(ports, 1_000_000) };
};

describe("the cron's turn", () => {
  it('ends before the next one is due, and not a sweep earlier', async () => {
    const { runSweeper, done } = turn({});
    await done;
    const [untilMs = 0] = runSweeper.mock.calls[0] ?? [];
    // Sweeps every five seconds are a little late in the end.
    expect(untilMs).toBeGreaterThan(1_000_000 + 55_000);
    expect(untilMs).toBeLessThan(1_000_000 + 60_000);
  });

  it('is silent when there was nothing to do', async () => {
    await turn({}).done;
    await turn({ outcome: 'busy' }).done;
    await turn({ outcome: 'swept', sweeps: 1 }).done;
    expect(lines).toEqual([]);
  });

  it('logs one line when something was flushed, or failed', async () => {
    await turn({ outcome: 'swept', sweeps: 3, sessions: 5, messages: 2 }).done;
    await turn({ outcome: 'swept', failures: 1, lastFailure: 'postgres: timed out' }).done;
    await turn({ outcome: 'swept', deadLetters: 1 }).done;
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'info', event: 'sweep', sessions: 5, messages: 2, sweeps: 3 }),
      expect.objectContaining({ level: 'error', failures: 1, last_failure: 'postgres: timed out' }),
      expect.objectContaining({ level: 'error', dead_letters: 1 }),
    ]);
  });

  it('fails when something nobody expected happened', async () => {
    const runSweeper = () => Promise.reject(new Error('params: hunter2'));
    const ports = { ...untouched, flusher: { ...untouched.flusher, runSweeper }, afterMs: 1_000 };
    await expect(cronTurn(ports, 0)).rejects.toThrow();
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('hunter2');
  });
});

describe('the services', () => {
  it('are made from a whole environment, once', () => {
    const services = once(createServices, () => {});
    expect(services(WORKER_ENV)).toBe(services(WORKER_ENV));
    expect(services(WORKER_ENV).config.FLUSH_SECRET).toBe(WORKER_ENV.FLUSH_SECRET);
  });

  it('name what is missing or malformed, and tell it once', () => {
    const failures: unknown[] = [];
    const services = once(createServices, (error) => failures.push(error));
    const env = { ...WORKER_ENV, FLUSH_SECRET: 'hunter2', DATABASE_URL: 'mysql://hunter2', KEY_PREFIX: '' };
    const { JWT_SECRET: _, ...incomplete } = env;
    for (let i = 0; i < 3; i++) expect(() => services(incomplete)).toThrow(ConfigError);
    expect(failures).toHaveLength(1);
    const message = String(failures[0]);
    for (const name of ['FLUSH_SECRET', 'DATABASE_URL', 'JWT_SECRET: missing'])
      expect(message).toContain(name);
    expect(message).not.toContain('hunter2');
  });
});
