/** One room with more and more people who watch: what those who type notice of it. */
import type { BenchOptions } from '../options.ts';
import { figures } from '../report/figures.ts';
import { figure } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import type { LoadResult } from '../result.ts';
import { runLoad, type Say } from '../run-load.ts';
import { backbeatWithInspector, withRelays } from '../targets/backbeat.ts';
import { headingOf } from './heading.ts';

/** Locally all relays share one thread, to which each frame costs some 30 µs. */
const RELAY_PACE_MS = 1_000;

export async function audienceScenario(
  { load, outDir, name }: BenchOptions,
  { sizes, relays }: { sizes: readonly number[]; relays: number | null },
  say: Say,
): Promise<string[]> {
  const results: LoadResult[] = [];
  let files: string[] = [];
  for (const viewers of sizes) {
    const target = await backbeatWithInspector();
    const relayed = relays === null ? target : withRelays(target, relays, RELAY_PACE_MS);
    results.push(await runLoad(relayed, { ...load, viewers }, say));
    const [first] = results;
    if (!first) continue;
    const title = (result: LoadResult) => `${figure(result.load.viewers)} watching`;
    const markdown = `${headingOf(first.machine, { ...load, viewers: 0 })}\n\n${figures(results, title, first)}`;
    files = writeResults(outDir, name, { json: results, markdown, plots: {} });
    process.stdout.write(`\n${markdown}\n\n`);
  }
  return files;
}
