/**
 * What the embedded engine keeps on disk: one append-only file. A line holds the effects of one command,
 * script or transaction, so a line that was cut off when the process died takes all of it away or nothing.
 *
 * A line counts as safe once `write` has returned: it is then the operating system's, and survives the
 * process however it ends. It isn't forced to the disk, so it doesn't survive the machine losing power, which
 * is Redis' `appendfsync no`.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Effect, effectSchema } from './keyspace.ts';

const FILE = 'journal.jsonl';
const lineSchema = z.array(effectSchema);
const READ_BYTES = 1024 * 1024;
const SNAPSHOT_BUFFER_BYTES = 1024 * 1024;
const MIN_GROWTH_BYTES = 32 * 1024 * 1024;

/** A line other than the last is damaged: something else than a kill has written to the file. */
export class JournalCorruptError extends Error {
  override readonly name = 'JournalCorruptError';
}

function writeAll(file: number, text: string): number {
  const bytes = Buffer.from(text, 'latin1');
  let at = 0;
  while (at < bytes.length) at += writeSync(file, bytes, at);
  return bytes.length;
}

/** Lines with their newline, the last perhaps without. Byte strings, since that is what the lines hold. */
function* readLines(path: string): Iterable<string> {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(READ_BYTES);
    // Pieces are joined only once their line ends: adding to one string would copy a long line
    // again with each piece.
    let pieces: string[] = [];
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      let from = 0;
      for (let end = chunk.indexOf(10); end !== -1 && end < read; end = chunk.indexOf(10, from)) {
        pieces.push(chunk.toString('latin1', from, end + 1));
        yield pieces.join('');
        pieces = [];
        from = end + 1;
      }
      pieces.push(chunk.toString('latin1', from, read));
    }
    const rest = pieces.join('');
    if (rest !== '') yield rest;
  } finally {
    closeSync(file);
  }
}

export class Journal {
  readonly #path: string;
  #file: number | null = null;
  #bytes = 0;
  #bytesAfterCompaction = 0;

  readonly #minGrowthBytes: number;

  /**
   * @param directory is made when it isn't there.
   * @param minGrowthBytes the file wants to be rewritten when it has grown by this much and by as
   *   much as the data itself.
   */
  constructor(directory: string, minGrowthBytes = MIN_GROWTH_BYTES) {
    this.#minGrowthBytes = minGrowthBytes;
    mkdirSync(directory, { recursive: true });
    this.#path = join(directory, FILE);
  }

  /**
   * Hands over everything recorded, oldest first. A last line without its end is what a kill leaves behind
   * and is left out: no caller was told that it is safe.
   * @throws {JournalCorruptError}
   */
  *replay(): Iterable<Effect[]> {
    if (!existsSync(this.#path)) return;
    let number = 0;
    for (const line of readLines(this.#path)) {
      number += 1;
      if (!line.endsWith('\n')) return;
      try {
        yield lineSchema.parse(JSON.parse(line));
      } catch (error) {
        throw new JournalCorruptError(`${this.#path}, line ${number}`, { cause: error });
      }
    }
  }

  /**
   * Replaces the file by the state's shortest form; the old one stays until the new one is
   * whole and on the disk.
   */
  compact(snapshot: Iterable<Effect[]>): void {
    const temporary = `${this.#path}.new`;
    rmSync(temporary, { force: true });
    const file = openSync(temporary, 'a', 0o600);
    let bytes = 0;
    let pending: string[] = [];
    let pendingBytes = 0;
    for (const effects of snapshot) {
      const line = `${JSON.stringify(effects)}\n`;
      pending.push(line);
      pendingBytes += line.length;
      if (pendingBytes >= SNAPSHOT_BUFFER_BYTES) {
        bytes += writeAll(file, pending.join(''));
        [pending, pendingBytes] = [[], 0];
      }
    }
    bytes += writeAll(file, pending.join(''));
    fsyncSync(file);
    renameSync(temporary, this.#path);
    if (this.#file !== null) closeSync(this.#file);
    this.#file = file;
    this.#bytes = bytes;
    this.#bytesAfterCompaction = bytes;
  }

  get wantsCompaction(): boolean {
    return (
      this.#bytes - this.#bytesAfterCompaction > Math.max(this.#minGrowthBytes, this.#bytesAfterCompaction)
    );
  }

  /**
   * Appends; when it returns, the lines survive the process. `compact` has to have been called before.
   * @throws when the disk refuses. What was written of it is taken back, so that the file never has a
   *   damaged line in its middle.
   */
  append(lines: readonly Effect[][]): void {
    if (this.#file === null) throw new Error('the journal is closed');
    const text = lines.map((effects) => `${JSON.stringify(effects)}\n`).join('');
    try {
      this.#bytes += writeAll(this.#file, text);
    } catch (error) {
      ftruncateSync(this.#file, this.#bytes);
      throw error;
    }
  }

  close(): void {
    if (this.#file === null) return;
    closeSync(this.#file);
    this.#file = null;
  }
}
