/** Keeps two processes off one data folder: PGlite has no lock of its own that works across processes. */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const fileName = 'backbeat.lock';

/** Another process that is still alive has the folder open. */
export class FolderLockedError extends Error {
  override readonly name = 'FolderLockedError';
}

/** Who holds the lock. The start time tells a process from a later one that got the same id. */
const ownerSchema = z.object({ pid: z.number().int(), startedAt: z.string().nullable(), token: z.string() });
type Owner = z.infer<typeof ownerSchema>;

export interface FolderLock {
  /** Removes the lock if it is still ours. Synchronous, so that it can run while the process exits. */
  release(): void;
}

/**
 * Takes the lock of `folder`, which is made if it is missing. A lock whose owner is dead, killed for
 * instance, is taken over.
 * @throws {FolderLockedError} naming the process that holds it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, fileName);
  const self: Owner = { pid: process.pid, startedAt: await startTime(process.pid), token: randomUUID() };
  for (;;) {
    const holder = claim(path, self);
    if (holder === null) break;
    if (await isAlive(holder)) {
      throw new FolderLockedError(`${folder} is in use by process ${holder.pid}`);
    }
    discard(path, holder);
  }
  return {
    release: () => {
      if (read(path)?.token === self.token) rmSync(path, { force: true });
    },
  };
}

/** Creates the lock, whole or not at all; returns null on success, else who holds it. */
function claim(path: string, self: Owner): Owner | null {
  const draft = `${path}.${self.token}`;
  writeFileSync(draft, JSON.stringify(self));
  try {
    linkSync(draft, path);
    return null;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    // Gone or unreadable in between: as good as dead, and looked at again.
    return read(path) ?? { pid: 0, startedAt: null, token: '' };
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes a dead owner's lock. If another process has just replaced it, that one's is put back. */
function discard(path: string, dead: Owner): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  const taken = read(aside);
  try {
    if (taken !== null && taken.token !== dead.token) linkSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(path: string): Owner | null {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

async function isAlive({ pid, startedAt }: Owner): Promise<boolean> {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, but another user's.
    if (!hasCode(error, 'EPERM')) return false;
  }
  return startedAt === null || startedAt === (await startTime(pid));
}

/** When a process started, in ticks since boot; null where the system has no /proc. */
async function startTime(pid: number): Promise<string | null> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the name before it, in parentheses, may itself hold spaces and parentheses.
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
