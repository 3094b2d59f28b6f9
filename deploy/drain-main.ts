/** `npm run drain -- URL [--env-file FILE]`: flushes a deployed system until Postgres holds everything. */
import { parseArgs } from 'node:util';
import { drain } from './drain.ts';
import { DeployError } from './errors.ts';
import { environmentWith, main } from './session.ts';

const USAGE = `Usage: npm run drain -- URL [--env-file FILE]

Flushes the system at URL until Postgres holds everything: before its Worker is renamed, moved to another host or
deleted. Ask its people to stop first. FLUSH_SECRET comes from the shell or the file.
`;

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { 'env-file': { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [url] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (url === undefined || !URL.canParse(url)) throw new DeployError(`name the Worker's URL\n\n${USAGE}`);
  const flushSecret = environmentWith(process.env, values['env-file']).FLUSH_SECRET;
  if (!flushSecret)
    throw new DeployError('FLUSH_SECRET is not set: it is the one the Worker was deployed with');
  await drain({ url, flushSecret }, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write('Postgres holds everything.\n');
});
