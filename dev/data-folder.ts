/** Where a stack keeps everything it writes. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, StackError } from './errors.ts';

export interface DataFolder {
  path: string;
  isThrowaway: boolean;
}

/**
 * Makes the folder when it isn't there.
 * @param path null: a new throwaway folder.
 * @throws {StackError} when it can't be made.
 */
export function openDataFolder(path: string | null): DataFolder {
  try {
    const folder = path ?? mkdtempSync(join(tmpdir(), 'backbeat-'));
    mkdirSync(join(folder, 'logs'), { recursive: true });
    // To be passed through, not listed: a real Postgres may run as another user below it. Secrets are
    // in files of mode 0600.
    if (path === null) chmodSync(folder, 0o711);
    return { path: folder, isThrowaway: path === null };
  } catch (error) {
    throw new StackError(`the data folder can't be made: ${messageOf(error)}`);
  }
}

/** Removes a throwaway folder; one to keep stays. */
export function closeDataFolder({ path, isThrowaway }: DataFolder): void {
  if (isThrowaway) rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
