/** The page for a stack that doesn't watch its sources: built once for all that start with the same ones. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { buildPage } from '../../deploy/build-page.ts';
import { isErrno } from '../errors.ts';
import { PROJECT_DIR } from '../project.ts';

const CACHE = join(PROJECT_DIR, 'node_modules', '.cache', 'backbeat');
const PREFIX = 'page-';
/** What the page is made of, and what makes it. */
const FOLDERS = ['src', 'deploy'];
const FILES = ['package-lock.json', 'wrangler.toml', 'tsconfig.json'];
/** A page of other sources that no stack has made since is removed. */
const KEPT_MS = 24 * 3_600_000;

/**
 * Puts the page into a folder, which it makes.
 * @throws {Error} when a source can't be bundled.
 */
export async function providePage(outDir: string): Promise<void> {
  const cached = join(CACHE, PREFIX + hashOfSources());
  if (copied(cached, outDir)) return;
  await buildPage({ outDir, minify: false });
  mkdirSync(CACHE, { recursive: true });
  removeOld();
  // Stacks that start beside each other must never read half of it.
  const own = `${cached}.${process.pid}`;
  cpSync(outDir, own, { recursive: true });
  try {
    renameSync(own, cached);
  } catch (error) {
    // Another stack was first.
    if (!isErrno(error, 'ENOTEMPTY') && !isErrno(error, 'EEXIST')) throw error;
    rmSync(own, { recursive: true, force: true });
  }
}

function copied(from: string, to: string): boolean {
  try {
    cpSync(from, to, { recursive: true });
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

function hashOfSources(): string {
  const hash = createHash('sha256');
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
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (!name.startsWith(PREFIX) || Date.now() - statSync(path).mtimeMs < KEPT_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}
