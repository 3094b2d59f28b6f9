/** `npm run status -- URL [--env-file FILE]`: the state of a deployed system. */
import { deploymentOf } from './deployment-options.ts';
import { main } from './session.ts';
import { readStatus, STATUS_USAGE } from './status.ts';

await main(async () => {
  const deployment = deploymentOf(process.argv.slice(2), STATUS_USAGE);
  if (!deployment) return;
  const { lines, problems } = await readStatus(deployment);
  process.stdout.write(`${lines.join('\n')}\n\n`);
  process.stdout.write(problems.length === 0 ? 'All is well.\n' : `To do: ${problems.join('; ')}.\n`);
  if (problems.length > 0) process.exitCode = 1;
});
