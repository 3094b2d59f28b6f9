/** Where the project's own files are. */
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT_DIR = dirname(dirname(fileURLToPath(import.meta.url)));

const require = createRequire(import.meta.url);

/** The arguments for `process.execPath` to run one of our TypeScript files without a process in between. */
export function tsxArgs(script: string): string[] {
  return ['--import', require.resolve('tsx'), join(PROJECT_DIR, script)];
}

/** The script behind a package's command, to be run by `process.execPath` without npx in between. */
export function commandScript(name: string): string {
  return realpathSync(join(PROJECT_DIR, 'node_modules', '.bin', name));
}
