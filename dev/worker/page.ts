/** The page of a stack. */
import { cpSync } from 'node:fs';
import { keptBuild } from '../kept-build.ts';

/**
 * Puts the page into a folder, which it makes.
 * @param minify as when it is deployed. A page that is watched from then on must be as {@link watchPageIn}
 *   makes it: files with other names would go while the runtime looks at them.
 * @throws {Error} when a source can't be bundled.
 */
export async function providePage(outDir: string, minify: boolean): Promise<void> {
  const make = async (folder: string) => {
    const { buildPage } = await import('../../deploy/build-page.ts');
    await buildPage({ outDir: folder, minify });
  };
  const kept = await keptBuild('page', make, minify ? 'minified' : '');
  cpSync(kept, outDir, { recursive: true });
}

/** Builds it there anew after each change of a source. What can't be bundled is said in the log. */
export async function watchPageIn(outDir: string): Promise<{ stop(): Promise<void> }> {
  const { watchPage } = await import('../../deploy/build-page.ts');
  return watchPage({ outDir, minify: false }, (built) => {
    if (built instanceof Error) process.stderr.write(`[ERROR] ${built.message}\n`);
  });
}
