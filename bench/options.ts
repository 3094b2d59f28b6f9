/** What the benchmark is asked to do, from the command line. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

export const USAGE = `Usage: npm run bench -- [options]

Starts the whole system on this machine (Redis with its append-only file, Postgres with its default durability), drives
it from processes of its own, checks at the end that nothing acknowledged is missing, and writes what it measured.

The load:
  --sessions=2000      rooms, one person typing in each
  --rate=10            edits a second of each person who types
  --seconds=60         how long
  --code-bytes=2000    size of each session's code
  --chat-rate=0.1      chat messages a second of each session
  --viewers=0          people in each room who only watch
  --typists=1          people in each room who type
  --edits=whole        how edits are sent: whole, or changes: each types in a line of their own of a shared text
  --pace=client        a client sends fewer frames while much is unacknowledged, as the page's does; or none:
                       one for each edit, as --merging does.
  --clients=auto       processes that make the load
  --profile            also writes NAME.cpuprofile of the rooms' isolate, and what most of its time goes to

What to run (the load above when none is given):
  --scale              with 100, 500, 1,000, 2,000 and 4,000 sessions (or --scale=LIST), one after the other
  --room=50            one room with so many people, 10 of them typing
  --audience=250,1000  one room with 10 people who type and so many who watch, in turns
  --relays=10          with --audience: those who watch do so by so many rooms that only pass on (a spike)
  --quick              a small load, which fails when commands, bytes or statements an edit have doubled
  --floor=500,1000,1400   so many sessions, beside rooms that read the same frames and make as many requests,
                       and do nothing else
  --return=2000        kills the Worker under so many rooms of one, and under one room of 1,000, and under rooms
                       that do nothing else: how long until everybody is back, and what that costs
  --flush-only=20000   drains so many dirty sessions, and watches the Worker's memory
  --idle               counts what a quiet system costs, with --sessions people connected (10 unless given)
  --peers              the same load on what people would otherwise use; or --peers=LIST of
                       backbeat, direct, per-edit, hocuspocus, y-partykit
  --merging=18000      so many edits of five people in each of --sessions rooms (2 unless given), as fast as
                       a connection may send them, on backbeat, hocuspocus and y-partykit in turns; then a
                       change beside a whole text, of 2 KB and of 100 KB

Where to:
  --out=bench/results  folder of tables, JSON and plots
  --name=NAME          name of the result's files; the mode's otherwise
  --help               this text

Results of one machine say nothing about another; see docs/benchmarks.md for the method.
`;

/**
 * How edits travel: as changes, merged with what others type; or as the whole text. Yjs servers only know
 * changes: there it says whether people share a text or not.
 */
export const EDIT_MODES = ['changes', 'whole'] as const;
export type EditMode = (typeof EDIT_MODES)[number];

/**
 * Whether frames are sent as the page's client does, fewer while much is unacknowledged, or one for each
 * edit.
 */
export const PACES = ['client', 'none'] as const;

export const PEERS = ['backbeat', 'direct', 'per-edit', 'hocuspocus', 'y-partykit'] as const;
export type PeerName = (typeof PEERS)[number];
/** What a load can be put on: ours, a peer, or the least that a room can do. */
export type TargetName = PeerName | 'floor';

/** The load on one system. */
export interface LoadOptions {
  sessions: number;
  /** Edits a second of each person who types. */
  ratePerS: number;
  seconds: number;
  codeBytes: number;
  /** Chat messages a second of each session. */
  chatPerS: number;
  /** People in each room who only watch. */
  viewers: number;
  /** People in each room who type. */
  typists: number;
  edits: EditMode;
  pace: (typeof PACES)[number];
  /** Processes that make the load; null: as many as it needs. */
  clients: number | null;
}

