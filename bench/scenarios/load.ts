/** One load on the product, or one room full of people. */
import type { BenchOptions } from '../options.ts';
import { figures } from '../report/figures.ts';
import type { Plot } from '../report/plots.ts';
import { writeResults } from '../report/write.ts';
import type { LoadResult } from '../result.ts';
import { runLoad, type Say } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { headingOf } from './heading.ts';

export async function loadScenario({ load, outDir, name }: BenchOptions, say: Say): Promise<string[]> {
  const result = await runLoad(backbeat, load, say);
  const markdown = `${headingOf(result.machine, load)}\n\n${figures([result], () => 'backbeat')}`;
  process.stdout.write(`\n${markdown}\n\n`);
  return writeResults(outDir, name, { json: result, markdown, plots: timePlots(result) });
}

/** What happened second by second. */
export function timePlots(result: LoadResult): Record<string, Plot> {
  const over = (value: (tick: LoadResult['timeline'][number]) => number | null) =>
    result.timeline.map((tick): [number, number | null] => [tick.atS, value(tick)]);
  return {
    latency: {
      title: `Time until an edit is acknowledged, ${result.load.sessions} sessions`,
      x: 'seconds',
      y: 'milliseconds',
      series: [
        { name: 'p50', points: over(({ ackP50Ms }) => ackP50Ms) },
        { name: 'p95', points: over(({ ackP95Ms }) => ackP95Ms) },
      ],
    },
    throughput: {
      title: `Edits a second, ${result.load.sessions} sessions`,
      x: 'seconds',
      y: 'edits a second',
      series: [
        { name: 'sent', points: over(({ sentPerS }) => sentPerS) },
        { name: 'acknowledged', points: over(({ ackedPerS }) => ackedPerS) },
      ],
    },
    dirty: {
      title: 'Age of the session that has been dirty longest',
      x: 'seconds',
      y: 'seconds',
      series: [
        {
          name: 'oldest dirty',
          points: over(({ oldestDirtyMs }) => (oldestDirtyMs === null ? null : oldestDirtyMs / 1000)),
        },
      ],
      target: { value: 6, name: 'goal' },
    },
  };
}
