/**
 * `npm run test:faults -- --compare`: kills each contender's server once a seed, and shows what that cost.
 */
import { writeFileSync } from 'node:fs';
import { columns } from '../columns.ts';
import type { Options } from '../options.ts';
import { World } from '../world.ts';
import { Backbeat } from './backbeat.ts';
import type { Contender } from './contender.ts';
import { type KillResult, killOnce } from './experiment.ts';
import { Hocuspocus } from './hocuspocus.ts';
import { type Loss, sum } from './loss.ts';

const SEEDS = 10;
const DOCUMENTS = 50;

/** @returns whether this system lost nothing. */
export async function compare({ seeds, seed = 1, sessions, json }: Options): Promise<boolean> {
  const results: KillResult[] = [];
  const contenders: Contender[] = [];
  // With its defaults, not with the short times of the other runs.
  const world = await World.start({ BACKBEAT_CRON_MS: '60000' });
  let leftovers: string[] = [];
  let isStopped = false;
  process.once('SIGINT', () => {
    isStopped = true;
  });
  try {
    contenders.push(new Backbeat(world), await Hocuspocus.start(world));
    for (let i = 0; i < (seeds ?? SEEDS) && !isStopped; i++) {
      for (const contender of contenders) {
        const result = await killOnce(contender, seed + i, sessions ?? DOCUMENTS);
        results.push(result);
        console.log(killLine(result));
      }
    }
  } finally {
    for (const contender of contenders) await contender.close();
    leftovers = await world.stop();
  }
  for (const command of leftovers) console.log(`left behind: ${command}`);
  for (const { name, savedMeans } of contenders) console.log(`\n${name}, "saved": ${savedMeans}`);
  console.log(`\n${lossTable(results)}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  const own = results.filter(({ contender }) => contender === 'Backbeat');
  return leftovers.length === 0 && own.every(({ gone, stayed }) => gone.lost + stayed.lost === 0);
}

function killLine({ contender, seed, killedAfterMs, gone, stayed }: KillResult): string {
  const part = (loss: Loss) => `${loss.lost} of ${loss.saved} saved edits lost`;
  const after = (killedAfterMs / 1000).toFixed(1);
  return `${contender.padEnd(10)} seed ${seed}, killed after ${after} s: ${part(gone)} with the tab closed, ${part(stayed)} with it open`;
}

/** One line a contender, for people who were gone and for those who stayed. */
export function lossTable(results: readonly KillResult[]): string {
  const header = [
    '`kill -9` under load',
    'kills',
    'documents',
    'edits',
    'shown as saved',
    'not in Postgres at the kill',
    'lost',
    'documents with a loss',
    'oldest lost',
  ];
  const row = (name: string, kills: number, loss: Loss) => [
    name,
    ...[kills, loss.documents, loss.edits, loss.saved, loss.exposed, loss.lost, loss.documentsWithLoss].map(
      String,
    ),
    loss.oldestLostMs === null ? '-' : `${(loss.oldestLostMs / 1000).toFixed(1)} s`,
  ];
  const names = [...new Set(results.map(({ contender }) => contender))];
  const rows = names.flatMap((name) => {
    const own = results.filter(({ contender }) => contender === name);
    return [
      row(`${name}, tab closed`, own.length, sum(own.map(({ gone }) => gone))),
      row(`${name}, tab open`, own.length, sum(own.map(({ stayed }) => stayed))),
    ];
  });
  return columns([header, ...rows]);
}
