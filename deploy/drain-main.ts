/** `npm run drain -- URL [--env-file FILE]`: flushes a deployed system until Postgres holds everything. */
import { DRAIN_USAGE, drain } from './drain.ts';
import { main } from './session.ts';
import { workerTarget } from './worker-target.ts';

await main(async () => {
  const target = workerTarget(DRAIN_USAGE);
  if (target === null) return;
  await drain(target, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write('Postgres holds everything.\n');
});
