/** A throwaway copy of the project, in which code can be broken and tests be run. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { commandScript, PROJECT_DIR } from '../../dev/project.ts';

const REPORT = 'report.json';

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({ title: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

export interface TestRun {
  /** Some tests have their title more than once: they run on more than one engine. */
  tests: { title: string; hasPassed: boolean; hasFailed: boolean; message: string }[];
  /** What kept a file's tests from running at all. */
  errors: string[];
}

/**
 * The text to break isn't there exactly once: the code has changed, and the mutation has to be written anew.
 */
export class StaleMutationError extends Error {
  override readonly name = 'StaleMutationError';
}

/** @throws {StaleMutationError} */
export function replaceOnce(text: string, find: string, replace: string): string {
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new StaleMutationError(`found ${parts.length - 1} times, not once: ${JSON.stringify(find)}`);
  return parts.join(replace);
}

export class Workspace {
  readonly #folder = mkdtempSync(join(tmpdir(), 'backbeat-mutations-'));

  /** Copies what git knows of or would add, as it is in the working tree. */
  constructor() {
    const names = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: PROJECT_DIR,
      encoding: 'utf8',
    });
    for (const name of names.split('\0')) {
      const source = join(PROJECT_DIR, name);
      if (name !== '' && existsSync(source)) cpSync(source, join(this.#folder, name));
    }
    symlinkSync(join(PROJECT_DIR, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /**
   * Breaks a file. @returns what mends it again.
   * @throws {StaleMutationError}
   */
  break(name: string, find: string, replace: string): () => void {
    const file = join(this.#folder, name);
    const whole = readFileSync(file, 'utf8');
    this.#write(file, replaceOnce(whole, find, replace));
    return () => this.#write(file, whole);
  }

  /** Runs the tests of one file that have these titles. */
  async test(file: string, titles: readonly string[]): Promise<TestRun> {
    const report = join(this.#folder, REPORT);
    rmSync(report, { force: true });
    const pattern = titles.map((title) => title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    const args = ['run', file, '-t', pattern, '--reporter=json', `--outputFile=${report}`];
    const child = spawn(process.execPath, [commandScript('vitest'), ...args], {
      cwd: this.#folder,
      stdio: 'ignore',
    });
    await once(child, 'exit');
    const { testResults } = reportSchema.parse(JSON.parse(readFileSync(report, 'utf8')));
    const results = testResults.flatMap(({ assertionResults }) => assertionResults);
    return {
      tests: titles.map((title) => {
        const own = results.filter((result) => result.title === title);
        return {
          title,
          hasPassed: own.some(({ status }) => status === 'passed'),
          hasFailed: own.some(({ status }) => status === 'failed'),
          message: own.flatMap(({ failureMessages }) => failureMessages ?? [])[0]?.split('\n')[0] ?? '',
        };
      }),
      errors: testResults.flatMap(({ message, assertionResults }) =>
        message && !assertionResults.some(({ status }) => status === 'failed') ? [message] : [],
      ),
    };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(file: string, text: string): void {
    writeFileSync(file, text);
    // The scripts are bundled; what is run is the bundle.
    if (!file.endsWith('.lua')) return;
    execFileSync(process.execPath, ['--import', 'tsx', join('dev', 'generate-scripts.ts')], {
      cwd: this.#folder,
    });
  }
}
