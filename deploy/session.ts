/** One run of a deploy command: its tools, and their end, however it comes. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { messageOf } from '../dev/errors.ts';
import { explainMigration, problemWithDatabase } from './database.ts';
import { DeployError } from './errors.ts';
import { Masker } from './masking.ts';
import { PrivateFolder } from './private-files.ts';
import { PreviewKeys } from './redis-keys.ts';
import { Runner } from './runner.ts';
import { maskSecrets } from './settings.ts';
import { runSmokeTest, type SmokeTarget, type SmokeWatch, waitUntilUp } from './smoke.ts';
import type { Tools } from './tools.ts';
import type { Environment } from './variables.ts';

/** 128 and the signal's number, as shells have it. */
const EXIT_CODES: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Joins a file of variables with the shell's, which go before.
 * @throws {DeployError} when it can't be read.
 */
export function environmentWith(env: Environment, file: string | undefined): Environment {
  if (file === undefined) return env;
  try {
    return { ...parseEnv(readFileSync(file, 'utf8')), ...given(env) };
  } catch (error) {
    throw new DeployError(`${file}: ${messageOf(error)}`);
  }
}

function given(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

/** What asks a deployed system or its database, past the CLIs. */
export interface Network extends Pick<Tools, 'pingDatabase' | 'explainMigration'> {
  verify: (target: SmokeTarget, watch: SmokeWatch) => Promise<void>;
}

const NETWORK: Network = {
  verify: async (target, watch) => {
    await waitUntilUp(target, watch);
    await runSmokeTest(target, watch);
  },
  pingDatabase: problemWithDatabase,
  explainMigration,
};

/** How long a smoke test that is stopped may take to remove what it made. */
const CLEANUP_MS = 20_000;

/** The real tools, for as long as `use` takes. */
export async function withTools<T>(
  env: Environment,
  write: (text: string) => void,
  use: (tools: Tools) => Promise<T>,
  network: Network = NETWORK,
): Promise<T> {
  const masker = new Masker();
  maskSecrets(env, masker);
  const note = (line: string) => write(`${masker.mask(line)}\n`);
  const folder = new PrivateFolder(env.TMPDIR || undefined);
  const runner = new Runner({ env, folder, masker, note });
  const stopping = new AbortController();
  let smokeTest: Promise<void> | null = null;
  const stop = (signal: NodeJS.Signals) => {
    const exit = () => process.exit(EXIT_CODES[signal] ?? 1);
    if (stopping.signal.aborted || smokeTest === null) {
      note(`${signal}: stopping; run it again to go on`);
      runner.stop(signal);
      exit();
    }
    note(`${signal}: the smoke test removes what it has made; once more to leave it there`);
    stopping.abort();
    setTimeout(exit, CLEANUP_MS);
    smokeTest?.then(exit, exit);
  };
  const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    return await use({
      runner,
      masker,
      note,
      verify: async (target) => {
        smokeTest = network.verify(target, { note: (line) => note(`  ${line}`), signal: stopping.signal });
        try {
          await smokeTest;
        } finally {
          smokeTest = null;
        }
      },
      pingRedis: async ({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }) => {
        if (!url?.startsWith('http') || !token) return null;
        await new PreviewKeys({ url, token }).ping();
        return null;
      },
      pingDatabase: network.pingDatabase,
      explainMigration: network.explainMigration,
    });
  } catch (error) {
    // What platforms answer, and what libraries say of what they were given, may quote secrets.
    if (error instanceof DeployError) throw new DeployError(masker.mask(error.message));
    const bug = new Error(masker.mask(messageOf(error)));
    if (error instanceof Error && error.stack) bug.stack = masker.mask(error.stack);
    throw bug;
  } finally {
    for (const signal of signals) process.off(signal, stop);
    folder.remove();
  }
}

/** Runs a command line: its errors become one message and an exit code. */
export async function main(run: () => Promise<void>): Promise<void> {
  // The reader of our output may be gone; that is no reason to stop halfway.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    await run();
  } catch (error) {
    process.stderr.write(`${error instanceof DeployError ? error.message : describe(error)}\n`);
    process.exitCode = 1;
  }
}

/** A bug shows its stack. */
const describe = (error: unknown) => (error instanceof Error ? String(error.stack) : messageOf(error));
