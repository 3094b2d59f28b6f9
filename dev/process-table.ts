/**
 * The system's processes, as far as supervising needs them: who descends from whom, and who is really gone.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

export interface ProcessInfo {
  pid: number;
  parentPid: number;
  groupId: number;
  /** Opaque; together with the pid it names one process even after the pid was given out again. */
  startedAt: string;
  /** The command line, arguments parted by blanks. */
  command: string;
}

/** A process, told apart from a later one with the same pid. */
export type ProcessIdentity = Pick<ProcessInfo, 'pid' | 'startedAt'>;
export const identitySchema = z.object({ pid: z.number().int(), startedAt: z.string() });

/** Every live process; zombies count as gone, since a container may have no process that reaps orphans. */
export function listProcesses(): ProcessInfo[] {
  return process.platform === 'linux' ? listFromProc() : listFromPs();
}

/** The identity of a live process, or null when there is none with that pid. */
export function identify(pid: number): ProcessIdentity | null {
  const found = process.platform === 'linux' ? readProc(pid) : listFromPs(['-p', String(pid)])[0];
  return found ? { pid, startedAt: found.startedAt } : null;
}

/** Whether that very process still runs. */
export function isAlive({ pid, startedAt }: ProcessIdentity): boolean {
  return identify(pid)?.startedAt === startedAt;
}

/**
 * A process with everything below it, and with everything in its group: children of a dead child are found by
 * the group, and those that left the group (Postgres' backends do) by descent.
 */
export function processTree(rootPid: number, table: readonly ProcessInfo[] = listProcesses()): ProcessInfo[] {
  const pids = new Set([rootPid]);
  let before = 0;
  while (before !== pids.size) {
    before = pids.size;
    for (const info of table) {
      if (pids.has(info.parentPid) || info.groupId === rootPid) pids.add(info.pid);
    }
  }
  return table.filter((info) => pids.has(info.pid));
}

function listFromProc(): ProcessInfo[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    return Number.isInteger(pid) ? (readProc(pid) ?? []) : [];
  });
}

function readProc(pid: number): ProcessInfo | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses and may itself hold blanks and parentheses: read
    // on after the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, parentPid, groupId] = fields;
    const startedAt = fields[19];
    if (state === undefined || state === 'Z' || state === 'X' || startedAt === undefined) return null;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parentPid: Number(parentPid), groupId: Number(groupId), startedAt, command };
  } catch {
    // It ended between being listed and being read.
    return null;
  }
}

const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\d{4})\s+(.*)$/;

function listFromPs(selection = ['-A']): ProcessInfo[] {
  // It fails when it finds none; what it printed is right all the same.
  const { stdout } = spawnSync('ps', [...selection, '-o', 'pid=,ppid=,pgid=,stat=,lstart=,command='], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 16 * 1024 * 1024,
  });
  return (stdout ?? '').split('\n').flatMap((line) => {
    const match = PS_LINE.exec(line);
    if (!match) return [];
    const [, pid, parentPid, groupId, state, startedAt, command] = match;
    if (state?.startsWith('Z') || startedAt === undefined || command === undefined) return [];
    return { pid: Number(pid), parentPid: Number(parentPid), groupId: Number(groupId), startedAt, command };
  });
}
