/** The local stack as a whole: everything Backbeat needs, started in order, stopped in order. */

import { trueClock } from './clock.ts';
import { type Control, startControl } from './control.ts';
import { CronTrigger } from './cron.ts';
import { closeDataFolder, type DataFolder, openDataFolder } from './data-folder.ts';
import { checkTuning, inheritedEnvironment, makeVariables } from './environment.ts';
import { messageOf, StackError } from './errors.ts';
import { DataLock } from './lock.ts';
import { killAll } from './managed-process.ts';
import { applyMigrations } from './migrate.ts';
import { findPostgres } from './neon/real-postgres.ts';
import type { StackOptions } from './options.ts';
import { type Output, PartLog } from './output.ts';
import { Part, type PartName, type PartSpec } from './part.ts';
import { neonHttpPart } from './parts/neon-http.ts';
import { partykitPart } from './parts/partykit.ts';
import { postgresPart } from './parts/postgres.ts';
import { findRedisServer, redisPart } from './parts/redis.ts';
import { redisRestPart } from './parts/redis-rest.ts';
import { signInPart } from './parts/sign-in.ts';
import { workerPart } from './parts/worker.ts';
import { exactPort, portNear, randomPort } from './ports.ts';
import { processTree } from './process-table.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import { WatchdogProcess } from './watchdog-process.ts';

const PORT = 8787;
const DATABASE_PORT = 15_432;
/** However badly a part hangs, stopping everything takes no longer. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * What a program needs to use the stack; `pids` are null where a part is in another's
 * process, or another program's.
 */
export interface StackAddresses {
  /** The Worker: page, API, rooms. */
  url: string;
  /** The same, by the names that programs know it by. */
  roomUrl: string;
  workerUrl: string;
  redisRestUrl: string;
  redisRestToken: string;
  /** The same Redis by its own protocol; null for the embedded engine, which speaks none. */
  redisUrl: string | null;
  databaseUrl: string;
  flushSecret: string;
  jwtSecret: string;
  keyPrefix: string;
  pids: Record<PartName | 'room', number | null>;
  controlUrl: string;
  neonFetchEndpoint: string;
  dataDir: string;
}

/** Which engines hold the data, in words. */
export interface StackEngines {
  redis: string;
  postgres: string;
}

interface Ports {
  worker: number;
  redis: number;
  redisRest: number;
  database: number;
  neonHttp: number;
  signIn: number;
}

export class Stack {
  readonly #options: StackOptions;
  readonly #env: Record<string, string | undefined>;
  readonly #output: Output;
  readonly #parts = new Map<PartName, Part>();
  readonly #logs: PartLog[] = [];
  #folder: DataFolder | null = null;
  #lock: DataLock | null = null;
  #watchdog: WatchdogProcess | null = null;
  #cron: CronTrigger | null = null;
  #control: Control | null = null;
  #stopping: Promise<void> | null = null;
  readonly #clock = trueClock();

  /** @param env the supervisor's own environment; only what the parts may know is passed on. */
  constructor(options: StackOptions, env: Record<string, string | undefined>, output: Output) {
    this.#options = options;
    this.#env = env;
    this.#output = output;
  }

