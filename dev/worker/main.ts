/**
 * Runs the Worker of wrangler.toml in Miniflare, with the page: what `wrangler deploy` puts online, on this
 * machine. It is bundled anew when a source changes. Takes the path of a JSON file with
 * {@link workerOptionsSchema}.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Log, LogLevel, Miniflare, type MiniflareOptions } from 'miniflare';
import { messageOf } from '../errors.ts';
import { provideBundle, watchBundle } from './bundle.ts';
import { readConfiguration } from './configuration.ts';
import { RELOADING } from './markers.ts';
import { workerOptionsSchema } from './options.ts';
import { providePage, watchPageIn } from './page.ts';

const options = workerOptionsSchema.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const pageDir = join(options.folder, 'page');
// First: wrangler and Miniflare look into the folder as they start, and nothing says when a watcher's
// first build is there.
await providePage(pageDir, !options.isWatching);
const page = options.isWatching ? await watchPageIn(pageDir) : null;
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

const bundle = options.isWatching ? await watchBundle(options, run) : null;
if (bundle === null) run(await provideBundle(options).catch(() => process.exit(1)));

async function stop(): Promise<void> {
  await Promise.all([page?.stop(), bundle?.dispose()]);
  await miniflare?.dispose();
  process.exit();
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop());
