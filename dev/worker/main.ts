/**
 * Runs the Worker of wrangler.toml in Miniflare, with the page: what `wrangler deploy` puts online, on this
 * machine. It is bundled anew when a source changes. Takes the path of a JSON file with
 * {@link workerOptionsSchema}.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { context, type Plugin } from 'esbuild';
import { Log, LogLevel, Miniflare, type MiniflareOptions } from 'miniflare';
import { buildPage, watchPage } from '../../deploy/build-page.ts';
import { messageOf } from '../errors.ts';
import { PROJECT_DIR } from '../project.ts';
import { readConfiguration } from './configuration.ts';
import { writeEntry } from './entry.ts';
import { RELOADING } from './markers.ts';
import { workerOptionsSchema } from './options.ts';
import { providePage } from './page.ts';

const options = workerOptionsSchema.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const pageDir = join(options.folder, 'page');
const pageOptions = { outDir: pageDir, minify: false };
// First: wrangler and Miniflare look into the folder as they start, and nothing says when a watcher's
// first build is there.
if (options.isWatching) await buildPage(pageOptions);
else await providePage(pageDir);
const page = options.isWatching
  ? await watchPage(pageOptions, (built) => {
      if (built instanceof Error) process.stderr.write(`[ERROR] ${built.message}\n`);
    })
  : null;
const configured = await readConfiguration(pageDir);

/** What Miniflare runs, of one build. */
function runtimeOptions(code: string): MiniflareOptions {
  const { assets, ...worker } = configured;
  return {
    ...worker,
    ...(assets ? { assets: { ...assets, directory: pageDir } } : {}),
    modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
    bindings: options.variables,
    host: '127.0.0.1',
    port: options.port,
    durableObjectsPersist: options.stateDir,
    // Nothing is fetched from the internet, and callers' addresses are what they say: tests come from many.
    cf: false,
    stripCfConnectingIp: false,
    log: new Log(LogLevel.WARN),
    handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
      createInterface({ input: stdout }).on('line', (line) => process.stdout.write(`${line}\n`));
      createInterface({ input: stderr }).on('line', (line) => process.stderr.write(`${line}\n`));
    },
    ...(options.inspectorPort === null ? {} : { inspectorPort: options.inspectorPort }),
  };
}

let miniflare: Miniflare | null = null;
let running: Promise<unknown> = Promise.resolve();

/**
 * Starts the runtime, or goes on in a new one: rooms come back with what their storage and the stores hold.
 */
function run(code: string): void {
  running = running.then(async () => {
    if (miniflare === null) {
      miniflare = new Miniflare(runtimeOptions(code));
    } else {
      process.stdout.write(`${RELOADING}\n`);
      await miniflare.setOptions(runtimeOptions(code));
    }
    await miniflare.ready;
  });
  running.catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
    void stop();
  });
}

const starter: Plugin = {
  name: 'starter',
  setup({ onEnd }) {
    onEnd(({ errors, outputFiles }) => {
      for (const { location, text } of errors) {
        process.stderr.write(`[ERROR] ${location ? `${location.file}:${location.line}: ` : ''}${text}\n`);
      }
      const code = outputFiles?.[0]?.text;
      if (errors.length === 0 && code !== undefined) run(code);
    });
  },
};

const bundle = await context({
  entryPoints: [writeEntry(options)],
  absWorkingDir: PROJECT_DIR,
  nodePaths: [join(PROJECT_DIR, 'node_modules')],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['cloudflare:*', 'node:*'],
  sourcemap: 'inline',
  sourcesContent: false,
  logLevel: 'silent',
  outfile: join(options.folder, 'worker.js'),
  plugins: [starter],
});

if (options.isWatching) await bundle.watch();
else await bundle.rebuild().catch(() => process.exit(1));

async function stop(): Promise<void> {
  await Promise.all([page?.stop(), bundle.dispose()]);
  await miniflare?.dispose();
  process.exit();
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
