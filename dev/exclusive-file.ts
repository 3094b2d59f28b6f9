/**
 * Files that one process at a time can create, which say whose they are, and which can be taken over when
 * that process is gone.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { isErrno } from './errors.ts';
import type { ProcessIdentity } from './process-table.ts';

/** Creates the file with its content in one step; false when there is one. */
export function createExclusive(path: string, content: object): boolean {
  const beside = writeBeside(path, content);
  try {
    linkSync(beside, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** Replaces the content of this process's own file, so that a reader never sees half of it. */
export function replace(path: string, content: object): void {
  renameSync(writeBeside(path, content), path);
}

/** The content, or null when there is no such file or it is damaged. */
export function readExclusive<T>(path: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/**
 * Removes a file that was found stale, and puts it back if another process has taken it meanwhile.
 * @param owner whose the file at a path is; null when it is damaged.
 * @param stale what `owner` said when it was found so.
 */
export function removeStale(
  path: string,
  owner: (path: string) => ProcessIdentity | null,
  stale: ProcessIdentity | null,
): void {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  const moved = owner(aside);
  if (moved && (moved.pid !== stale?.pid || moved.startedAt !== stale.startedAt)) renameSync(aside, path);
  else rmSync(aside, { force: true });
}

function writeBeside(path: string, content: object): string {
  const beside = `${path}.${process.pid}`;
  writeFileSync(beside, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  return beside;
}
