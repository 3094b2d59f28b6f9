/** The Worker's code, in one file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildOptions, BuildResult } from 'esbuild';
import { hasTrueClock } from '../clock.ts';
import { keptBuild } from '../kept-build.ts';
import { PROJECT_DIR } from '../project.ts';
import { writeEntry } from './entry.ts';
import type { WorkerOptions } from './options.ts';

const FILE = 'worker.js';

type BundleOptions = Pick<WorkerOptions, 'folder' | 'entry' | 'clock' | 'isWatching' | 'inspectorPort'>;

/**
 * The bundle for a stack that doesn't watch its sources. That of the Worker as it is is made once for all.
 * @throws {Error} when a source can't be bundled; what and where is in the log.
 */
export async function provideBundle(options: BundleOptions): Promise<string> {
  const make = async (folder: string) => {
    const { build } = await import('esbuild');
    await build({ ...bundling(folder, options), write: true, outfile: join(folder, FILE) });
  };
  const { folder, entry, clock, inspectorPort } = options;
  const isPlain = entry === null && hasTrueClock(clock) && inspectorPort === null;
  if (!isPlain) await make(folder);
  return readFileSync(join(isPlain ? await keptBuild('worker', make) : folder, FILE), 'utf8');
}

/**
 * Bundles now and after every change of a source.
 * @param onBundle gets each bundle. What can't be bundled is said in the log.
 */
export async function watchBundle(
  options: BundleOptions,
  onBundle: (code: string) => void,
): Promise<{ dispose(): Promise<void> }> {
  const { context } = await import('esbuild');
  const bundles = await context(bundling(options.folder, options, onBundle));
  await bundles.watch();
  return bundles;
}

function bundling(
  folder: string,
  options: BundleOptions,
  onBundle: (code: string) => void = () => {},
): BuildOptions {
  // Developers read the stacks and profiles of these. The runtime starts a small bundle sooner.
  const isForReaders = options.isWatching || options.inspectorPort !== null;
  return {
    entryPoints: [writeEntry(folder, options)],
    absWorkingDir: PROJECT_DIR,
    nodePaths: [join(PROJECT_DIR, 'node_modules')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    minifySyntax: !isForReaders,
    minifyWhitespace: !isForReaders,
    sourcemap: isForReaders ? 'inline' : false,
    sourcesContent: false,
    logLevel: 'silent',
    // From where the runtime's stacks name the sources.
    outfile: join(PROJECT_DIR, FILE),
    plugins: [
      {
        name: 'bundled',
        setup({ onEnd }) {
          onEnd(({ errors, outputFiles }: BuildResult) => {
            for (const { location, text } of errors) {
              const place = location ? `${location.file}:${location.line}: ` : '';
              process.stderr.write(`[ERROR] ${place}${text}\n`);
            }
            const code = outputFiles?.[0]?.text;
            if (errors.length === 0 && code !== undefined) onBundle(code);
          });
        },
      },
    ],
  };
}
