/** `npm run drain -- URL [--env-file FILE]`: flushes a deployed system until Postgres holds everything. */
import { deploymentOf } from './deployment-options.ts';
import { DRAIN_USAGE, drain } from './drain.ts';
import { main } from './session.ts';

await main(async () => {
  const deployment = deploymentOf(process.argv.slice(2), DRAIN_USAGE);
  if (!deployment) return;
  await drain(deployment, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write('Postgres holds everything.\n');
});
