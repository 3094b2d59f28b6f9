/** Where the project's own files are. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this code is: among the sources, or in a program that was made of them (`programs.ts`). */
const HERE = dirname(fileURLToPath(import.meta.url));

/** Set when the programs are made: they may lie in a `node_modules` that two projects share. */
declare const MADE_FOR_PROJECT: string | undefined;

export const PROJECT_DIR = typeof MADE_FOR_PROJECT === 'string' ? MADE_FOR_PROJECT : projectOf(HERE);

/** What a stack's start makes is kept here for the next. */
export const CACHE_DIR = join(PROJECT_DIR, 'node_modules', '.cache', 'backbeat');

/** The stack's programs, by the names that they get (`programs.ts`). */
export const PROGRAMS = {
  supervisor: 'dev/supervisor.ts',
  watchdog: 'dev/watchdog.ts',
  worker: 'dev/worker/main.ts',
  upstash: 'dev/upstash/main.ts',
  neon: 'dev/neon/main.ts',
  'sign-in': 'dev/sign-in/main.ts',
} as const;
export type Program = keyof typeof PROGRAMS;

/** The arguments for `process.execPath` to run a program of the stack that this code is a part of. */
export function programArgs(program: Program): string[] {
  return import.meta.url.endsWith('.ts') ? tsxArgs(PROGRAMS[program]) : madeProgramArgs(HERE, program);
}

/** The same for a program in that folder. */
export function madeProgramArgs(folder: string, program: Program): string[] {
  return [join(folder, `${program}.js`)];
}

const require = createRequire(import.meta.url);

/** The arguments for `process.execPath` to run one of our TypeScript files without a process in between. */
export function tsxArgs(script: string): string[] {
  return ['--import', require.resolve('tsx'), join(PROJECT_DIR, script)];
}

/** The script behind a package's command, to be run by `process.execPath` without npx in between. */
export function commandScript(name: string): string {
  return realpathSync(join(PROJECT_DIR, 'node_modules', '.bin', name));
}

function projectOf(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('no package.json above this file');
  return projectOf(parent);
}
