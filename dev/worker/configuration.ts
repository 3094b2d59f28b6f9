/** What wrangler makes of wrangler.toml for Miniflare. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Unstable_MiniflareWorkerOptions } from 'wrangler';
import { isErrno } from '../errors.ts';
import { CACHE_DIR, PROJECT_DIR } from '../project.ts';

type Configuration = Unstable_MiniflareWorkerOptions['workerOptions'];

const FILE = join(PROJECT_DIR, 'wrangler.toml');

/**
 * Reads wrangler.toml. To load wrangler takes longer than everything else of a start, so what that version of
 * it said of the same file is kept for the next start, of any stack.
 * @param pageDir the folder of `[assets]`; it has to be there. The answer names that of the first caller.
 */
export async function readConfiguration(pageDir: string): Promise<Configuration> {
  const hash = createHash('sha256');
  for (const file of [FILE, join(PROJECT_DIR, 'node_modules', 'wrangler', 'package.json')]) {
    hash.update(readFileSync(file));
  }
  const cached = join(CACHE_DIR, `wrangler-${hash.digest('hex').slice(0, 16)}.json`);
  try {
    return JSON.parse(readFileSync(cached, 'utf8'));
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  const { unstable_getMiniflareWorkerOptions } = await import('wrangler');
  const { workerOptions } = unstable_getMiniflareWorkerOptions(FILE, undefined, {
    overrides: { assets: { directory: pageDir } },
  });
  mkdirSync(CACHE_DIR, { recursive: true });
  // Stacks that start beside each other must never read half of it.
  const own = `${cached}.${process.pid}`;
  writeFileSync(own, JSON.stringify(workerOptions));
  renameSync(own, cached);
  return workerOptions;
}
