/** `npm run bundle-size`: how large the Worker's bundle and the player's are, and whether they fit. */
import {
  BUDGET_BYTES,
  bundleLine,
  bundlePlayer,
  bundleWorker,
  PLAYER_BUDGET_BYTES,
  playerLine,
} from './bundles.ts';
import { DeployError } from './errors.ts';
import { main } from './session.ts';

await main(async () => {
  const worker = await bundleWorker(process.env, () => {});
  process.stdout.write(`${bundleLine(worker)}\n`);
  const player = await bundlePlayer();
  process.stdout.write(`${playerLine(player)}\n`);
  if (worker.gzipBytes > BUDGET_BYTES) throw new DeployError('the Worker is over the budget');
  if (player.gzipBytes > PLAYER_BUDGET_BYTES) throw new DeployError('the player is over the budget');
});
