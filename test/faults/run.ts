/**
 * `npm run test:faults`: breaks the real stack in every way there is, and checks that nothing
 * acknowledged is lost.
 */
import { writeFileSync } from 'node:fs';
import { compare } from './compare/run.ts';
import { FAULTS } from './kinds/index.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { plan, SHORT_SESSIONS } from './plan.ts';
import { roundLine, table, totals } from './report.ts';
import { clean, type RoundResult, runRound } from './round.ts';
import { World } from './world.ts';

const LOG_FOLDER = '.backbeat/faults';
const MAX_PROBLEMS_SHOWN = 20;
const SESSIONS = 50;

const options = parseOptions(process.argv.slice(2));
if (options.help) process.stdout.write(USAGE);
else if (options.list) for (const { name, what } of FAULTS) console.log(`${name.padEnd(28)} ${what}`);
else if (options.compare) process.exitCode = (await compare(options)) ? 0 : 1;
else process.exitCode = (await run(options)) ? 0 : 1;

/** @returns whether everything held. */
async function run(options: Options): Promise<boolean> {
  const startedAtMs = Date.now();
  const seconds = () => (Date.now() - startedAtMs) / 1000;
  const results: RoundResult[] = [];
  const leftovers: string[] = [];
  const sessions = options.sessions ?? (options.short ? SHORT_SESSIONS : SESSIONS);
  let world: World | null = null;
  let isStopped = false;
  const stop = async () => {
    if (world) leftovers.push(...(await world.stop()));
    world = null;
  };
  process.once('SIGINT', () => {
    isStopped = true;
  });
  try {
    for (const { faults, seed } of plan(options, startedAtMs)) {
      if (isStopped || (options.minutes !== undefined && seconds() > options.minutes * 60)) break;
      world ??= await World.start();
      const result = await runRound(world, faults, { seed, sessions });
      results.push(result);
      console.log(`${String(Math.round(seconds())).padStart(5)} s  ${roundLine(result)}`);
      if (result.problems.length === 0) {
        await clean(world);
        continue;
      }
      for (const problem of result.problems.slice(0, MAX_PROBLEMS_SHOWN)) console.log(`         ${problem}`);
      console.log(`         stack's log: ${world.keepLogs(LOG_FOLDER, `${result.fault}-${seed}`)}`);
      console.log(`         again: npm run test:faults -- --seed ${seed} --fault ${result.fault}`);
      // What a failure leaves behind must not be the next round's.
      await stop();
    }
  } finally {
    await stop();
  }
  for (const command of leftovers) console.log(`left behind: ${command}`);
  console.log(`\n${table(results, seconds())}`);
  const figures = totals(results, seconds());
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ ...figures, leftovers: leftovers.length, rounds: results }, null, 2)}\n`,
    );
  }
  return figures.failed === 0 && leftovers.length === 0 && results.length > 0;
}
