/** The same load with more and more sessions. */
import type { BenchOptions } from '../options.ts';
import { figures } from '../report/figures.ts';
import type { Plot } from '../report/plots.ts';
import { figure } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import type { LoadResult } from '../result.ts';
import { runLoad, type Say } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { headingOf } from './heading.ts';

export async function scaleScenario(
  { load, outDir, name }: BenchOptions,
  steps: readonly number[],
  say: Say,
): Promise<string[]> {
  const results: LoadResult[] = [];
  let files: string[] = [];
  for (const sessions of steps) {
    results.push(await runLoad(backbeat, { ...load, sessions }, say));
    const first = results[0];
    if (!first) continue;
    const markdown = `${headingOf(first.machine, { ...load, sessions: first.load.sessions })}\n\n${figures(results, (result) => `${figure(result.load.sessions)} sessions`)}`;
    // After each step, so that what has been measured is kept when a later step fails.
    files = writeResults(outDir, name, { json: results, markdown, plots: scalePlots(results) });
    process.stdout.write(`\n${markdown}\n\n`);
  }
  return files;
}

function scalePlots(results: readonly LoadResult[]): Record<string, Plot> {
  const by = (value: (result: LoadResult) => number | null) =>
    results.map((result): [number, number | null] => [result.load.sessions, value(result)]);
  const axis = { x: 'sessions', isLogX: true };
  return {
    latency: {
      ...axis,
      title: 'Time until an edit is acknowledged',
      y: 'milliseconds',
      isLogY: true,
      series: [
        { name: 'p50', points: by(({ latenciesMs }) => latenciesMs.ack?.p50 ?? null) },
        { name: 'p95', points: by(({ latenciesMs }) => latenciesMs.ack?.p95 ?? null) },
        { name: 'p99', points: by(({ latenciesMs }) => latenciesMs.ack?.p99 ?? null) },
      ],
    },
    throughput: {
      ...axis,
      title: 'Edits a second',
      y: 'edits a second',
      series: [
        { name: 'sent', points: by(({ edits, elapsedS }) => edits.sent / elapsedS) },
        { name: 'acknowledged', points: by(({ edits }) => edits.sustainedPerS) },
      ],
    },
    redis: {
      ...axis,
      title: 'Redis commands an edit',
      y: 'commands',
      series: [{ name: 'commands', points: by(({ redis }) => redis.commandsPerEdit) }],
      target: { value: 0.15, name: 'goal' },
    },
    postgres: {
      ...axis,
      title: 'Postgres transactions for 1,000 edits',
      y: 'transactions',
      isLogY: true,
      series: [{ name: 'transactions', points: by(({ postgres }) => postgres.transactionsPer1000) }],
      target: { value: 0.2, name: 'goal' },
    },
    cpu: {
      ...axis,
      title: 'CPU time for 1,000 edits',
      y: 'seconds',
      series: ['worker', 'redis', 'postgres', 'redis http front', 'load'].map((group) => ({
        name: group,
        points: by(({ processes }) => processes[group]?.cpuSPer1000Edits ?? null),
      })),
    },
    memory: {
      ...axis,
      title: 'Peak memory',
      y: 'MB',
      series: ['worker', 'redis', 'postgres'].map((group) => ({
        name: group,
        points: by(({ processes }) => (processes[group]?.peakBytes ?? 0) / 1e6),
      })),
    },
    dirty: {
      ...axis,
      title: 'Oldest dirty session, at most',
      y: 'seconds',
      series: [{ name: 'oldest dirty', points: by((result) => (result.oldestDirtyMaxMs ?? 0) / 1000) }],
      target: { value: 6, name: 'goal' },
    },
    cost: {
      ...axis,
      title: 'Dollars for a million edits',
      y: 'dollars',
      series: (['redis', 'rooms', 'postgres'] as const).map((part) => ({
        name: part,
        points: by(({ dollarsPerMillionEdits }) => dollarsPerMillionEdits[part]),
      })),
    },
  };
}
