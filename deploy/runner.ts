/** Runs the CLIs. What they write is shown line by line with every secret masked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { inheritedEnvironment } from '../dev/environment.ts';
import { isErrno, messageOf } from '../dev/errors.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import { type Command, filesOf, showCommand } from './command.ts';
import { DeployError } from './errors.ts';
import type { Masker } from './masking.ts';
import type { PrivateFolder } from './private-files.ts';

/** How many of its last lines an error quotes. */
const TAIL_LINES = 20;

/**
 * Passed on besides what the local stack's parts get: how to reach the internet from here, where wrangler
 * keeps its login, and another address of Cloudflare's API.
 */
const PASSED_ON = [
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
  'NODE_EXTRA_CA_CERTS',
  'XDG_CONFIG_HOME',
  'CLOUDFLARE_API_BASE_URL',
];

/** By which git alone reaches a remote over SSH. */
const FOR_GIT = ['SSH_AUTH_SOCK', 'GIT_SSH', 'GIT_SSH_COMMAND'];

const QUIET = {
  // No person is there to answer a question.
  CI: 'true',
  NO_COLOR: '1',
  NO_UPDATE_NOTIFIER: '1',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
};

export class CommandError extends DeployError {
  constructor(
    message: string,
    /** All that it wrote, masked. */
    readonly output: string,
  ) {
    super(message);
  }
}

export interface Ran {
  stdout: string;
  /** Both streams, masked. */
  output: string;
}

/** What commands are run by. */
export interface CommandRunner {
  readonly folder: PrivateFolder;
  run(command: Command, options?: { isQuiet?: boolean }): Promise<Ran>;
}

export class Runner implements CommandRunner {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #folder: PrivateFolder;
  readonly #masker: Masker;
  readonly #note: (line: string) => void;
  readonly #children = new Set<ChildProcess>();
  #isStopped = false;

  constructor(options: {
    /** The programs are looked for on its PATH; `npm run` puts the project's own first. */
    env: Readonly<Record<string, string | undefined>>;
    folder: PrivateFolder;
    masker: Masker;
    note: (line: string) => void;
  }) {
    this.#env = options.env;
    this.#folder = options.folder;
    this.#masker = options.masker;
    this.#note = options.note;
  }

  get folder(): PrivateFolder {
    return this.#folder;
  }

  /**
   * Runs a command to its end.
   * @param options.isQuiet shows neither the command nor what it writes.
   * @throws {CommandError} when it can't be started or fails, with its last lines.
   */
  async run(command: Command, options: { isQuiet?: boolean } = {}): Promise<Ran> {
    if (this.#isStopped) throw new DeployError('stopped');
    const mask = (text: string) => this.#masker.mask(text);
    const note = options.isQuiet ? () => {} : this.#note;
    for (const line of showCommand(command, mask)) note(`  ${line}`);
    const files = filesOf(command);
    try {
      const paths = new Map(files.map((file) => [file, this.#folder.write(file.name, file.content)]));
      const args = command.args.map((arg) => (typeof arg === 'string' ? arg : (paths.get(arg) ?? '')));
      // Every user of this machine can read the arguments of any process.
      if (args.some((arg) => this.#masker.isIn(arg))) {
        throw new DeployError(`${command.program}: a secret was about to be put on a command line`);
      }
      return await this.#spawn(command, args, (line) => note(`    ${line}`));
    } finally {
      for (const { name } of files) this.#folder.removeFile(name);
    }
  }

  /** Ends what runs; nothing more is started. */
  stop(signal: NodeJS.Signals): void {
    this.#isStopped = true;
    for (const child of this.#children) child.kill(signal);
  }

  #given(names: readonly string[]): Record<string, string> {
    return Object.fromEntries(names.flatMap((name) => (this.#env[name] ? [[name, this.#env[name]]] : [])));
  }

  async #spawn(command: Command, args: string[], note: (line: string) => void): Promise<Ran> {
    const child = spawn(command.program, args, {
      cwd: command.cwd === 'private' ? this.#folder.path : PROJECT_DIR,
      env: {
        ...inheritedEnvironment(this.#env),
        ...this.#given(command.program === 'git' ? [...PASSED_ON, ...FOR_GIT] : PASSED_ON),
        ...QUIET,
        // Its logs go with the folder.
        WRANGLER_LOG_PATH: join(this.#folder.path, 'logs'),
        ...command.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    const lines: string[] = [];
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    for (const stream of [child.stdout, child.stderr]) {
      // By whole lines, so that no secret is cut in two where it would be recognised in neither.
      createInterface({ input: stream }).on('line', (line) => {
        const masked = this.#masker.mask(stripVTControlCharacters(line));
        lines.push(masked);
        if (masked.trim() !== '') note(masked);
      });
    }
    const ended = await new Promise<{ code: number | null; signal: string | null } | Error>((resolve) => {
      child.once('error', resolve);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    this.#children.delete(child);
    const output = lines.join('\n');
    if (ended instanceof Error) {
      const why = isErrno(ended, 'ENOENT') ? 'is not installed: run npm ci' : messageOf(ended);
      throw new CommandError(`${command.program}: ${why}`, output);
    }
    if (ended.code === 0 && !this.#isStopped) return { stdout, output };
    const how = ended.signal ? `was ended by ${ended.signal}` : `failed with ${ended.code}`;
    const tail = lines.slice(-TAIL_LINES).map((line) => `    ${line}`);
    throw new CommandError([`${command.program} ${args[0] ?? ''} ${how}`, ...tail].join('\n'), output);
  }
}
