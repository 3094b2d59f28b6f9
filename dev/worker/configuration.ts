/** What wrangler makes of wrangler.toml for Miniflare. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Unstable_MiniflareWorkerOptions } from 'wrangler';
import { isErrno } from '../errors.ts';
import { PROJECT_DIR } from '../project.ts';

type Configuration = Unstable_MiniflareWorkerOptions['workerOptions'];

const FILE = join(PROJECT_DIR, 'wrangler.toml');

/**
 * Reads wrangler.toml. To load wrangler takes longer than everything else of a start, so what it said of the same file is kept
 * in `folder` for the next start.
 * @param pageDir the folder of `[assets]`; it has to be there.
 */
export async function readConfiguration(folder: string, pageDir: string): Promise<Configuration> {
  const digest = createHash('sha256').update(readFileSync(FILE)).digest('hex');
  const cache = join(folder, `wrangler-${digest.slice(0, 16)}.json`);
  try {
    return JSON.parse(readFileSync(cache, 'utf8'));
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  const { unstable_getMiniflareWorkerOptions } = await import('wrangler');
  const { workerOptions } = unstable_getMiniflareWorkerOptions(FILE, undefined, {
    overrides: { assets: { directory: pageDir } },
  });
  writeFileSync(cache, JSON.stringify(workerOptions));
  return workerOptions;
}