export type Mode =
  | { kind: 'load' }
  | { kind: 'scale'; sessions: number[] }
  | { kind: 'room' }
  | { kind: 'audience'; sizes: number[]; relays: number | null }
  | { kind: 'floor'; sessions: number[] }
  | { kind: 'return'; rooms: number }
  | { kind: 'quick' }
  | { kind: 'flush-only'; sessions: number }
  | { kind: 'idle' }
  | { kind: 'peers'; peers: PeerName[] }
  | { kind: 'merging'; edits: number };

export interface BenchOptions {
  mode: Mode;
  load: LoadOptions;
  /** Absolute. */
  outDir: string;
  name: string;
  /** Whether the load's rooms are profiled. */
  isProfiled: boolean;
}

/** The command line can't be understood; the message says what is wrong with it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const FLOOR_SESSIONS = [500, 1_000, 1_400];
const FLOOR_SECONDS = 20;
const RETURNING_ROOMS = 2_000;
/** Keys a second of each participant that comes back. */
const RETURN_RATE = 1;
/** Far from what any machine can do: the counts are then those of the code. */
const QUICK_LOAD = { sessions: 20, ratePerS: 5, seconds: 20, chatPerS: 0.1 };
const SCALE_SESSIONS = [100, 500, 1_000, 2_000, 4_000];
const IDLE_SESSIONS = 10;
const IDLE_SECONDS = 180;
const ROOM_TYPISTS = 10;
const AUDIENCE_SIZES = [250, 1_000];
const AUDIENCE_SECONDS = 30;
const MERGING_SESSIONS = 2;
const MERGING_TYPISTS = 5;
/** Of each person. A room takes 30 a second; what was late and arrives at once counts for one second. */
const MERGING_RATE = 25;

const SECONDS: Partial<Record<Mode['kind'], number>> = {
  idle: IDLE_SECONDS,
  audience: AUDIENCE_SECONDS,
  floor: FLOOR_SECONDS,
};

const count = (max: number) => z.coerce.number().int().min(1).max(max);
const list = <T extends z.ZodType>(item: T) =>
  z.preprocess((text) => (typeof text === 'string' ? text.split(',') : text), z.array(item).min(1));

const flagsSchema = z.object({
  sessions: count(50_000).optional(),
  rate: z.coerce.number().positive().max(1_000).optional(),
  seconds: count(86_400).optional(),
  'code-bytes': count(100_000).min(200).default(2_000),
  'chat-rate': z.coerce.number().min(0).max(1_000).default(0.1),
  viewers: z.coerce.number().int().min(0).max(1_000).default(0),
  typists: count(1_000).optional(),
  edits: z.enum(EDIT_MODES).optional(),
  pace: z.enum(PACES).default('client'),
  clients: count(64).optional(),
  scale: list(count(50_000)).optional(),
  room: count(1_000).min(2).optional(),
  audience: list(count(20_000)).optional(),
  relays: count(100).optional(),
  floor: list(count(50_000)).optional(),
  return: count(50_000).optional(),
  'flush-only': count(1_000_000).optional(),
  idle: z.boolean().optional(),
  quick: z.boolean().optional(),
  profile: z.boolean().optional(),
  peers: list(z.enum(PEERS)).optional(),
  merging: count(1_000_000).min(20).optional(),
  out: z.string().min(1).default('bench/results'),
  name: z
    .string()
    .regex(/^[\w-]+$/)
    .optional(),
});

/** Flags that may stand without a value, with what they mean then. */
const BARE: Record<string, string> = {
  '--scale': SCALE_SESSIONS.join(','),
  '--peers': PEERS.join(','),
  '--room': '50',
  '--audience': AUDIENCE_SIZES.join(','),
  '--floor': FLOOR_SESSIONS.join(','),
  '--return': String(RETURNING_ROOMS),
  '--flush-only': '20000',
  '--merging': '18000',
};

