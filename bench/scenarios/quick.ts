/** Two minutes that guard against what doubles: commands, bytes and statements an edit. Counts, not times. */
import type { BenchOptions } from '../options.ts';
import { figure, ratio, table } from '../report/table.ts';
import type { LoadResult } from '../result.ts';
import { runLoad, type Say } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';

/** A few rooms, far from what any machine can do: the counts are then those of the code. */
export const QUICK_LOAD = { sessions: 20, ratePerS: 5, seconds: 20, chatPerS: 0.1 };
/** More than so many times the usual is a fault. */
const MOST = 2;

interface Count {
  label: string;
  /** As measured when it was right. */
  usual: number;
  of(result: LoadResult): number;
}

const COUNTS: readonly Count[] = [
  { label: 'Redis commands an edit', usual: 1.07, of: ({ redis }) => redis.commandsPerEdit },
  { label: 'Redis bytes an edit', usual: 707, of: ({ redis }) => redis.bytesPerEdit },
  {
    label: 'Postgres statements / 1,000 edits',
    usual: 4,
    of: ({ postgres }) => postgres.statementsPer1000,
  },
  {
    label: 'Postgres rows written / 1,000 edits',
    usual: 83,
    of: ({ postgres }) => postgres.rowsPer1000,
  },
];

/** @throws when a count is more than twice the usual one, or anything was lost. */
export async function quickScenario({ load }: BenchOptions, say: Say): Promise<string[]> {
  const result = await runLoad(backbeat, load, say);
  const rows = COUNTS.map(({ label, usual, of }) => [
    label,
    figure(usual),
    figure(of(result)),
    ratio(of(result), usual),
  ]);
  process.stdout.write(`\n${table(['', 'usual', 'now', 'of the usual'], rows)}\n\n`);
  const tooMuch = COUNTS.filter(({ usual, of }) => of(result) > usual * MOST).map(({ label }) => label);
  const { sessionsLost, messagesLost, messagesDoubled } = result.check;
  const lost = sessionsLost + messagesLost + messagesDoubled;
  if (tooMuch.length > 0) throw new Error(`more than ${MOST} times the usual: ${tooMuch.join(', ')}`);
  if (lost > 0 || result.edits.acked < result.edits.sent) throw new Error('not all of it was kept');
  return [];
}
