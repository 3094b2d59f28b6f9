/** What a quiet system costs: people are connected, have typed, and do nothing any more. */
import { randomUUID } from 'node:crypto';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { KnobDocument } from '../load/document.ts';
import { LoadProcesses } from '../load/processes.ts';
import { readFronts } from '../measure/fronts.ts';
import { type ProcessUse, ProcessWatch } from '../measure/processes.ts';
import type { BenchOptions } from '../options.ts';
import { figure, table } from '../report/table.ts';
import { writeResults } from '../report/write.ts';
import { describeMachine, type Machine } from '../result.ts';
import { type Bench, groupsOf, planRooms, type Say, startBench, startCron } from '../run-load.ts';
import { backbeat } from '../targets/backbeat.ts';
import { headingOf } from './heading.ts';

/** Before it counts as quiet: the last alarms are over, and the cron's turn that was under way too. */
const QUIET_AFTER_MS = 70_000;
const TYPING_S = 5;
const SAMPLE_MS = 1_000;
const CRON_PER_S = 1 / 60;

interface IdleResult {
  machine: Machine;
  people: number;
  seconds: number;
  redisCommands: number;
  postgresStatements: number;
  /** The same with nobody connected. */
  alone: { seconds: number; redisCommands: number; postgresStatements: number };
  processes: Record<string, ProcessUse>;
}

export async function idleScenario({ load, outDir, name }: BenchOptions, say: Say): Promise<string[]> {
  const machine = describeMachine(loadavg()[0] ?? 0);
  say('starting the stack');
  const bench = await startBench();
  const cron = startCron(bench.stack, say);
  const processes = new LoadProcesses(backbeat.loadScript, 1);
  try {
    const ids = Array.from({ length: load.sessions }, () => randomUUID());
    await bench.postgres.createSessions(ids, new KnobDocument(load.codeBytes, 0).text(0));
    await processes.connect(
      {
        url: bench.stack.roomUrl,
        rooms: await planRooms(ids, { typists: 1, viewers: load.viewers }, bench),
        typists: 1,
        viewers: load.viewers,
        ratePerS: 1,
        chatPerS: 0,
        seconds: TYPING_S,
        pace: load.pace,
        codeBytes: load.codeBytes,
        edits: 'whole',
        ackWaitMs: backbeat.patienceMs,
      },
      () => {},
    );
    await processes.run();
    say(`waiting ${QUIET_AFTER_MS / 1000} s for it to become quiet`);
    await delay(QUIET_AFTER_MS);
    const watch = new ProcessWatch(groupsOf(bench.stack, {}, processes.pids));
    watch.start();
    say(`counting for ${load.seconds} s with ${load.sessions} people connected`);
    const connected = await count(bench, load.seconds, () => watch.sample());
    const used = watch.use();
    await processes.leave();
    await delay(QUIET_AFTER_MS);
    say(`counting for ${load.seconds} s with nobody connected`);
    const alone = await count(bench, load.seconds, () => {});
    const result: IdleResult = {
      machine,
      people: load.sessions * (1 + load.viewers),
      seconds: load.seconds,
      ...connected,
      alone: { seconds: load.seconds, ...alone },
      processes: used,
    };
    const markdown = `${headingOf(machine, null)}\n\n${tableOf(result)}`;
    process.stdout.write(`\n${markdown}\n\n`);
    return writeResults(outDir, name, { json: result, markdown, plots: {} });
  } finally {
    cron.stop();
    await processes.leave();
    await bench.stop();
  }
}

async function count(
  { stack }: Bench,
  seconds: number,
  onSample: () => void,
): Promise<{ redisCommands: number; postgresStatements: number }> {
  const before = await readFronts(stack);
  const timer = setInterval(onSample, SAMPLE_MS);
  await delay(seconds * 1000);
  clearInterval(timer);
  const after = await readFronts(stack);
  return {
    redisCommands: after.redisCommands - before.redisCommands,
    postgresStatements: after.neonStatements - before.neonStatements,
  };
}

function tableOf({
  people,
  seconds,
  redisCommands,
  postgresStatements,
  alone,
  processes,
}: IdleResult): string {
  const row = (label: string, connected: number, nobody: number) => [
    label,
    figure(connected),
    figure(nobody),
  ];
  return table(
    [
      `in ${seconds} s, ${figure(Math.floor(seconds * CRON_PER_S))} cron turns`,
      `${figure(people)} people connected`,
      'nobody',
    ],
    [
      row('Redis commands', redisCommands, alone.redisCommands),
      row('Postgres statements', postgresStatements, alone.postgresStatements),
      ['CPU: Worker', figure(processes.worker?.cpuS ?? null, 's'), ''],
    ],
  );
}
