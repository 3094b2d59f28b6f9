/**
 * One stack a data folder. The lock is a file that says who holds it and which processes belong to it, so
 * that it can be taken over, and what was left behind ended, after its holder was killed.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { StackError } from './errors.ts';
import { createExclusive, readExclusive, removeStale, replace } from './exclusive-file.ts';
import { killAll, sendSignal, waitUntilGone } from './managed-process.ts';
import {
  identify,
  identitySchema,
  isAlive,
  listProcesses,
  type ProcessIdentity,
  processTree,
} from './process-table.ts';

const lockSchema = z.object({
  supervisor: identitySchema,
  /** Cleans up when the supervisor is killed; until it has, the folder isn't free. */
  watchdog: identitySchema.nullable(),
  processes: z.array(identitySchema.extend({ name: z.string() })),
  /** Null while starting. */
  urls: z.object({ page: z.string(), database: z.string() }).nullable(),
});
type LockFile = z.infer<typeof lockSchema>;

/** How long a watchdog may take to end what its supervisor left. */
const CLEAN_UP_MS = 15_000;
const ATTEMPTS = 5;

export class DataLock {
  readonly #path: string;
  #content: LockFile;

  private constructor(path: string, content: LockFile) {
    this.#path = path;
    this.#content = content;
  }

  /**
   * Takes the folder's lock, ending what a killed stack left there.
   * @throws {StackError} naming the stack that holds it.
   */
  static async take(dataDir: string): Promise<DataLock> {
    const path = join(dataDir, 'lock.json');
    const supervisor = identify(process.pid);
    if (!supervisor) throw new StackError('this process is not in the process table');
    const content: LockFile = { supervisor, watchdog: null, processes: [], urls: null };
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (createExclusive(path, content)) return new DataLock(path, content);
      const held = read(path);
      if (held && isAlive(held.supervisor)) throw new StackError(describe(dataDir, held));
      if (held) await endLeftovers(held);
      removeStale(path, (at) => read(at)?.supervisor ?? null, held?.supervisor ?? null);
    }
    throw new StackError(`${path} can't be taken: others take it at the same time`);
  }

  setWatchdog(watchdog: ProcessIdentity | null): void {
    this.#update({ watchdog });
  }

  setUrls(urls: NonNullable<LockFile['urls']>): void {
    this.#update({ urls });
  }

  addProcess(name: string, pid: number): void {
    const identity = identify(pid);
    // It ended at once; there is nothing to remember.
    if (!identity) return;
    this.#update({ processes: [...this.#content.processes.filter(isAlive), { name, ...identity }] });
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }

  #update(change: Partial<LockFile>): void {
    this.#content = { ...this.#content, ...change };
    replace(this.#path, this.#content);
  }
}

/**
 * Ends every process that the lock names, for the watchdog: the Worker at once, engines with a little time
 * to close their files.
 * @returns false when there is no lock, or it is another supervisor's by now.
 */
export async function endLockedProcesses(dataDir: string, supervisorPid: number): Promise<boolean> {
  const path = join(dataDir, 'lock.json');
  const held = read(path);
  if (held?.supervisor.pid !== supervisorPid) return false;
  // A process that is killed closes its pipes, by which the watchdog hears of it, a moment before it is gone.
  if (!(await waitUntilGone(held.supervisor, CLEAN_UP_MS))) return false;
  await endProcesses(held);
  rmSync(path, { force: true });
  return true;
}

async function endLeftovers(held: LockFile): Promise<void> {
  if (held.watchdog && !(await waitUntilGone(held.watchdog, CLEAN_UP_MS)))
    sendSignal(held.watchdog.pid, 'SIGKILL');
  await endProcesses(held);
}

/** Time for the engines to close their files. */
const ENGINE_GRACE_MS = 3_000;

async function endProcesses({ processes }: LockFile): Promise<void> {
  const table = listProcesses();
  // A part that is gone may have left some of its group, unless its pid stands for a process of
  // someone else by now.
  const roots = processes.filter((identity) => {
    const now = table.find(({ pid }) => pid === identity.pid);
    return !now || now.startedAt === identity.startedAt;
  });
  const members = roots.flatMap(({ name, pid }) =>
    processTree(pid, table).map((info) => ({ name, ...info })),
  );
  for (const { name, pid } of members) {
    sendSignal(pid, 'SIGCONT');
    sendSignal(pid, name === 'worker' ? 'SIGKILL' : 'SIGTERM');
  }
  const deadline = Date.now() + ENGINE_GRACE_MS;
  await Promise.all(members.map((member) => waitUntilGone(member, deadline - Date.now())));
  const groups = new Set(roots.map(({ pid }) => pid));
  await killAll(() =>
    listProcesses().filter(
      (info) =>
        groups.has(info.groupId) ||
        members.some(({ pid, startedAt }) => info.pid === pid && info.startedAt === startedAt),
    ),
  );
}

const read = (path: string) => readExclusive(path, lockSchema);

function describe(dataDir: string, { supervisor, urls }: LockFile): string {
  const who = `a stack on ${dataDir} (pid ${supervisor.pid})`;
  return urls
    ? `${who} runs already: page ${urls.page}, database ${urls.database}`
    : `${who} is being started or stopped already`;
}
