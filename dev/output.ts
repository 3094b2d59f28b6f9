/** Everything the supervisor writes: the terminal's lines and the parts' log files. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';

/** How many of a part's last lines an error quotes. */
const TAIL_LINES = 15;

/** Lines of partykit and wrangler that say nothing to a developer of Backbeat. */
const NOISE = [
  /^🎈 PartyKit/u,
  /^-+$/,
  /^Loading (environment variables|config) from/,
  /^Build succeeded, starting server/,
  /^\[pk:\w+\] (Ready on|Updated and ready on|- )/,
  /Request\.cf/i,
  /^\[(pk|wrangler):\w+\] (GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+ [123]\d\d/,
  /^Using secrets defined in/,
  /^Your Worker has access to the following bindings/,
  /^Binding\s+Resource/,
  /^env\.\w+ \(/,
  /^⎔ /u,
  /^\[wrangler:\w+\] Ready on/,
  /^(A new version|Update available|.*update available)/i,
];

/** Keeps `stderr` for people and programs' logs; `stdout` is left to the answer. */
export class Output {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void = (text) => process.stderr.write(text)) {
    this.#write = write;
  }

  /** One line of the supervisor itself. */
  note(text: string): void {
    this.#write(`backbeat  ${text}\n`);
  }

  /** One line of a part, unless it is noise. */
  partLine(name: string, line: string): void {
    if (!NOISE.some((pattern) => pattern.test(line))) this.#write(`${name.padEnd(8)}  ${line}\n`);
  }
}

/** One part's log: a file for everything, and the last lines for errors. */
export class PartLog {
  readonly path: string;
  readonly #file: WriteStream;
  #tail: string[] = [];

  /** The file starts anew with each supervisor and goes on over the part's restarts. */
  constructor(dataDir: string, name: string) {
    this.path = join(dataDir, 'logs', `${name}.log`);
    this.#file = createWriteStream(this.path, { flags: 'w' });
    // A full disk must not end the stack; the terminal still shows what matters.
    this.#file.on('error', () => {});
  }

  add(line: string): void {
    this.#file.write(`${new Date().toISOString()} ${line}\n`);
    this.#tail = [...this.#tail.slice(1 - TAIL_LINES), line];
  }

  /** Forgets the lines of an earlier life. */
  startAnew(): void {
    this.#tail = [];
  }

  /** The last lines, indented, ready to follow a message. */
  tail(): string {
    return this.#tail.length === 0
      ? '    (it wrote nothing)'
      : this.#tail.map((line) => `    ${line}`).join('\n');
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#file.end(resolve));
  }
}
