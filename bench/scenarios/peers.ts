/** The same load on what people would otherwise use, side by side. */
import type { BenchOptions, PeerName } from '../options.ts';
import { figures } from '../report/figures.ts';
import type { Plot } from '../report/plots.ts';
import { writeResults } from '../report/write.ts';
import type { LoadResult } from '../result.ts';
import { runLoad, type Say } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { direct } from '../targets/direct.ts';
import { hocuspocus } from '../targets/hocuspocus.ts';
import { perEdit } from '../targets/per-edit.ts';
import type { Target } from '../targets/target.ts';
import { yPartykit } from '../targets/y-partykit.ts';
import { installPeers } from '../targets/yjs.ts';
import { headingOf } from './heading.ts';

const TARGETS: Record<PeerName, Target> = {
  backbeat,
  direct,
  'per-edit': perEdit,
  hocuspocus,
  'y-partykit': yPartykit,
};

export async function peersScenario(
  { load, outDir, name }: BenchOptions,
  peers: readonly PeerName[],
  say: Say,
): Promise<string[]> {
  installPeers(say);
  const results: LoadResult[] = [];
  let files: string[] = [];
  for (const peer of peers) {
    try {
      results.push(await runLoad(TARGETS[peer], load, say));
    } catch (error) {
      // One that can't be driven at this load is a finding; the others are still wanted.
      say(`${peer} failed: ${error instanceof Error ? error.message : error}`);
      continue;
    }
    const first = results[0];
    if (!first) continue;
    const markdown = `${headingOf(first.machine, load)}\n\n${figures(results, ({ target }) => target, first)}`;
    files = writeResults(outDir, name, { json: results, markdown, plots: peerPlots(results) });
    process.stdout.write(`\n${markdown}\n\n`);
  }
  return files;
}

function peerPlots(results: readonly LoadResult[]): Record<string, Plot> {
  const series = (value: (tick: LoadResult['timeline'][number]) => number | null) =>
    results.map(({ target, timeline }) => ({
      name: target,
      points: timeline.map((tick): [number, number | null] => [tick.atS, value(tick)]),
    }));
  return {
    throughput: {
      title: 'Edits acknowledged a second, under the same load',
      x: 'seconds',
      y: 'edits a second',
      series: series(({ ackedPerS }) => ackedPerS),
    },
    latency: {
      title: 'Time until an edit is acknowledged, p95',
      x: 'seconds',
      y: 'milliseconds',
      isLogY: true,
      series: series(({ ackP95Ms }) => ackP95Ms),
    },
  };
}
