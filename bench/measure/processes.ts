/** CPU time and memory of processes, from /proc. Elsewhere than on Linux nothing is known of either. */
import { readFileSync } from 'node:fs';
import { listProcesses, type ProcessInfo, processTree } from '../../dev/process-table.ts';

/** Linux reports CPU time to programs in hundredths of a second, whatever its own clock does. */
const TICKS_PER_S = 100;
const KIB = 1024;

export interface ProcessUse {
  cpuS: number;
  /** Greatest memory seen: a process' own pages, and its share of those it shares. */
  peakBytes: number;
}

/**
 * Names of groups of processes, each with the pids it begins from. A process belongs to the
 * first group that has it.
 */
export type ProcessGroups = Record<string, readonly number[]>;

/** Follows groups of processes with everything below them, also those that come and go. */
export class ProcessWatch {
  readonly #groups: ProcessGroups;
  /** By group, by process: CPU seconds when last seen. */
  readonly #cpu = new Map<string, Map<string, number>>();
  readonly #base = new Map<string, number>();
  readonly #peak = new Map<string, number>();

  constructor(groups: ProcessGroups) {
    this.#groups = groups;
  }

  /** Counts from here on. */
  start(): void {
    this.sample();
    for (const [name, byProcess] of this.#cpu) this.#base.set(name, sum(byProcess.values()));
    this.#peak.clear();
  }

  /** Looks at everything once. Peaks are those of the samples, so it wants to be called often. */
  sample(): void {
    if (process.platform !== 'linux') return;
    const table = listProcesses();
    const seen = new Set<number>();
    for (const [name, roots] of Object.entries(this.#groups)) {
      const members = roots.flatMap((root) => processTree(root, table)).filter(({ pid }) => !seen.has(pid));
      for (const { pid } of members) seen.add(pid);
      this.#look(name, members);
    }
  }

  use(): Record<string, ProcessUse> {
    return Object.fromEntries(
      [...this.#cpu].map(([name, byProcess]) => [
        name,
        {
          cpuS: sum(byProcess.values()) - (this.#base.get(name) ?? 0),
          peakBytes: this.#peak.get(name) ?? 0,
        },
      ]),
    );
  }

  #look(name: string, members: readonly ProcessInfo[]): void {
    const byProcess = this.#cpu.get(name) ?? new Map<string, number>();
    this.#cpu.set(name, byProcess);
    let bytes = 0;
    for (const { pid, startedAt } of members) {
      const cpuS = cpuSecondsOf(pid);
      if (cpuS !== null) byProcess.set(`${pid} ${startedAt}`, cpuS);
      bytes += members.length === 1 ? residentBytesOf(pid) : proportionalBytesOf(pid);
    }
    this.#peak.set(name, Math.max(this.#peak.get(name) ?? 0, bytes));
  }
}

/** The most memory that a process ever had, in bytes; 0 when unknown. */
export function peakBytesOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * KIB;
}

export function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * KIB;
}

/** Pages that several processes share count in parts, so that a sum over processes counts none twice. */
function proportionalBytesOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * KIB;
}

function cpuSecondsOf(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  // The second field is the name in parentheses and may itself hold blanks and parentheses: read
  // on after the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks / TICKS_PER_S : null;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended between being listed and being read.
    return '';
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
