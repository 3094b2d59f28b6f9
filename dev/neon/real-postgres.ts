/** Runs the installed Postgres server on a folder of ours, as a direct child of this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { randomPort } from '../ports.ts';

const debianRoot = '/usr/lib/postgresql';
const superuser = 'postgres';
const database = 'postgres';
/**
 * The server listens on loopback only; the password is there so that a wrong one fails as it
 * would in production.
 */
const defaultPassword = 'backbeat';
const startTimeoutMs = 60_000;
/**
 * A fast shutdown writes a checkpoint; past this the server is told to stop at once, and
 * recovers at the next start.
 */
const stopTimeoutMs = 15_000;
/** A port picked as free can be taken by another process before the server binds it. */
const portAttempts = 5;
/**
 * After a kill -9 of the postmaster its backends need a moment to notice and go; until then
 * Postgres refuses the folder.
 */
const orphansTimeoutMs = 10_000;
const orphansPauseMs = 200;
const logLines = 20;

/** Postgres isn't installed, can't run here, or did not come up; the message says which and what to do. */
export class PostgresStartError extends Error {
  override readonly name = 'PostgresStartError';
}

export interface StartPostgresOptions {
  /** The cluster's folder; made and initialised when it is missing or empty. */
  readonly dataDir: string;
  /** 0 or absent: a free one. */
  readonly port?: number | undefined;
  /**
   * The superuser's password. It is set when the folder is initialised, so it must stay the
   * same for a kept one.
   */
  readonly password?: string | undefined;
  /** Gets the server's log, line by line. */
  readonly log: (line: string) => void;
}

export interface RunningPostgres {
  readonly url: string;
  /** The postmaster's own. */
  readonly pid: number;
  readonly child: ChildProcess;
  /**
   * Fast shutdown: open transactions are rolled back, everything committed is on disk.
   * Resolves once it has exited.
   */
  stop(): Promise<void>;
}

/**
 * Finds the folder with the newest installed server: the PATH's first, else Debian's layout.
 * @returns null where no server is installed.
 */
export async function findPostgres(): Promise<string | null> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    // Debian's /usr/bin has psql but not the server; a folder must have both programs that are needed.
    if (folder !== '' && (await hasServer(folder))) return folder;
  }
  const versions = await readdir(debianRoot).catch(() => []);
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const folder = join(debianRoot, version, 'bin');
    if (await hasServer(folder)) return folder;
  }
  return null;
}

/**
 * Starts the installed server on 127.0.0.1 with its default durability, and waits until it accepts
 * connections. A lock file that a killed server left behind is dealt with by Postgres itself, and so is a
 * second server on the same folder.
 *
 * As root, the server runs as an unprivileged user, to whom the folder is given. The child is in a process
 * group of its own, so that Ctrl-C reaches only its parent, which stops it in order.
 *
 * @throws {PostgresStartError} with the last lines of the server's log where there are any.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<RunningPostgres> {
  const bin = await findPostgres();
  if (bin === null) {
    throw new PostgresStartError(
      `no Postgres server is installed: neither initdb and postgres on the PATH nor ${debianRoot}/*/bin (Debian: apt-get install postgresql)`,
    );
  }
  const dataDir = resolve(options.dataDir);
  const password = options.password ?? defaultPassword;
  const runAs = process.getuid?.() === 0 ? await unprivilegedUser() : null;
  await mkdir(dirname(dataDir), { recursive: true });
  if (runAs !== null) await requireTraversable(dirname(dataDir));
  if (await isEmpty(dataDir)) await initialise(bin, dataDir, password, runAs);
  if (runAs !== null) await chown(dataDir, runAs.uid, runAs.gid);
  // Postgres refuses a folder that others can read.
  await chmod(dataDir, 0o700);

  const startedAt = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port || (await randomPort());
    try {
      return await launch({ bin, dataDir, port, password, runAs, log: options.log });
    } catch (error) {
      if (!(error instanceof PostgresStartError)) throw error;
      if (
        /shared memory block .* still in use/.test(error.message) &&
        Date.now() < startedAt + orphansTimeoutMs
      ) {
        await delay(orphansPauseMs);
        continue;
      }
      const portTaken = /could not bind|Address already in use/.test(error.message);
      if (options.port || !portTaken || attempt >= portAttempts) throw error;
    }
  }
}

interface UnixUser {
  readonly uid: number;
  readonly gid: number;
}

interface LaunchOptions {
  readonly bin: string;
  readonly dataDir: string;
  readonly port: number;
  readonly password: string;
  readonly runAs: UnixUser | null;
  readonly log: (line: string) => void;
}

async function launch({ bin, dataDir, port, password, runAs, log }: LaunchOptions): Promise<RunningPostgres> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'logging_collector=off',
    'log_destination=stderr',
    'lc_messages=C',
    'timezone=UTC',
    'log_timezone=UTC',
  ];
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', dataDir, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...runAs, cwd: '/', env: serverEnvironment(), stdio: ['ignore', 'ignore', 'pipe'], detached: true },
  );
  const tail: string[] = [];
  // Its own word for it: a connection could just as well reach another server that has the port.
  const ready = new Promise<null>((done) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      tail.push(line);
      if (tail.length > logLines) tail.shift();
      log(line);
      if (line.includes('database system is ready to accept connections')) done(null);
    });
  });
  const exited = new Promise<string>((done) => {
    child.once('error', (error) => done(error.message));
    // `close` and not `exit`: the log is then complete.
    child.once('close', (code, signal) => done(`it exited with ${signal ?? `code ${code}`}`));
  });
  const url = `postgres://${superuser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  const stop = () => stopServer(child, exited);
  try {
    await untilReady(ready, exited);
    await checkPassword(url);
  } catch (cause) {
    await stop();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PostgresStartError(`Postgres did not come up: ${reason}\n${tail.join('\n')}`, { cause });
  }
  if (child.pid === undefined) throw new PostgresStartError('Postgres did not come up: it has no process');
  return { url, pid: child.pid, child, stop };
}

