/**
 * `npm run bundle-size`: how large the Worker's bundle, the pages and the player are, and whether they fit.
 */
import {
  BUDGET_BYTES,
  bundleLine,
  bundlePlayer,
  bundleWorker,
  measurePages,
  PAGE_BUDGETS,
  PLAYER_BUDGET_BYTES,
  pageLine,
  playerLine,
} from './bundles.ts';
import { DeployError } from './errors.ts';
import { main } from './session.ts';

await main(async () => {
  const pages = await measurePages();
  for (const page of pages) process.stdout.write(`${pageLine(page)}\n`);
  const player = await bundlePlayer();
  process.stdout.write(`${playerLine(player)}\n`);
  const worker = await bundleWorker(process.env, () => {});
  process.stdout.write(`${bundleLine(worker)}\n`);
  if (worker.gzipBytes > BUDGET_BYTES) throw new DeployError('the Worker is over the budget');
  if (player.gzipBytes > PLAYER_BUDGET_BYTES) throw new DeployError('the player is over the budget');
  for (const { name, gzipBytes } of pages) {
    const budget = PAGE_BUDGETS[name];
    if (budget === undefined) throw new DeployError(`${name} has no budget`);
    if (gzipBytes > budget) throw new DeployError(`${name} is over the budget`);
  }
});
