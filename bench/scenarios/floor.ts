/** What our rooms take beyond what any room takes: both under the same load, one after the other. */
import type { BenchOptions } from '../options.ts';
import { figures } from '../report/figures.ts';
import { figure, ratio, table } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import type { LoadResult } from '../result.ts';
import { runLoad, type Say } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { floorTarget } from '../targets/floor.ts';
import { headingOf } from './heading.ts';

interface Step {
  ours: LoadResult;
  floor: LoadResult;
}

export async function floorScenario(
  { load, outDir, name }: BenchOptions,
  sizes: readonly number[],
  say: Say,
): Promise<string[]> {
  const steps: Step[] = [];
  let files: string[] = [];
  for (const sessions of sizes) {
    const ours = await runLoad(backbeat, { ...load, sessions }, say);
    const floor = await runLoad(floorTarget(pauseOf(ours)), { ...load, sessions, chatPerS: 0 }, say);
    steps.push({ ours, floor });
    const markdown = [
      headingOf(ours.machine, load),
      floorTable(steps),
      ...steps.map((step) =>
        figures(
          [step.floor, step.ours],
          ({ target, load }) => `${target}, ${figure(load.sessions)}`,
          step.floor,
        ),
      ),
    ].join('\n\n');
    // After each step, so that what has been measured is kept when a later step fails.
    files = writeResults(outDir, name, { json: steps, markdown, plots: {} });
    process.stdout.write(`\n${markdown}\n\n`);
  }
  return files;
}

/** The pause between two requests of a room, in milliseconds: the floor is to make as many. */
function pauseOf({ load, elapsedS, redis }: LoadResult): number {
  return (load.sessions * elapsedS * 1000) / Math.max(1, redis.commands);
}

/** What the process with the rooms takes for an edit, in microseconds. */
function roomMicros({ processes }: LoadResult): number | null {
  const use = processes.server ?? processes.worker;
  return use ? use.cpuSPer1000Edits * 1000 : null;
}

function floorTable(steps: readonly Step[]): string {
  const row = (label: string, cell: (step: Step) => string) => [label, ...steps.map(cell)];
  return table(
    ['', ...steps.map(({ ours }) => `${figure(ours.load.sessions)} sessions`)],
    [
      row("CPU µs an edit: the floor's rooms", ({ floor }) => figure(roomMicros(floor))),
      row('CPU µs an edit: ours', ({ ours }) => figure(roomMicros(ours))),
      row('of the floor', ({ ours, floor }) => ratio(roomMicros(ours), roomMicros(floor))),
      row('requests an edit: the floor', ({ floor }) => figure(floor.redis.commandsPerEdit)),
      row('requests an edit: ours', ({ ours }) => figure(ours.redis.commandsPerEdit)),
      row('ack p95: the floor', ({ floor }) => figure(floor.latenciesMs.ack?.p95, 'ms')),
      row('ack p95: ours', ({ ours }) => figure(ours.latenciesMs.ack?.p95, 'ms')),
    ],
  );
}
