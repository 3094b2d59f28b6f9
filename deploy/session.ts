/** One run of a deploy command: its tools, and their end, however it comes. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { messageOf } from '../dev/errors.ts';
import { DeployError } from './errors.ts';
import { Masker } from './masking.ts';
import { PrivateFolder } from './private-files.ts';
import { PreviewKeys } from './redis-keys.ts';
import { Runner } from './runner.ts';
import { maskSecrets } from './settings.ts';
import { runSmokeTest, type SmokeTarget, waitUntilUp } from './smoke.ts';
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

/** The real tools, for as long as `use` takes. */
export async function withTools<T>(
  env: Environment,
  write: (text: string) => void,
  use: (tools: Tools) => Promise<T>,
  verify: (target: SmokeTarget, note: (line: string) => void) => Promise<void> = verifyOverTheNetwork,
): Promise<T> {
  const masker = new Masker();
  maskSecrets(env, masker);
  const note = (line: string) => write(`${masker.mask(line)}\n`);
  const folder = new PrivateFolder(env.TMPDIR || undefined);
  const runner = new Runner({ env, folder, masker, note });
  const stop = (signal: NodeJS.Signals) => {
    note(`${signal}: stopping; run it again to go on`);
    runner.stop(signal);
    process.exit(EXIT_CODES[signal] ?? 1);
  };
  const signals = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    return await use({
      runner,
      masker,
      note,
      verify: (target) => verify(target, (line) => note(`  ${line}`)),
      pingRedis: async ({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }) => {
        if (!url?.startsWith('http') || !token) return null;
        await new PreviewKeys({ url, token }).ping();
        return null;
      },
    });
  } catch (error) {
    // What platforms answer may quote what they were sent.
    if (error instanceof DeployError) throw new DeployError(masker.mask(error.message));
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, stop);
    folder.remove();
  }
}

async function verifyOverTheNetwork(target: SmokeTarget, note: (line: string) => void): Promise<void> {
  await waitUntilUp(target);
  await runSmokeTest(target, note);
}

/** Runs a command line: its errors become one message and an exit code. */
export async function main(run: () => Promise<void>): Promise<void> {
  // Whoever read our output may be gone; that is no reason to stop halfway.
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
