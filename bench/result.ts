/** What a run of a load found: the shape of the JSON in `bench/results`. */
import { cpus, totalmem } from 'node:os';
import type { LatencySummary } from './load/latencies.ts';
import type { ProcessUse } from './measure/processes.ts';
import type { LoadOptions, TargetName } from './options.ts';
import type { Check } from './report/check.ts';
import type { Cost } from './report/cost.ts';

export interface Machine {
  at: string;
  cores: number;
  processor: string;
  memoryBytes: number;
  node: string;
  /**
   * Processes that wanted a core, on average over the minute before the run: above 0.5 or so,
   * others were at work.
   */
  loadBefore: number;
}

/** One second of a run. */
export interface Tick {
  atS: number;
  sentPerS: number;
  ackedPerS: number;
  ackP50Ms: number | null;
  ackP95Ms: number | null;
  /** Null where nothing is buffered. */
  oldestDirtyMs: number | null;
}

export interface LoadResult {
  target: TargetName;
  about: string;
  ackMeans: string;
  machine: Machine;
  load: LoadOptions;
  loadProcesses: number;
  elapsedS: number;
  edits: {
    sent: number;
    /** That brought them. */
    frames: number;
    accepted: number;
    acked: number;
    /** Acknowledged while the load lasted, each second. */
    sustainedPerS: number;
    errors: Record<string, number>;
    connectionsClosed: number;
  };
  chats: { sent: number; acked: number };
  check: Check;
  latenciesMs: {
    ack: LatencySummary | null;
    broadcast: LatencySummary | null;
    /** Until an edit has arrived at those who watch, where that is measured. */
    watched: LatencySummary | null;
    chatAck: LatencySummary | null;
    /** How late edits left the load's own processes. */
    lateness: LatencySummary | null;
  };
  /** From the start of the load until everything was in Postgres. */
  redis: { commands: number; bytes: number; commandsPerEdit: number; bytesPerEdit: number };
  postgres: {
    transactions: number;
    statements: number;
    /** By its own counters, which count its own housekeeping too. */
    countedTransactions: number;
    rowsWritten: number;
    walBytes: number;
    transactionsPer1000: number;
    statementsPer1000: number;
    rowsPer1000: number;
    walBytesPer1000: number;
  };
  processes: Record<string, ProcessUse & { cpuSPer1000Edits: number }>;
  /** Of the rooms' isolate when the load is over, garbage collected; null where it has no inspector. */
  heapBytes: number | null;
  oldestDirtyMaxMs: number | null;
  /** From the last acknowledgement until everything was in Postgres. */
  drainMs: number | null;
  dollarsPerMillionEdits: Cost;
  timeline: Tick[];
}

export function describeMachine(loadBefore: number): Machine {
  return {
    at: new Date().toISOString(),
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memoryBytes: totalmem(),
    node: process.version,
    loadBefore,
  };
}
