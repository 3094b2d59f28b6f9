/** `npm run drain -- URL [--env-file FILE]`: flushes a deployed system until Postgres holds everything. */
import { parseArgs } from 'node:util';
import { DRAIN_USAGE, drain } from './drain.ts';
import { DeployError } from './errors.ts';
import { environmentWith, main } from './session.ts';

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { 'env-file': { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [url] = positionals;
  if (values.help) {
    process.stdout.write(DRAIN_USAGE);
    return;
  }
  if (url === undefined || !URL.canParse(url))
    throw new DeployError(`name the Worker's URL\n\n${DRAIN_USAGE}`);
  const flushSecret = environmentWith(process.env, values['env-file']).FLUSH_SECRET;
  if (!flushSecret)
    throw new DeployError('FLUSH_SECRET is not set: it is the one the Worker was deployed with');
  await drain({ url, flushSecret }, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write('Postgres holds everything.\n');
});
