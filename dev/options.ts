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
  --sign-in                      with a provider that signs in as anybody; always there but with --ephemeral
  --host=partyserver|partykit    partyserver: the Worker as it is deployed, in Miniflare; partykit: the same product by partykit dev
  --entry=FILE                   run this wiring of the Worker instead (for comparison)
  --state=FOLDER                 keep the rooms' own storage there instead of in the data folder
  --help                         this text

Environment: BACKBEAT_DATA_DIR (.backbeat), PORT (8787), LOCAL_DATABASE_URL (a Postgres that runs already), BACKBEAT_CRON_MS (60000;
0: never), BACKBEAT_PROXY (the Worker reaches the stores through it, as <proxy>/worker/<host:port>), BACKBEAT_CLOCK_RATE (how many times
too fast the Worker's clock runs), BACKBEAT_INSPECTOR_PORT, FLUSH_SECRET, JWT_SECRET, and the Worker's tuning variables.
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
  /** Which adapter of the rooms runs. */
  host: 'partyserver' | 'partykit';
  /** Absolute; null for the host's own. */
  entry: string | null;
  /** Absolute; null for the data folder. It is the caller's to remove. */
  stateDir: string | null;
  /** With a provider that signs in as anybody. */
  hasSignIn: boolean;
  /** Null: the usual one, or the next that is free. */
  port: number | null;
  /** How many times too fast the Worker's clock runs. */
  clockRate: number;
  inspectorPort: number | null;
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
  BACKBEAT_HOST: z.enum(['partyserver', 'partykit']).default('partyserver'),
  BACKBEAT_CLOCK_RATE: z.coerce.number().positive().max(1_000).default(1),
  BACKBEAT_INSPECTOR_PORT: port.optional(),
  PORT: port.optional(),
});

/** Where a flag goes before a variable, by the variable's name. */
const FLAG_OF: Record<string, string> = {
  BACKBEAT_REDIS: '--redis',
  BACKBEAT_POSTGRES: '--postgres',
  BACKBEAT_HOST: '--host',
};

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
  if (flags.host !== undefined) given.BACKBEAT_HOST = flags.host;
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
    host: values.BACKBEAT_HOST,
    entry: flags.entry === undefined ? null : resolve(flags.entry),
    stateDir: flags.state === undefined ? null : resolve(flags.state),
    hasSignIn: flags['sign-in'] ?? !isEphemeral,
    // A throwaway stack must fit beside any other, whatever the shell has set for that.
    port: isEphemeral ? null : (values.PORT ?? null),
    clockRate: values.BACKBEAT_CLOCK_RATE,
    inspectorPort: values.BACKBEAT_INSPECTOR_PORT ?? null,
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
        host: { type: 'string' },
        entry: { type: 'string' },
        state: { type: 'string' },
        'sign-in': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: false,
    }).values;
  } catch (error) {
    throw new StackError(`${messageOf(error)} (--help lists the options)`);
  }
}
