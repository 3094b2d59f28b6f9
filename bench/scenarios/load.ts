/** One load on the product, or one room full of people. */

import type { CpuProfile } from '../measure/profile.ts';
import type { BenchOptions } from '../options.ts';
import { figures } from '../report/figures.ts';
import type { Plot } from '../report/plots.ts';
import { figure, table } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import type { LoadResult } from '../result.ts';
import { runLoad, type Say } from '../run-load.ts';
import { backbeat, backbeatWithInspector } from '../targets/backbeat.ts';
import { headingOf } from './heading.ts';

/** So many functions are named in a profile's table. */
const MAX_SHARES = 40;

export async function loadScenario(
  { load, outDir, name, isProfiled }: BenchOptions,
  say: Say,
): Promise<string[]> {
  let profile: CpuProfile | undefined;
  const keep = (taken: CpuProfile) => {
    profile = taken;
  };
  const result = isProfiled
    ? await runLoad(await backbeatWithInspector(), load, say, keep)
    : await runLoad(backbeat, load, say);
  const markdown = [
    headingOf(result.machine, load),
    figures([result], () => 'backbeat'),
    ...(profile ? [sharesTable(profile)] : []),
  ].join('\n\n');
  process.stdout.write(`\n${markdown}\n\n`);
  return writeResults(outDir, name, {
    json: result,
    markdown,
    plots: timePlots(result),
    profile: profile?.json,
  });
}

function sharesTable({ shares }: CpuProfile): string {
  return table(
    ["the rooms' isolate, by function itself", 'share'],
    shares.slice(0, MAX_SHARES).map(({ name, share }) => [name, `${figure(share * 100)} %`]),
  );
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