  /**
   * Starts everything; resolves when everything answers. On failure, {@link stop} ends what had started.
   * @throws {StackError} naming what could not be started, with its last lines.
   */
  async start(): Promise<{ addresses: StackAddresses; engines: StackEngines }> {
    const inherited = inheritedEnvironment(this.#env);
    const redisProgram = this.#redisProgram();
    if (!this.#options.databaseUrl && this.#options.postgres === 'real' && (await findPostgres()) === null) {
      throw new StackError(
        '--postgres=real: no Postgres server is installed (Debian: apt-get install postgresql)',
      );
    }
    const folder = openDataFolder(this.#options.dataDir);
    this.#folder = folder;
    this.#lock = await DataLock.take(folder.path);
    this.#watchdog = new WatchdogProcess(folder, inherited);
    this.#lock.setWatchdog(this.#watchdog.identity);

    const secrets = loadSecrets(folder.path, this.#env);
    checkTuning(secrets, this.#env);
    const ports = await this.#pickPorts();
    const url = `http://127.0.0.1:${ports.worker}`;
    const redisRestUrl = `http://127.0.0.1:${ports.redisRest}`;

    const [database] = await Promise.all([
      this.#startDatabase(folder, secrets, ports, inherited),
      this.#startRedis(folder, secrets, ports, inherited, redisProgram),
      this.#options.hasSignIn ? this.#startPart(signInPart({ port: ports.signIn, env: inherited })) : null,
    ]);

    const variables = makeVariables(
      {
        redisRest: redisRestUrl,
        database: database.databaseUrl,
        neonFetchEndpoint: database.fetchEndpoint,
        signInIssuer: this.#options.hasSignIn ? `http://127.0.0.1:${ports.signIn}` : null,
        proxy: this.#options.proxyUrl,
      },
      secrets,
      this.#env,
    );
    const { host, entry, stateDir, isEphemeral, clockRate, inspectorPort } = this.#options;
    this.#clock.rate = clockRate;
    const common = {
      port: ports.worker,
      variables: variables.worker,
      dataDir: folder.path,
      env: inherited,
      clock: this.#clock,
      entry,
      stateDir,
    };
    await this.#startPart(
      host === 'partykit'
        ? partykitPart(common)
        : workerPart({ ...common, isWatching: !isEphemeral, inspectorPort }),
    );

    this.#cron = new CronTrigger(url, host, this.#options.cronIntervalMs, this.#output);
    this.#cron.start();
    this.#control = await startControl({
      parts: [...this.#parts.values()],
      cron: this.#cron,
      clock: this.#clock,
      secret: secrets.flushSecret,
    });
    this.#lock.setUrls({ page: `${url}/`, database: database.databaseUrl });
    const pid = (name: PartName) => this.#parts.get(name)?.info.pid ?? null;
    return {
      addresses: {
        url,
        roomUrl: url,
        workerUrl: url,
        redisRestUrl,
        redisRestToken: secrets.redisToken,
        redisUrl: redisProgram ? `redis://127.0.0.1:${ports.redis}` : null,
        databaseUrl: database.databaseUrl,
        flushSecret: secrets.flushSecret,
        jwtSecret: secrets.jwtSecret,
        keyPrefix: variables.keyPrefix,
        pids: {
          room: pid('worker'),
          worker: pid('worker'),
          redis: pid('redis'),
          postgres: pid('postgres'),
          redisRest: pid('redisRest'),
          neonHttp: pid('neonHttp'),
          signIn: pid('signIn'),
        },
        controlUrl: this.#control.url,
        neonFetchEndpoint: database.fetchEndpoint,
        dataDir: folder.path,
      },
      engines: {
        redis: redisProgram ?? 'embedded',
        postgres: this.#options.databaseUrl
          ? 'the one of LOCAL_DATABASE_URL'
          : this.#options.postgres === 'real'
            ? 'the installed server'
            : 'PGlite, embedded',
      },
    };
  }

  /** Stops everything, also while it starts; nothing is left behind. Takes ten seconds at most. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Kills everything at once. */
  async kill(): Promise<void> {
    await this.#killDescendants();
    await this.#finish();
  }

  async #stop(): Promise<void> {
    this.#cron?.close();
    this.#control?.close();
    // Those that have clients first, then what they write to.
    const layers: PartName[][] = [['worker'], ['redisRest', 'neonHttp', 'signIn'], ['redis', 'postgres']];
    const inOrder = (async () => {
      for (const layer of layers) await Promise.all(layer.map((name) => this.#parts.get(name)?.close()));
    })();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_TIMEOUT_MS);
    });
    await Promise.race([inOrder.catch((error: unknown) => this.#output.note(messageOf(error))), timeout]);
    clearTimeout(timer);
    await this.#killDescendants();
    await this.#finish();
  }

  /**
   * Whatever was started and is still there, whether or not a part knows of it (an initdb
   * cut short, for one).
   */
  async #killDescendants(): Promise<void> {
    for (const part of this.#parts.values()) void part.close('SIGKILL');
    const watchdogPid = this.#watchdog?.identity?.pid;
    const spared = new Set([
      process.pid,
      ...(watchdogPid ? processTree(watchdogPid).map(({ pid }) => pid) : []),
    ]);
    await killAll(() =>
      processTree(process.pid).filter(({ pid, parentPid }) => !spared.has(pid) && parentPid !== 0),
    );
  }

  async #finish(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()));
    // The lock goes last but for the watchdog, which only waits for its word.
    this.#lock?.release();
    if (this.#folder && this.#lock) closeDataFolder(this.#folder);
    this.#lock = null;
    await this.#watchdog?.dismiss();
  }

  async #startRedis(
    folder: DataFolder,
    secrets: Secrets,
    ports: Ports,
    env: Record<string, string>,
    program: string | null,
  ): Promise<void> {
    const dataDir = folder.path;
    if (program) await this.#startPart(redisPart({ program, port: ports.redis, dataDir, env }));
    const redisPort = program ? ports.redis : null;
    await this.#startPart(
      redisRestPart({ port: ports.redisRest, token: secrets.redisToken, redisPort, dataDir, env }),
    );
  }

  async #startDatabase(
    folder: DataFolder,
    secrets: Secrets,
    ports: Ports,
    env: Record<string, string>,
  ): Promise<{ databaseUrl: string; fetchEndpoint: string }> {
    const dataDir = folder.path;
    let url = this.#options.databaseUrl;
    const isOwn = !url && this.#options.postgres === 'real';
    if (isOwn) {
      const onUrl = (started: string) => {
        url = started;
      };
      await this.#startPart(
        postgresPart({ port: ports.database, password: secrets.postgresPassword, dataDir, onUrl }),
      );
    }
    let endpoints: { databaseUrl: string; fetchEndpoint: string } | undefined;
    await this.#startPart(
      neonHttpPart({
        port: ports.neonHttp,
        databaseUrl: url,
        pglite: { port: ports.database, password: secrets.postgresPassword },
        dataDir,
        env,
        onReady: (answered) => {
          endpoints = answered;
        },
      }),
    );
    if (!endpoints) throw new StackError('neonHttp did not say where it answers');
    this.#output.note('applying migrations');
    await applyMigrations(endpoints.databaseUrl);
    return endpoints;
  }

  async #startPart(spec: PartSpec): Promise<void> {
    if (this.#stopping) throw new StackError('the stack is being stopped');
    if (!this.#folder) throw new StackError('the data folder is not open');
    const log = new PartLog(this.#folder.path, spec.name);
    this.#logs.push(log);
    const part = new Part(spec, log, this.#output, (pid) => this.#lock?.addProcess(spec.name, pid));
    this.#parts.set(spec.name, part);
    this.#output.note(`starting ${spec.name}`);
    await part.start();
  }

  #redisProgram(): string | null {
    if (this.#options.redis === 'embedded') return null;
    const program = findRedisServer(this.#env.PATH);
    if (program) return program;
    const missing = 'neither redis-server nor valkey-server is on the PATH';
    if (this.#options.redis === 'real') throw new StackError(`--redis=real: ${missing}`);
    this.#output.note(`${missing}: using the embedded engine`);
    return null;
  }

  async #pickPorts(): Promise<Ports> {
    const { port: wanted, isEphemeral } = this.#options;
    const pick = async (set: number | null, name: string, usual: number) => {
      if (isEphemeral) return randomPort();
      if (set !== null) return exactPort(set, name);
      const port = await portNear(usual);
      if (port !== usual) this.#output.note(`port ${usual} is taken: ${name} is ${port}`);
      return port;
    };
    return {
      worker: await pick(wanted, 'PORT', PORT),
      // The same each time where it can be: people keep it in their database clients.
      database: isEphemeral ? await randomPort() : await portNear(DATABASE_PORT),
      redis: await randomPort(),
      redisRest: await randomPort(),
      neonHttp: await randomPort(),
      signIn: await randomPort(),
    };
  }
}
