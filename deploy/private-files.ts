/**
 * A folder that only this user can enter, for the files by which the CLIs take secrets. It goes with the
 * process, however that ends, and each file in it goes as soon as its command is done.
 */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isErrno } from '../dev/errors.ts';
import { identify } from '../dev/process-table.ts';

const PREFIX = 'backbeat-deploy-';

export class PrivateFolder {
  /** Absolute. */
  readonly path: string;
  readonly #removeAtExit = () => this.remove();

  /** Makes one, and removes what a killed process has left. */
  constructor(parent = tmpdir()) {
    removeLeftovers(parent);
    // mkdtemp makes it with mode 0700.
    this.path = mkdtempSync(join(parent, `${PREFIX}${process.pid}-`));
    process.on('exit', this.#removeAtExit);
  }

  /** Writes a file with mode 0600. @returns its path. */
  write(name: string, content: string): string {
    const path = join(this.path, name);
    rmSync(path, { force: true });
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
    return path;
  }

  removeFile(name: string): void {
    rmSync(join(this.path, name), { recursive: true, force: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    process.off('exit', this.#removeAtExit);
  }
}

/** Nothing runs at SIGKILL: the next process cleans up after one that ended so. */
function removeLeftovers(parent: string): void {
  for (const entry of readdirSync(parent)) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(entry)?.[1];
    if (pid === undefined || identify(Number(pid)) !== null) continue;
    const path = join(parent, entry);
    try {
      if (statSync(path).uid === process.getuid?.()) rmSync(path, { recursive: true, force: true });
    } catch (error) {
      // Another process may be cleaning up as well.
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  }
}
