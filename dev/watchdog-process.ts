/** The supervisor's side of the watchdog. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { DataFolder } from './data-folder.ts';
import { identify, type ProcessIdentity } from './process-table.ts';
import { PROJECT_DIR, programArgs } from './project.ts';

export class WatchdogProcess {
  readonly identity: ProcessIdentity | null;
  readonly #child: ChildProcess;

  /** Starts the watchdog in a session of its own, so that nothing that ends the supervisor ends it too. */
  constructor(folder: DataFolder, env: Record<string, string>) {
    const args = [
      ...programArgs('watchdog'),
      folder.path,
      String(process.pid),
      ...(folder.isThrowaway ? ['throwaway'] : []),
    ];
    this.#child = spawn(process.execPath, args, {
      cwd: PROJECT_DIR,
      env,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // It can't be spoken to any more when it was killed; the stack does without it.
    this.#child.stdin?.on('error', () => {});
    this.#child.on('error', () => {});
    this.identity = this.#child.pid === undefined ? null : identify(this.#child.pid);
  }

  /** Lets it go; resolves when it has gone. */
  dismiss(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) {
        resolve();
        return;
      }
      this.#child.once('exit', () => resolve());
      this.#child.stdin?.end('done');
    });
  }
}
