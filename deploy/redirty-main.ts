/** `npm run redirty -- URL [--env-file FILE]`: marks what a deployed system's Redis holds as dirty. */
import { REDIRTY_USAGE, redirty } from './redirty.ts';
import { main } from './session.ts';
import { workerTarget } from './worker-target.ts';

await main(async () => {
  const target = workerTarget(REDIRTY_USAGE);
  if (target === null) return;
  const marked = await redirty(target);
  process.stdout.write(`${marked} sessions are marked: the next sweeps write them to Postgres again.\n`);
});
