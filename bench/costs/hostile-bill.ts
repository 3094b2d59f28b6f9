/** What a hostile day costs the operator, by the counts of its hours and the list prices. Pure. */
import type { Config } from '../../src/config.ts';
import { PRICES } from '../report/prices.ts';
import type { HostileHour, Tried } from './hostile-hour.ts';
import type { UnitCosts } from './hostile-units.ts';

const HOURS = 24;
const HOUR_S = 3_600;
/** Assumed, in dollars a token: providers' prices change, and so does the model that is set. */
const AI_INPUT_PRICE = 3 / 1e6;
const AI_OUTPUT_PRICE = 15 / 1e6;
/** An answer that isn't valid code is asked for once more. */
const AI_ANSWERS = 2;
/** Code has many signs: few characters make a token. */
const CHARS_A_TOKEN = 2;

export interface HostileCounts {
  /** The first hour of the day. */
  first: HostileHour;
  /** Any later one: daily limits are met. */
  later: HostileHour;
  /** Commands of the limits' own counting in each of the two. */
  limitCommands: { first: number; later: number };
  units: UnitCosts;
  /** Characters of one AI request, the instructions included. */
  aiChars: number;
}

export interface BillLine {
  what: string;
  /** What is bought, in words. */
  basis: string;
  dollars: number;
}

const ofDay = (hours: { first: number; later: number }) => hours.first + (HOURS - 1) * hours.later;

/** Got through on the whole day. */
export function allowedOf({ first, later }: HostileCounts, name: keyof HostileHour): number {
  return ofDay({ first: first[name].gotThrough, later: later[name].gotThrough });
}

/** A line for each thing that is paid for. */
export function hostileBill(
  counts: HostileCounts,
  { AI_MAX_OUTPUT_TOKENS }: Pick<Config, 'AI_MAX_OUTPUT_TOKENS'>,
): { bounded: BillLine[]; unbounded: BillLine[] } {
  const { units, limitCommands, aiChars } = counts;
  const allowed = (name: keyof HostileHour) => allowedOf(counts, name);
  const [sessions, entries, commits] = [allowed('sessions'), allowed('entries'), allowed('commits')];
  const total = (of: (unit: UnitCosts['commit']) => number) =>
    sessions * of(units.session) + entries * of(units.entry) + commits * of(units.commit);
  const limits = ofDay(limitCommands);
  const least = total(({ redisCommands }) => redisCommands) + limits;
  const most = total(({ redisCommandsInScripts }) => redisCommandsInScripts) + limits;
  const bytes = total(({ redisBytes }) => redisBytes);
  const walBytes = total((unit) => unit.walBytes);
  const asked = allowed('aiRequests') * AI_ANSWERS;
  const aiCost =
    asked * ((aiChars / CHARS_A_TOKEN) * AI_INPUT_PRICE + AI_MAX_OUTPUT_TOKENS * AI_OUTPUT_PRICE);
  const tried = (of: (hour: HostileHour) => Tried) => {
    return ofDay({ first: of(counts.first).tried, later: of(counts.later).tried });
  };
  const requests = tried(({ sessions: made }) => made) + tried(({ entries: made }) => made);
  const frames = tried(({ commits: made }) => made);
  // Each room that was made can be kept awake all day by a ping now and then.
  const roomSeconds = sessions * HOURS * HOUR_S;
  return {
    bounded: [
      {
        what: 'Upstash: commands',
        basis: `${million(least)} if a script counts as one, ${million(most)} by all that scripts call`,
        dollars: most * PRICES.redisPerCommand,
      },
      { what: 'Upstash: traffic', basis: gigabytes(bytes), dollars: bytes * PRICES.redisPerByte },
      {
        what: 'Neon: compute that never sleeps',
        basis: `${PRICES.postgresLeastCu * HOURS} CU-hours`,
        dollars: PRICES.postgresLeastCu * HOURS * HOUR_S * PRICES.postgresPerCuSecond,
      },
      {
        what: 'Neon: history of a day',
        basis: `${gigabytes(walBytes)} of changes, ${million(total(({ rowsWritten }) => rowsWritten))} rows written`,
        dollars: walBytes * PRICES.postgresPerWalByte,
      },
      {
        what: 'AI requests, each answered twice at full length',
        basis: `${asked / AI_ANSWERS}, at an assumed $3 and $15 a million tokens`,
        dollars: aiCost,
      },
    ],
    unbounded: [
      {
        what: 'Worker: requests, nearly all refused',
        basis: million(requests),
        dollars: requests * PRICES.workerPerRequest,
      },
      {
        what: 'Rooms: frames received',
        basis: million(frames),
        dollars: (frames / PRICES.messagesPerRoomRequest) * PRICES.roomPerRequest,
      },
      {
        what: 'Rooms: kept awake all day',
        basis: `${sessions} rooms`,
        dollars: roomSeconds * PRICES.roomPerSecond,
      },
    ],
  };
}

export const sumOf = (lines: readonly BillLine[]): number =>
  lines.reduce((sum, { dollars }) => sum + dollars, 0);

const million = (count: number) => `${(count / 1e6).toFixed(2)} M`;
const gigabytes = (count: number) => `${(count / 1e9).toFixed(1)} GB`;