/**
 * @param args the command line's arguments, without program and script.
 * @returns null when only the usage is asked for.
 * @throws {UsageError}
 */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const flags = readFlags(args);
  if (flags === null) return null;
  const chosen = (
    [
      'scale',
      'room',
      'audience',
      'quick',
      'floor',
      'return',
      'flush-only',
      'idle',
      'peers',
      'merging',
    ] as const
  ).filter((name) => flags[name] !== undefined);
  if (chosen.length > 1)
    throw new UsageError(`one at a time: ${chosen.map((name) => `--${name}`).join(', ')}`);
  const mode = modeOf(flags);
  if (flags.relays !== undefined && mode.kind !== 'audience')
    throw new UsageError('--relays: only with --audience');
  if (flags.profile && mode.kind !== 'load') throw new UsageError('--profile: only with the load');
  const load: LoadOptions = {
    sessions: flags.sessions ?? (mode.kind === 'idle' ? IDLE_SESSIONS : 2_000),
    ratePerS: flags.rate ?? 10,
    seconds: flags.seconds ?? SECONDS[mode.kind] ?? 60,
    codeBytes: flags['code-bytes'],
    chatPerS: flags['chat-rate'],
    viewers: flags.viewers,
    typists: flags.typists ?? 1,
    edits: flags.edits ?? 'whole',
    pace: flags.pace,
    clients: flags.clients ?? null,
  };
  if (flags.room !== undefined) {
    load.sessions = 1;
    load.typists = Math.min(ROOM_TYPISTS, flags.room - 1);
    load.viewers = flags.room - load.typists;
  }
  if (mode.kind === 'quick') Object.assign(load, QUICK_LOAD);
  if (mode.kind === 'audience') {
    if (flags.edits === 'whole') throw new UsageError('--audience: the edits are changes');
    Object.assign(load, { sessions: 1, typists: flags.typists ?? ROOM_TYPISTS, edits: 'changes' });
  }
  if (mode.kind === 'merging') {
    if (flags.edits === 'whole') throw new UsageError('--merging: the edits that are merged are changes');
    load.edits = 'changes';
    load.pace = 'none';
    load.sessions = flags.sessions ?? MERGING_SESSIONS;
    load.typists = flags.typists ?? MERGING_TYPISTS;
    load.ratePerS = flags.rate ?? MERGING_RATE;
    load.chatPerS = 0;
  }
  if (mode.kind === 'return') load.ratePerS = flags.rate ?? RETURN_RATE;
  return {
    mode,
    load,
    outDir: resolve(flags.out),
    name: flags.name ?? mode.kind,
    isProfiled: flags.profile ?? false,
  };
}

function modeOf(flags: z.infer<typeof flagsSchema>): Mode {
  if (flags.scale) return { kind: 'scale', sessions: flags.scale };
  if (flags.room !== undefined) return { kind: 'room' };
  if (flags.audience) return { kind: 'audience', sizes: flags.audience, relays: flags.relays ?? null };
  if (flags.quick) return { kind: 'quick' };
  if (flags.floor) return { kind: 'floor', sessions: flags.floor };
  if (flags.return !== undefined) return { kind: 'return', rooms: flags.return };
  if (flags['flush-only'] !== undefined) return { kind: 'flush-only', sessions: flags['flush-only'] };
  if (flags.idle) return { kind: 'idle' };
  if (flags.peers) return { kind: 'peers', peers: flags.peers };
  if (flags.merging !== undefined) return { kind: 'merging', edits: flags.merging };
  return { kind: 'load' };
}

function readFlags(args: readonly string[]): z.infer<typeof flagsSchema> | null {
  const spelled = args.flatMap((arg, i) => {
    const next = args[i + 1];
    const bare = BARE[arg];
    return bare !== undefined && (next === undefined || next.startsWith('--')) ? [arg, bare] : [arg];
  });
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({
      args: spelled,
      options: {
        ...Object.fromEntries(
          Object.keys(flagsSchema.shape).map((name) => [name, { type: 'string' } as const]),
        ),
        idle: { type: 'boolean' },
        quick: { type: 'boolean' },
        profile: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: false,
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help) return null;
  const parsed = flagsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`).join('; '),
  );
}
