/**
 * The programs of the local stack as JavaScript. Node can't run the sources itself, and what translates them
 * as they are loaded takes more time than the programs, at each start of each of the five.
 */
import { build } from 'esbuild';
import { keptBuild } from './kept-build.ts';
import { madeProgramArgs, PROGRAMS, PROJECT_DIR, type Program } from './project.ts';

/**
 * Makes the programs, unless they are made already.
 * @returns the arguments for `process.execPath` to run one.
 * @throws {Error} when a source can't be bundled.
 */
export async function providePrograms(): Promise<(program: Program) => string[]> {
  const folder = await keptBuild('programs', makePrograms, PROJECT_DIR);
  return (program) => madeProgramArgs(folder, program);
}

async function makePrograms(outdir: string): Promise<void> {
  await build({
    entryPoints: PROGRAMS,
    absWorkingDir: PROJECT_DIR,
    outdir,
    bundle: true,
    // What a program imports only sometimes stays apart.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    define: { MADE_FOR_PROJECT: JSON.stringify(PROJECT_DIR) },
    logLevel: 'silent',
  });
}
