/** What a stack's start builds of the sources: built once for all starts with the same ones. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isErrno } from './errors.ts';
import { CACHE_DIR, PROJECT_DIR } from './project.ts';

/** What the builds are made of, and what makes them. */
const FOLDERS = ['src', 'deploy', 'dev'];
const FILES = ['package-lock.json', 'wrangler.toml', 'tsconfig.json'];
/**
 * A build of other sources is removed when no start has used it for so long. The programs are used on by a
 * stack that goes on when the sources have changed.
 */
const KEPT_DAYS = { page: 1, worker: 1, programs: 30 };
const DAY_MS = 24 * 3_600_000;

/**
 * @param build puts the build into a folder, which is there and empty.
 * @param detail what it depends on besides the sources.
 * @returns the folder of the build. Nothing in it may be changed.
 */
export async function keptBuild(
  name: keyof typeof KEPT_DAYS,
  build: (outDir: string) => Promise<void>,
  detail = '',
): Promise<string> {
  const kept = join(CACHE_DIR, `${name}-${hashOfSources(detail)}`);
  if (isUsedAgain(kept)) return kept;
  // Stacks that start beside each other must never read half of it.
  const own = `${kept}.${process.pid}`;
  mkdirSync(own, { recursive: true });
  removeOld();
  try {
    await build(own);
    renameSync(own, kept);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    // Another stack was first.
    if (!isErrno(error, 'ENOTEMPTY') && !isErrno(error, 'EEXIST')) throw error;
  }
  return kept;
}

function isUsedAgain(folder: string): boolean {
  try {
    const now = new Date();
    utimesSync(folder, now, now);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

function hashOfSources(detail: string): string {
  const hash = createHash('sha256').update(detail);
  for (const path of sources()) {
    hash.update(`${path}\0`);
    hash.update(readFileSync(join(PROJECT_DIR, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

function sources(): string[] {
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(PROJECT_DIR, folder), { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? relative(PROJECT_DIR, join(entry.parentPath, entry.name)) : [],
    ),
  );
  return [...inFolders, ...FILES].sort();
}

function removeOld(): void {
  for (const file of readdirSync(CACHE_DIR)) {
    const found = Object.entries(KEPT_DAYS).find(([name]) => file.startsWith(`${name}-`));
    if (found === undefined) continue;
    const path = join(CACHE_DIR, file);
    const [, days] = found;
    // It may be gone: another stack has finished it, or removed it.
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > days * DAY_MS) rmSync(path, { recursive: true, force: true });
  }
}
