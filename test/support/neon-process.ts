/** Runs `dev/neon/main.ts` as the process that it is in the local stack, so that a test can kill it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { providePrograms } from '../../dev/programs.ts';

const READY_TIMEOUT_MS = 120_000;

const readySchema = z.strictObject({
  ready: z.literal(true),
  fetchEndpoint: z.url(),
  databaseUrl: z.string(),
  engine: z.enum(['postgres', 'pglite']),
});

export interface NeonProcess extends z.infer<typeof readySchema> {
  readonly child: ChildProcess;
  /** Everything it wrote on stdout. */
  readonly stdout: () => string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** It ended before it was ready. */
export class NeonProcessError extends Error {
  override readonly name = 'NeonProcessError';
  constructor(
    readonly exitCode: number | null,
    readonly log: string,
  ) {
    super(`dev/neon/main.ts ended with ${exitCode}: ${log}`);
  }
}

/**
 * @param env the variables of dev/neon/main.ts.
 * @throws {NeonProcessError} when it ends before it is ready.
 */
export async function startNeonProcess(env: Record<string, string>): Promise<NeonProcess> {
  const child = await spawnNeonProcess(env);
  let log = '';
  let stdout = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const closed = once(child, 'close');
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    stdout += `${line}\n`;
  });
  const ended = closed.then(() => null);
  const ready = await Promise.race([
    once(lines, 'line', { signal: AbortSignal.timeout(READY_TIMEOUT_MS) }).then(([line]) => String(line)),
    ended,
  ]).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  if (ready === null) throw new NeonProcessError(child.exitCode, log);
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await closed;
  };
  return {
    ...readySchema.parse(JSON.parse(ready)),
    child,
    stdout: () => stdout,
    stop: async () => {
      await end('SIGTERM');
      return child.exitCode;
    },
    kill: () => end('SIGKILL'),
  };
}

/** Only spawns it; for tests that don't wait until it is ready. */
export async function spawnNeonProcess(env: Record<string, string>): Promise<ChildProcess> {
  const programArgs = await providePrograms();
  return spawn(process.execPath, programArgs('neon'), {
    env: { ...process.env, PARENT_PID: String(process.pid), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
