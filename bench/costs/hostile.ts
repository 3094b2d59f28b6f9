/**
 * `npm run costs -- --hostile`: what one IPv6 site without an account can make a day cost, by the counts of a
 * simulated hour against the real limits.
 */
import { createFlusher, createStorage } from '../../src/compose.ts';
import { configSchema, parseConfig } from '../../src/config.ts';
import { MAX_ANONYMOUS_AI_CHARS } from '../../src/protocol/limits.ts';
import { RedisScripts } from '../../src/redis/client.ts';
import { INSTRUCTIONS, MAX_HISTORY_CHARS } from '../../src/room/agent/prompt.ts';
import { startStack } from '../../test/support/stack.ts';
import { readFronts } from '../measure/fronts.ts';
import { figure, table } from '../report/table.ts';
import { allowedOf, type BillLine, type HostileCounts, hostileBill, sumOf } from './hostile-bill.ts';
import { type HostileHour, HostileSite } from './hostile-hour.ts';
import { measureUnits } from './hostile-units.ts';

const HOUR_MS = 3_600_000;
/** A midnight: the day's limits are whole. */
const START_MS = Date.parse('2030-01-01T00:00:00Z');
/** Names of what is limited, as a reader knows them. */
const ROWS: [keyof HostileHour, string][] = [
  ['sessions', 'sessions made'],
  ['entries', 'entries'],
  ['commits', 'edits sent, and commits made of them'],
  ['aiRequests', 'AI requests'],
];

/** @returns the report. @param say is told how far it is. */
export async function hostileDay(say: (line: string) => void): Promise<string> {
  const stack = await startStack();
  try {
    // The limits as they are by default: the stack's own are raised.
    const config = parseConfig(configSchema, {
      UPSTASH_REDIS_REST_URL: stack.redisRestUrl,
      UPSTASH_REDIS_REST_TOKEN: stack.redisRestToken,
      DATABASE_URL: stack.databaseUrl,
      NEON_FETCH_ENDPOINT: stack.neonFetchEndpoint,
      JWT_SECRET: stack.jwtSecret,
      FLUSH_SECRET: stack.flushSecret,
      KEY_PREFIX: stack.keyPrefix,
      REDIS_TIMEOUT_MS: '60000',
      POSTGRES_TIMEOUT_MS: '120000',
    });
    say('what one session, one entry and one commit cost');
    const storage = createStorage(config, { failures: 100, retryMs: 0 });
    const units = await measureUnits(stack, { storage, flusher: createFlusher(storage, config) });

    const redis = new RedisScripts({
      url: stack.redisRestUrl,
      token: stack.redisRestToken,
      timeoutMs: 60_000,
    });
    const site = new HostileSite(redis, { ...config, KEY_PREFIX: 'hostile:' });
    const commands = async () => (await readFronts(stack)).redisCommands;
    const play = async (startMs: number) => {
      const before = await commands();
      const hour = await site.playHour(startMs);
      return { hour, limitCommands: (await commands()) - before };
    };
    say('the first hour of the day');
    const first = await play(START_MS);
    say('a later hour');
    const later = await play(START_MS + HOUR_MS);
    return reportOf(
      {
        first: first.hour,
        later: later.hour,
        limitCommands: { first: first.limitCommands, later: later.limitCommands },
        units,
        aiChars: MAX_ANONYMOUS_AI_CHARS + INSTRUCTIONS.content.length + MAX_HISTORY_CHARS,
      },
      config,
    );
  } finally {
    await stack.stop();
  }
}

function reportOf(counts: HostileCounts, config: Parameters<typeof hostileBill>[1]): string {
  const { first, later, limitCommands, units } = counts;
  const uses = ROWS.map(([name, what]) => [
    what,
    figure(first[name].tried),
    figure(first[name].gotThrough),
    figure(later[name].gotThrough),
    figure(allowedOf(counts, name)),
  ]);
  const unitRows = Object.entries(units).map(([what, unit]) => [
    `one ${what}`,
    figure(unit.redisCommands),
    figure(unit.redisCommandsInScripts),
    figure(unit.redisBytes / 1e3, 'kB'),
    figure(unit.postgresTransactions),
    figure(unit.rowsWritten),
    figure(unit.walBytes / 1e3, 'kB'),
  ]);
  const { bounded, unbounded } = hostileBill(counts, config);
  const [limited, rest] = [sumOf(bounded), sumOf(unbounded)];
  const ai = bounded.at(-1)?.dollars ?? 0;
  const rows = (lines: readonly BillLine[]) =>
    lines.map(({ what, basis, dollars }) => [what, basis, dollarsText(dollars)]);
  return [
    'A hostile day from one IPv6 site of 48 bits, by the counts of its first hour and of a later one.',
    table(['', 'tried in an hour', 'got through', 'in a later hour', 'on the day'], uses),
    `The limits' own counting took ${figure(limitCommands.first)} Redis commands in the first hour, ${figure(limitCommands.later)} in a later one.`,
    table(['', 'commands', 'in scripts too', 'Redis traffic', 'Postgres', 'rows written', 'WAL'], unitRows),
    table(['what the limits bound', '', 'a day'], rows(bounded)),
    `Together ${dollarsText(limited)}; ${dollarsText(limited - ai)} without an AI key.`,
    table(['what only the platform can bound, at these rates', '', 'a day'], rows(unbounded)),
    `Together ${dollarsText(rest)}.`,
    '',
  ].join('\n\n');
}

const dollarsText = (dollars: number) => `$${dollars.toFixed(2)}`;
