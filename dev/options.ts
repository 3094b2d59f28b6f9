/** What the stack is asked to be, from the command line and the environment. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { messageOf, StackError } from './errors.ts';

export const USAGE = `Usage: npm run dev -- [options]

Starts Backbeat with everything it needs on this machine, and stops it all with Ctrl-C.

  --ephemeral                    free ports and throwaway data, removed at the end
  --json                         one line of JSON on stdout when ready; everything else on stderr
  --redis=auto|real|embedded     auto: redis-server or valkey-server if installed, else the embedded engine (BACKBEAT_REDIS)
  --postgres=pglite|real         pglite: embedded; real: the installed server (BACKBEAT_POSTGRES)
  --room-entry=FILE              serve these rooms instead of partykit.json's (other wirings, for comparison)
  --room-state=FOLDER            keep the rooms' own storage there instead of in the data folder
  --help                         this text

Environment: BACKBEAT_DATA_DIR (.backbeat), ROOM_PORT (1999), WORKER_PORT (8787), LOCAL_DATABASE_URL (a Postgres that
runs already), BACKBEAT_CRON_MS (60000; 0: never), BACKBEAT_PROXY (the rooms and the Worker reach the stores through it, as
<proxy>/<room or worker>/<host:port>), FLUSH_SECRET, JWT_SECRET, and the tuning variables of the rooms and the Worker.
`;

export interface StackOptions {
  isEphemeral: boolean;
  isJson: boolean;
  redis: 'auto' | 'real' | 'embedded';
  postgres: 'pglite' | 'real';
  /** A Postgres that runs already; goes before `postgres`. */
  databaseUrl: string | null;
  /** Absolute; null for a throwaway folder. */
  dataDir: string | null;
  /** Absolute; null for the entry of partykit.json. */
  roomEntry: string | null;
  /** Absolute; null for the data folder. It is the caller's to remove. */
  roomState: string | null;
  /** Null: the usual one, or the next that is free. */
  roomPort: number | null;
  workerPort: number | null;
  /** Pause between two calls of the Worker's scheduled handler in milliseconds; 0: never. */
  cronIntervalMs: number;
  /** An HTTP proxy between the code and the stores, by which a test breaks the way there; null: none. */
  proxyUrl: string | null;
}

const port = z.coerce.number().int().min(1).max(65_535);

const environmentSchema = z.object({
  BACKBEAT_REDIS: z.enum(['auto', 'real', 'embedded']).default('auto'),
  BACKBEAT_POSTGRES: z.enum(['pglite', 'real']).default('pglite'),
  BACKBEAT_DATA_DIR: z.string().default('.backbeat'),
  BACKBEAT_CRON_MS: z.coerce.number().int().min(0).max(86_400_000).default(60_000),
  BACKBEAT_PROXY: z.url({ protocol: /^http$/ }).optional(),
  LOCAL_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  ROOM_PORT: port.optional(),
  WORKER_PORT: port.optional(),
});

/** Where a flag goes before a variable, by the variable's name. */
const FLAG_OF: Record<string, string> = { BACKBEAT_REDIS: '--redis', BACKBEAT_POSTGRES: '--postgres' };

/**
 * @param args the command line's arguments, without program and script.
 * @returns null when only the usage is asked for.
 * @throws {StackError} naming each flag or variable that can't be understood.
 */
export function parseOptions(
  args: readonly string[],
  env: Record<string, string | undefined>,
): StackOptions | null {
  const flags = parseFlags(args);
  if (flags.help) return null;
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== '' && value !== undefined),
  );
  if (flags.redis !== undefined) given.BACKBEAT_REDIS = flags.redis;
  if (flags.postgres !== undefined) given.BACKBEAT_POSTGRES = flags.postgres;
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => {
      const name = path.join('.');
      return `${FLAG_OF[name] ? `${FLAG_OF[name]} or ` : ''}${name}: ${message}`;
    });
    throw new StackError(problems.join('; '));
  }
  const values = parsed.data;
  const isEphemeral = flags.ephemeral ?? false;
  return {
    isEphemeral,
    isJson: flags.json ?? false,
    redis: values.BACKBEAT_REDIS,
    postgres: values.BACKBEAT_POSTGRES,
    databaseUrl: values.LOCAL_DATABASE_URL ?? null,
    dataDir: isEphemeral ? null : resolve(values.BACKBEAT_DATA_DIR),
    roomEntry: flags['room-entry'] === undefined ? null : resolve(flags['room-entry']),
    roomState: flags['room-state'] === undefined ? null : resolve(flags['room-state']),
    // A throwaway stack must fit beside any other, whatever the shell has set for that.
    roomPort: isEphemeral ? null : (values.ROOM_PORT ?? null),
    workerPort: isEphemeral ? null : (values.WORKER_PORT ?? null),
    cronIntervalMs: values.BACKBEAT_CRON_MS,
    proxyUrl: values.BACKBEAT_PROXY ?? null,
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        ephemeral: { type: 'boolean' },
        json: { type: 'boolean' },
        redis: { type: 'string' },
        postgres: { type: 'string' },
        'room-entry': { type: 'string' },
        'room-state': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: false,
    }).values;
  } catch (error) {
    throw new StackError(`${messageOf(error)} (--help lists the options)`);
  }
}