async function untilReady(ready: Promise<null>, exited: Promise<string>): Promise<void> {
  const timer = new AbortController();
  const late = delay(startTimeoutMs, `not ready within ${startTimeoutMs} ms`, { signal: timer.signal }).catch(
    () => null,
  );
  const problem = await Promise.race([ready, exited, late]);
  timer.abort();
  if (problem !== null) throw new Error(problem);
}

/** A kept folder keeps its password; a different one would otherwise show only at the first query. */
async function checkPassword(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
  } finally {
    await client.end().catch(() => {});
  }
}

async function stopServer(child: ChildProcess, exited: Promise<string>): Promise<void> {
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!running()) break;
    child.kill(signal);
    const timer = new AbortController();
    await Promise.race([exited, delay(stopTimeoutMs, null, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }
  await exited;
}

/**
 * Initialises beside the folder and moves the result in place, so that a half-made cluster is never
 * taken for a whole one.
 */
async function initialise(
  bin: string,
  dataDir: string,
  password: string,
  runAs: UnixUser | null,
): Promise<void> {
  const fresh = `${dataDir}.init`;
  const passwordFile = `${dataDir}.pw`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  try {
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
    if (runAs !== null) {
      await chown(fresh, runAs.uid, runAs.gid);
      await chown(passwordFile, runAs.uid, runAs.gid);
    }
    const child = spawn(
      join(bin, 'initdb'),
      [
        '-D',
        fresh,
        '-U',
        superuser,
        '-A',
        'scram-sha-256',
        '--pwfile',
        passwordFile,
        '-E',
        'UTF8',
        '--no-locale',
      ],
      { ...runAs, cwd: '/', env: serverEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
    const [code, signal] = await once(child, 'close');
    if (code !== 0)
      throw new PostgresStartError(`initdb failed (${signal ?? `code ${code}`}): ${errors.trim()}`);
    await rename(fresh, dataDir);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(fresh, { recursive: true, force: true });
  }
}

async function isEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return true;
    throw error;
  }
}

/** Postgres won't run as root. The distribution's own user first, then any that is there on every Unix. */
async function unprivilegedUser(): Promise<UnixUser> {
  const users = new Map(
    (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => {
      const [name = '', , uid, gid] = line.split(':');
      return [name, { uid: Number(uid), gid: Number(gid) }] as const;
    }),
  );
  const user = users.get('postgres') ?? users.get('nobody') ?? users.get('daemon');
  if (user === undefined || !(user.uid > 0)) {
    throw new PostgresStartError(
      'Postgres refuses to run as root, and there is no user postgres, nobody or daemon',
    );
  }
  return user;
}

/** The server's user must get through every folder above its own. */
async function requireTraversable(folder: string): Promise<void> {
  for (let path = folder; ; path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & constants.S_IXOTH) === 0) {
      throw new PostgresStartError(
        `Postgres runs as an unprivileged user here, who can't get through ${path}: use a data folder elsewhere, or chmod o+x ${path}`,
      );
    }
    if (path === dirname(path)) return;
  }
}

async function hasServer(folder: string): Promise<boolean> {
  try {
    await Promise.all(['initdb', 'postgres'].map((name) => access(join(folder, name), constants.X_OK)));
    return true;
  } catch {
    return false;
  }
}

/** Nothing of ours (PG* variables would be taken for settings), and messages in one language. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
