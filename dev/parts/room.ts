/** The rooms under partykit's workerd. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { type ClockSkews, skewedClock } from '../clock-skew.ts';
import { ManagedProcess } from '../managed-process.ts';
import type { PartSpec } from '../part.ts';
import { commandScript, PROJECT_DIR } from '../project.ts';
import { waitForHttp } from './http-ready.ts';

/** What we read of partykit.json; the rest is passed on as it is. */
const configSchema = z.looseObject({
  main: z.string(),
  serve: z.looseObject({ path: z.string(), build: z.string() }),
});

export function roomPart(options: {
  port: number;
  variables: Record<string, string>;
  dataDir: string;
  /** Serve a copy of the page's files: stacks that run beside each other must not build into one folder. */
  copiesStatic: boolean;
  /** Serve this file's rooms instead; null for partykit.json's. */
  entry: string | null;
  /** Where the rooms' own storage is; null: in the data folder. */
  stateDir: string | null;
  env: Record<string, string>;
  skews: ClockSkews;
}): PartSpec {
  const { port } = options;
  const folder = join(options.dataDir, 'room');
  return {
    name: 'room',
    spawn(onLine) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const config = writeFolder(folder, options);
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
    waitUntilReady: (context) => waitForHttp(`http://127.0.0.1:${port}/`, context, (status) => status < 500),
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
 * partykit runs in this folder because it looks for a `.env` from where it runs upwards and lets it override every variable: the
 * empty ones here keep it from the project's, which may hold production's. And since its workerd refuses modules outside of the
 * folder it runs in, the entry is a file here that leads to the real one.
 */
function writeFolder(
  folder: string,
  { variables, copiesStatic, entry: otherEntry, skews }: Parameters<typeof roomPart>[0],
): string {
  const source = join(PROJECT_DIR, 'partykit.json');
  const config = configSchema.parse(JSON.parse(readFileSync(source, 'utf8')));
  const inProject = (path: string) => resolve(dirname(source), path);

  const entry = join(folder, 'server.ts');
  const main = JSON.stringify(otherEntry ?? inProject(config.main));
  const skewMs = skews.room;
  if (skewMs !== 0) writeFileSync(join(folder, 'clock.js'), skewedClock(skewMs));
  writeFileSync(
    entry,
    skewMs === 0 ? `export { default } from ${main};\n` : skewedEntry(main, './clock.js', skewMs),
  );
  for (const name of ['.env', '.env.local']) writeFileSync(join(folder, name), '');

  let staticDir = inProject(config.serve.path);
  if (copiesStatic) {
    const copy = join(folder, 'static');
    cpSync(staticDir, copy, { recursive: true });
    staticDir = copy;
  }
  const generated = {
    ...config,
    main: entry,
    serve: { ...config.serve, path: staticDir, build: inProject(config.serve.build) },
    vars: variables,
  };
  const path = join(folder, 'partykit.json');
  writeFileSync(path, `${JSON.stringify(generated, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/** The runtime's alarms go by the true clock, as they would where the machine itself is wrong: so theirs are put right. */
function skewedEntry(main: string, clock: string, skewMs: number): string {
  return `import ${JSON.stringify(clock)};
import Room from ${main};
export default class extends Room {
  constructor(room) {
    const { storage } = room;
    const setAlarm = storage.setAlarm.bind(storage);
    storage.setAlarm = (atMs) => setAlarm(atMs - ${skewMs});
    super(room);
  }
}
`;
}
