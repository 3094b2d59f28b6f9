/** Starts the local stack as any program does, and breaks it on request. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { providePrograms } from '../../dev/programs.ts';
import { PROJECT_DIR } from '../../dev/project.ts';
import { newDatabase } from './shared-postgres.ts';

const pid = z.number().int().positive().nullable();

/** The one line that the stack prints; strict, so that a change of it is noticed here. */
const addressesSchema = z.strictObject({
  url: z.url(),
  roomUrl: z.url(),
  workerUrl: z.url(),
  redisRestUrl: z.url(),
  redisRestToken: z.string().min(1),
  redisUrl: z.url({ protocol: /^redis$/ }).nullable(),
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }),
  flushSecret: z.string().min(16),
  jwtSecret: z.string().min(16),
  keyPrefix: z.string().min(1),
  pids: z.strictObject({
    room: z.number().int().positive(),
    worker: z.number().int().positive(),
    redis: pid,
    postgres: pid,
    redisRest: pid,
    neonHttp: pid,
    signIn: pid,
  }),
  controlUrl: z.url(),
  neonFetchEndpoint: z.url(),
  dataDir: z.string().min(1),
});
export type StackAddresses = z.infer<typeof addressesSchema>;
export type PartName = keyof StackAddresses['pids'];

const partInfoSchema = z.object({
  state: z.enum(['down', 'starting', 'up', 'paused', 'waiting', 'stopping']),
  pid,
  restarts: z.number().int(),
});
export type PartInfo = z.infer<typeof partInfoSchema>;
const partsSchema = z.record(z.string(), partInfoSchema);

/** Each resolves when it has happened, and throws with the stack's own words when it can't. */
export interface StackControl {
  /** Asks a part to end, and keeps it down. */
  stop(part: PartName): Promise<PartInfo>;
  /** Kills a part, and keeps it down. */
  kill(part: PartName): Promise<PartInfo>;
  /** Resolves when the part answers. */
  start(part: PartName): Promise<PartInfo>;
  restart(part: PartName): Promise<PartInfo>;
  /** Freezes a part: connections stay, answers don't come. */
  pause(part: PartName): Promise<PartInfo>;
  resume(part: PartName): Promise<PartInfo>;
  parts(): Promise<Partial<Record<PartName, PartInfo>>>;
  /** Runs the Worker's scheduled handler once, as if it had been due then; by default now. */
  cron(dueMs?: number): Promise<void>;
  /** Sets the Worker's clock wrong by so many milliseconds, from its next start on. */
  setClock(skewMs: number): Promise<void>;
}

export interface Stack extends StackAddresses {
  /** The supervisor's own. */
  supervisorPid: number;
  /** What Redis' data goes down with: itself, or the front that it is embedded in. */
  redisPart: 'redis' | 'redisRest';
  /** What Postgres' data goes down with: itself, or the front that it is embedded in. */
  postgresPart: 'postgres' | 'neonHttp';
  control: StackControl;
  /** Ends the stack in order; resolves when nothing of it is left. */
  stop(): Promise<void>;
  /** Everything it wrote to stderr, and to stdout after its line. */
  logs(): string;
  /** Resolves when it has exited, with its exit code; null when a signal ended it. */
  exited: Promise<number | null>;
}

const TAIL_CHARACTERS = 6_000;

/**
 * Starts a stack on free ports and throwaway data; resolves when everything answers. In Vitest, Postgres is
 * the installed one where there is one.
 * @param env variables on top of this process's own; `BACKBEAT_CRON_MS` is 0 unless given: tests
 *   call `control.cron()`.
 * @param args flags besides `--ephemeral --json`.
 * @throws when it can't start, with the end of its log.
 */
export async function startStack(env: Record<string, string> = {}, args: string[] = []): Promise<Stack> {
  const database = await newDatabase();
  return launchStack(['--ephemeral', '--json', ...args], {
    BACKBEAT_CRON_MS: '0',
    ...(database === null ? {} : { LOCAL_DATABASE_URL: database }),
    ...env,
  });
}

/**
 * Starts a stack with exactly these arguments; `--json` must be among them.
 * @throws when it can't start, with the end of its log.
 */
export async function launchStack(args: string[], env: Record<string, string>): Promise<Stack> {
  const programArgs = await providePrograms();
  const child = spawn(process.execPath, [...programArgs('supervisor'), ...args], {
    cwd: PROJECT_DIR,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code]): number | null =>
    typeof code === 'number' ? code : null,
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk;
  });

  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    const fail = () => reject(new Error(`the stack did not start:\n${log.slice(-TAIL_CHARACTERS)}`));
    lines.once('line', resolve);
    // Once its output has ended nothing more can come, and the log is complete.
    child.once('close', fail);
    child.once('error', fail);
  });
  lines.on('line', (extra) => {
    log += `stdout: ${extra}\n`;
  });

  const addresses = addressesSchema.parse(JSON.parse(line));
  return {
    ...addresses,
    supervisorPid: child.pid ?? 0,
    redisPart: addresses.pids.redis === null ? 'redisRest' : 'redis',
    postgresPart: addresses.pids.postgres === null ? 'neonHttp' : 'postgres',
    control: makeControl(addresses),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
    logs: () => log,
    exited,
  };
}

function makeControl({ controlUrl, flushSecret }: StackAddresses): StackControl {
  const ask = async (method: 'GET' | 'POST', path: string): Promise<unknown> => {
    const response = await fetch(`${controlUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${flushSecret}` },
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${body}`);
    return JSON.parse(body);
  };
  const act = (action: string) => async (part: PartName) =>
    partInfoSchema.parse(await ask('POST', `/parts/${part}/${action}`));
  return {
    stop: act('stop'),
    kill: act('kill'),
    start: act('start'),
    restart: act('restart'),
    pause: act('pause'),
    resume: act('resume'),
    parts: async () => partsSchema.parse(await ask('GET', '/parts')),
    async cron(dueMs) {
      await ask('POST', dueMs === undefined ? '/cron' : `/cron/${dueMs}`);
    },
    async setClock(skewMs) {
      await ask('POST', `/clocks/worker/${skewMs}`);
    },
  };
}
