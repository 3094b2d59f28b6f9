/** The Worker in Miniflare: page, API, rooms. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { ManagedProcess } from '../managed-process.ts';
import type { PartSpec } from '../part.ts';
import { PROJECT_DIR, programArgs } from '../project.ts';
import { RELOADING } from '../worker/markers.ts';
import type { WorkerOptions } from '../worker/options.ts';
import { waitForHttp } from './http-ready.ts';

export interface WorkerPartOptions {
  port: number;
  variables: Record<string, string>;
  dataDir: string;
  /** Another wiring of the Worker; null for wrangler.toml's. */
  entry: string | null;
  /** Where the rooms' own storage is; null: in the data folder. */
  stateDir: string | null;
  isWatching: boolean;
  env: Record<string, string>;
  /** From its next start on. */
  clock: Clock;
  inspectorPort: number | null;
}

export function workerPart(options: WorkerPartOptions): PartSpec {
  const { port } = options;
  const folder = join(options.dataDir, 'worker');
  return {
    name: 'worker',
    spawn(onLine) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const told: WorkerOptions = {
        folder,
        port,
        variables: options.variables,
        entry: options.entry,
        stateDir: options.stateDir ?? join(folder, 'state'),
        isWatching: options.isWatching,
        clock: options.clock,
        inspectorPort: options.inspectorPort,
      };
      const file = join(folder, 'options.json');
      writeFileSync(file, JSON.stringify(told), { mode: 0o600 });
      return ManagedProcess.spawn(
        {
          file: process.execPath,
          args: [...programArgs('worker'), file],
          cwd: PROJECT_DIR,
          env: { ...options.env, ...quiet(folder) },
        },
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
    findCode: (tree) => tree.find(({ command }) => /\bworkerd serve\b/.test(command)),
    reloadMarker: new RegExp(RELOADING),
    firstFailureMarker: /\[ERROR\]/,
    stop: { signal: 'SIGTERM', target: 'leader', graceMs: 3_000 },
    isShown: true,
  };
}

/**
 * Miniflare and wrangler, which reads its file: nothing is sent or fetched, and nothing is kept
 * outside the data folder.
 */
function quiet(folder: string): Record<string, string> {
  return {
    XDG_CONFIG_HOME: join(folder, 'config'),
    WRANGLER_LOG_PATH: join(folder, 'logs'),
    WRANGLER_REGISTRY_PATH: join(folder, 'registry'),
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    X_LOCAL_EXPLORER: 'false',
  };
}
