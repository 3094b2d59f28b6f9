/** One child process with everything below it, ended as a whole. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { messageOf } from './errors.ts';
import {
  isAlive,
  listProcesses,
  type ProcessIdentity,
  type ProcessInfo,
  processTree,
} from './process-table.ts';

export interface Command {
  file: string;
  args: string[];
  cwd: string;
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>;
}

export type LineSink = (line: string, stream: 'stdout' | 'stderr') => void;

const POLL_MS = 25;

export class ManagedProcess {
  readonly pid: number;
  /** Resolves when the process itself has ended, with how, in words. */
  readonly exited: Promise<string>;
  #hasExited = false;

  /**
   * @param child a child of this process.
   * @param onLine gets each line of its output, without colours; null when another reader has it.
   */
  constructor(child: ChildProcess, onLine: LineSink | null) {
    // A child that couldn't be spawned has no pid; `exited` says why.
    this.pid = child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
        resolve(signal ? `was ended by ${signal}` : `ended with code ${code}`);
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
      child.once('error', (error) => resolve(`could not be started: ${messageOf(error)}`));
      child.once('exit', onExit);
    });
    void this.exited.then(() => {
      this.#hasExited = true;
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      const input = child[stream];
      if (!input || !onLine) continue;
      createInterface({ input }).on('line', (raw) => {
        const line = stripVTControlCharacters(raw).trimEnd();
        if (line !== '') onLine(line, stream);
      });
    }
  }

  /** Spawns a command as the leader of a group of its own, out of reach of the terminal's Ctrl-C. */
  static spawn(command: Command, onLine: LineSink): ManagedProcess {
    const { file, args, cwd, env } = command;
    return new ManagedProcess(
      spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] }),
      onLine,
    );
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  tree(): ProcessInfo[] {
    return this.pid === 0 ? [] : processTree(this.pid);
  }

  /** Sends a signal to the process and everything below it. */
  signalTree(signal: NodeJS.Signals): void {
    for (const { pid } of this.tree()) sendSignal(pid, signal);
  }

  /**
   * Ends the process and everything below it; resolves when nothing of it is left.
   * @param signal asks it to end; `SIGKILL` doesn't ask.
   * @param target who is asked: the process itself, or all below it too.
   * @param graceMs after this time what is left is killed.
   */
  async end(signal: NodeJS.Signals, target: 'leader' | 'tree', graceMs: number): Promise<void> {
    if (this.pid === 0) return;
    const members = this.tree();
    // A stopped process can't act on a signal.
    for (const { pid } of members) sendSignal(pid, 'SIGCONT');
    for (const { pid } of target === 'tree' || signal === 'SIGKILL'
      ? members
      : members.filter(this.#isLeader)) {
      sendSignal(pid, signal);
    }
    if (!(await this.#isGoneWithin(members, signal === 'SIGKILL' ? 0 : graceMs))) {
      await killAll(() => this.#left(members));
    }
    await this.exited;
  }

  #isLeader = ({ pid }: ProcessInfo) => pid === this.pid;

  async #isGoneWithin(members: readonly ProcessIdentity[], timeMs: number): Promise<boolean> {
    const deadline = Date.now() + timeMs;
    while (this.#left(members).length > 0) {
      if (Date.now() >= deadline) return false;
      await delay(POLL_MS);
    }
    return true;
  }

  /** What is left of `members`, and whatever has joined the group since. */
  #left(members: readonly ProcessIdentity[]): ProcessIdentity[] {
    const table = listProcesses();
    return table.filter(
      (info) =>
        info.groupId === this.pid ||
        info.pid === this.pid ||
        members.some(({ pid, startedAt }) => info.pid === pid && info.startedAt === startedAt),
    );
  }
}

/** Kills until `left` finds nothing: a process may fork between being listed and being killed. */
export async function killAll(left: () => readonly ProcessIdentity[]): Promise<void> {
  for (let remaining = left(); remaining.length > 0; remaining = left()) {
    for (const { pid } of remaining) sendSignal(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}

/** Sends a signal; a process that is gone already is none to complain about. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it ended by itself.
  }
}

/** Resolves when that very process is gone; false after `timeMs`. */
export async function waitUntilGone(identity: ProcessIdentity, timeMs: number): Promise<boolean> {
  const deadline = Date.now() + timeMs;
  while (isAlive(identity)) {
    if (Date.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}
