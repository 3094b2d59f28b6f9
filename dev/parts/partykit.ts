/** The other host: the same product under partykit's workerd. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { clockModule, hasTrueClock } from '../clock.ts';
import { ManagedProcess } from '../managed-process.ts';
import type { PartSpec } from '../part.ts';
import { commandScript, PROJECT_DIR } from '../project.ts';
import { providePage } from '../worker/page.ts';
import { waitForHttp } from './http-ready.ts';
import type { WorkerPartOptions } from './worker.ts';

/** What we read of partykit.json; the rest is passed on as it is. */
const configSchema = z.looseObject({ main: z.string(), serve: z.string() });

type PartykitOptions = Omit<WorkerPartOptions, 'isWatching' | 'inspectorPort'>;

export function partykitPart(options: PartykitOptions): PartSpec {
  const { port } = options;
  const folder = join(options.dataDir, 'partykit');
  return {
    name: 'worker',
    async spawn(onLine) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const pageDir = join(folder, 'page');
      await providePage(pageDir, true);
      const config = writeFolder(folder, pageDir, options);
      const args = [
        commandScript('partykit'),
        'dev',
        ['--config', config, '--port', String(port), '--persist', options.stateDir ?? join(folder, 'state')],
        // It would ask a server on the internet for what it puts there.
        '--disable-request-cf-fetch',
        '--no-hotkeys',
      ].flat();
      return ManagedProcess.spawn(
        { file: process.execPath, args, cwd: folder, env: { ...options.env, NO_UPDATE_NOTIFIER: '1' } },
        onLine,
      );
    },
    waitUntilReady: (context) =>
      waitForHttp(
        `http://127.0.0.1:${port}/health`,
        context,
        (status) => status === 200 || (!context.isFirst && status === 503),
      ),
    readyTimeoutMs: 60_000,
    findCode: (tree) => tree.find(({ command }) => /\bworkerd serve\b/.test(command)),
    reloadMarker: /^Build succeeded/,
    failureMarker: /^Error reloading local server/,
    firstFailureMarker: /\[ERROR\]/,
    stop: { signal: 'SIGTERM', target: 'tree', graceMs: 3_000 },
    isShown: true,
  };
}

/**
 * Writes what partykit reads into a folder of its own, from the project's partykit.json.
 *
 * partykit runs in this folder because it looks for a `.env` from where it runs upwards and lets it
 * override every variable: the empty ones here keep it from the project's, which may hold production's.
 * And since its workerd refuses modules outside of the folder it runs in, the entry is a file here that
 * leads to the real one.
 */
function writeFolder(
  folder: string,
  pageDir: string,
  { variables, entry: otherEntry, clock }: PartykitOptions,
): string {
  const source = join(PROJECT_DIR, 'partykit.json');
  // Its build is the page's, which is made already.
  const { build: _, ...config } = configSchema.parse(JSON.parse(readFileSync(source, 'utf8')));
  const entry = join(folder, 'server.ts');
  const main = JSON.stringify(otherEntry ?? resolve(dirname(source), config.main));
  if (!hasTrueClock(clock)) writeFileSync(join(folder, 'clock.js'), clockModule(clock));
  writeFileSync(entry, hasTrueClock(clock) ? `export { default } from ${main};\n` : clockedEntry(main));
  for (const name of ['.env', '.env.local']) writeFileSync(join(folder, name), '');
  const path = join(folder, 'partykit.json');
  const generated = { ...config, main: entry, serve: pageDir, vars: variables };
  writeFileSync(path, `${JSON.stringify(generated, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/**
 * The runtime's alarms go by the true clock, as they would where the machine itself is wrong: so
 * theirs are put right.
 */
function clockedEntry(main: string): string {
  return `import { toTrueTime } from './clock.js';
import Room from ${main};
export default class extends Room {
  constructor(room) {
    const { storage } = room;
    const setAlarm = storage.setAlarm.bind(storage);
    storage.setAlarm = (atMs) => setAlarm(toTrueTime(atMs));
    super(room);
  }
}
`;
}
