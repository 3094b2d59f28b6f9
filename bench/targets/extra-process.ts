/** A process that a target needs besides the stack. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { tsxArgs } from '../../dev/project.ts';

export interface ExtraProcess {
  pid: number;
  /** Its first line on stdout; empty when it wasn't waited for. */
  line: string;
  /** Resolves when it has ended. @param signal by default it is asked to. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/**
 * Starts one of our TypeScript files.
 * @param script from the project's folder.
 * @param env on top of this process' own.
 * @param waitsForLine resolves only when it has printed a line: that it is ready.
 * @throws when it ends before.
 */
export async function startExtraProcess(
  script: string,
  env: Record<string, string>,
  waitsForLine: boolean,
): Promise<ExtraProcess> {
  const child = spawn(process.execPath, tsxArgs(script), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const line = waitsForLine
    ? await Promise.race([
        once(lines, 'line').then(([first]) => String(first)),
        exited.then(() => Promise.reject(new Error(`${script} ended with code ${child.exitCode}`))),
      ])
    : '';
  return {
    pid: child.pid ?? 0,
    line,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await exited;
    },
  };
}
