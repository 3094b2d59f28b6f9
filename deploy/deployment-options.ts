/** The options of the commands that ask a deployed Worker: `URL [--env-file FILE]`. */
import { parseArgs } from 'node:util';
import type { Deployment } from './deployment.ts';
import { DeployError } from './errors.ts';
import { environmentWith } from './session.ts';

/** @returns null after `--help`, which prints `usage`. @throws {DeployError} something is missing. */
export function deploymentOf(args: string[], usage: string): Deployment | null {
  const { values, positionals } = parseArgs({
    args,
    options: { 'env-file': { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [url] = positionals;
  if (values.help) {
    process.stdout.write(usage);
    return null;
  }
  if (url === undefined || !URL.canParse(url)) throw new DeployError(`name the Worker's URL\n\n${usage}`);
  const flushSecret = environmentWith(process.env, values['env-file']).FLUSH_SECRET;
  if (!flushSecret) {
    throw new DeployError('FLUSH_SECRET is not set: it is the one the Worker was deployed with');
  }
  return { url, flushSecret };
}
