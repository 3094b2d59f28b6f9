/** The Worker under wrangler's workerd. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ClockSkews, skewedClock } from '../clock-skew.ts';
import { ManagedProcess } from '../managed-process.ts';
import type { PartSpec } from '../part.ts';
import { commandScript, PROJECT_DIR } from '../project.ts';
import { writeDotenvFile } from './dotenv-file.ts';
import { waitForHttp } from './http-ready.ts';

/** Nothing is sent or fetched, and nothing is kept outside the data folder. */
function quiet(folder: string): Record<string, string> {
  return {
    XDG_CONFIG_HOME: join(folder, 'config'),
    WRANGLER_LOG_PATH: join(folder, 'logs'),
    WRANGLER_REGISTRY_PATH: join(folder, 'registry'),
    WRANGLER_CACHE_DIR: join(folder, 'cache'),
    WRANGLER_SEND_METRICS: 'false',
    // With the banner goes the look for a newer version.
    WRANGLER_HIDE_BANNER: 'true',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    X_LOCAL_EXPLORER: 'false',
  };
}

export function workerPart(options: {
  port: number;
  variables: Record<string, string>;
  dataDir: string;
  env: Record<string, string>;
  skews: ClockSkews;
}): PartSpec {
  const { port, variables } = options;
  const folder = join(options.dataDir, 'worker');
  const entry = `entry=127.0.0.1:${port}`;
  return {
    name: 'worker',
    spawn(onLine) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const envFile = join(folder, 'variables.env');
      writeDotenvFile(envFile, variables);
      const args = [
        commandScript('wrangler'),
        'dev',
        skewedEntry(folder, options.skews.worker),
        ['--config', join(PROJECT_DIR, 'wrangler.toml')],
        // Named, it is the only one that is read: neither the project's .env nor its .dev.vars, which may hold production's.
        ['--env-file', envFile],
        ['--persist-to', join(folder, 'state')],
        ['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
        '--test-scheduled',
        '--show-interactive-dev-session=false',
      ].flat();
      return ManagedProcess.spawn(
        { file: process.execPath, args, cwd: PROJECT_DIR, env: { ...options.env, ...quiet(folder) } },
        onLine,
      );
    },
    // Once it has been well, it may be started while a store is down on purpose.
    waitUntilReady: (context) =>
      waitForHttp(
        `http://127.0.0.1:${port}/health`,
        context,
        (status) => status === 200 || (!context.isFirst && status === 503),
      ),
    readyTimeoutMs: 60_000,
    // Of wrangler's two workerds, the one that listens on the Worker's port only passes requests on to the other.
    findCode: (tree) =>
      tree.find(({ command }) => /\bworkerd serve\b/.test(command) && !command.includes(entry)),
    reloadMarker: /Reloading local server/,
    firstFailureMarker: /\[ERROR\]/,
    stop: { signal: 'SIGTERM', target: 'tree', graceMs: 3_000 },
    isShown: true,
  };
}

/** The entry that sets the clock wrong and leads to the real one; none when the clock is right. */
function skewedEntry(folder: string, skewMs: number): string[] {
  if (skewMs === 0) return [];
  const entry = join(folder, 'entry.js');
  const main = JSON.stringify(join(PROJECT_DIR, 'src/worker/index.ts'));
  writeFileSync(join(folder, 'clock.js'), skewedClock(skewMs));
  writeFileSync(entry, `import './clock.js';\nexport { default } from ${main};\n`);
  return [entry];
}
