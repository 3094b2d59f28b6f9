/** `npm run redirty -- URL [--env-file FILE]`: marks what a deployed system's Redis holds as dirty. */
import { deploymentOf } from './deployment-options.ts';
import { REDIRTY_USAGE, redirty } from './redirty.ts';
import { main } from './session.ts';

await main(async () => {
  const deployment = deploymentOf(process.argv.slice(2), REDIRTY_USAGE);
  if (!deployment) return;
  const marked = await redirty(deployment);
  process.stdout.write(`${marked} sessions are marked: the next sweeps write them to Postgres again.\n`);
});
