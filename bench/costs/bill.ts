/** What a jam cost, row by row beside the free plans. Pure. */
import { figure } from '../report/table.ts';
import { FRAMES_PER_REQUEST, FREE, OBJECT_GB, SCALE_TO_ZERO_MS, SMALLEST_COMPUTE_UNITS } from './quotas.ts';
import { busyMs, type MeterReading, type Span } from './reading.ts';

export interface Played {
  people: number;
  minutes: number;
  keys: number;
  messages: number;
  /** The meter, before the first join and after the last flush. */
  before: MeterReading;
  after: MeterReading;
  /** A script counted as one command, and by all that it calls; null where that isn't counted. */
  redisCommands: number;
  redisCommandsInScripts: number | null;
  redisBytes: number;
  /** What is left in Redis when all is flushed, until it expires. */
  redisDataBytes: number | null;
}

const MINUTES_PER_DAY = 24 * 60;
const DAYS_PER_MONTH = 30;
const HOUR_MS = 3_600_000;
/** What an idle turn of the cron costs where the commands of a script count: the call, and two in it. */
const IDLE_SCRIPT_COMMANDS = 3;

/** A row for each free plan's limit: what one jam takes, the limit, and how many jams it carries. */
export function costRows(played: Played): string[][] {
  const { before, after } = played;
  const taken = (of: (reading: MeterReading) => number) => of(after) - of(before);
  const since = (spans: (reading: MeterReading) => Span[]) => busyMs(spans(after)) - busyMs(spans(before));
  const turns = after.cronTurns.slice(before.cronTurns.length);
  const objectRequests =
    taken(({ room }) => room.requests + room.alarms + room.frames / FRAMES_PER_REQUEST) +
    taken(({ sweeper }) => sweeper.requests);
  const gbSeconds =
    ((since(({ room }) => room.busy) + since(({ sweeper }) => sweeper.busy)) / 1_000) * OBJECT_GB;
  const awakeMs = busyMs(
    after.postgresAt.slice(before.postgresAt.length).map((atMs): Span => [atMs, atMs + SCALE_TO_ZERO_MS]),
  );
  const computeHours = (awakeMs / HOUR_MS) * SMALLEST_COMPUTE_UNITS;
  // The cron turns while nobody jams, too.
  const idleTurns = MINUTES_PER_DAY * DAYS_PER_MONTH;

  const row = (what: string, value: number | null, limit: number, unit: string, per: string) => [
    what,
    figure(value, unit),
    `${figure(limit, unit)}${per}`,
    value === null || value === 0 ? '–' : share(limit / value),
  ];
  return [
    row(
      'Worker: invocations',
      taken(({ workerRequests }) => workerRequests),
      FREE.workerRequestsPerDay,
      '',
      ' a day',
    ),
    [
      'requests of a cron turn, at most',
      figure(Math.max(0, ...turns)),
      figure(FREE.subrequestsPerInvocation),
      Math.max(0, ...turns) < FREE.subrequestsPerInvocation ? 'fits' : 'too many',
    ],
    row('Durable Objects: requests', objectRequests, FREE.objectRequestsPerDay, '', ' a day'),
    row('time, at 128 MB', gbSeconds, FREE.objectGbSecondsPerDay, 'GB-s', ' a day'),
    row(
      'rows written',
      taken(({ room }) => room.rowsWritten),
      FREE.rowsWrittenPerDay,
      '',
      ' a day',
    ),
    row(
      'Upstash: commands, a script as one',
      played.redisCommands,
      FREE.redisCommandsPerMonth - idleTurns,
      '',
      ' a month beside the idle cron',
    ),
    row(
      'commands, by all that scripts call',
      played.redisCommandsInScripts,
      FREE.redisCommandsPerMonth - idleTurns * IDLE_SCRIPT_COMMANDS,
      '',
      ' a month beside the idle cron',
    ),
    row('traffic', played.redisBytes / 1e6, FREE.redisTrafficBytesPerMonth / 1e6, 'MB', ' a month'),
    row(
      'kept for 24 h',
      played.redisDataBytes === null ? null : played.redisDataBytes / 1e6,
      FREE.redisDataBytes / 1e6,
      'MB',
      '',
    ),
    row(
      'Neon: compute, at a quarter unit',
      computeHours,
      FREE.computeUnitHoursPerMonth,
      'CU-hours',
      ' a month',
    ),
  ];
}

const share = (jams: number) =>
  jams < 1 ? `${figure(1 / jams)} times too much` : `${figure(Math.floor(jams))} jams`;
