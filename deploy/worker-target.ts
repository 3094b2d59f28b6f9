/** Which deployed Worker a command asks, from its arguments. */
import { parseArgs } from 'node:util';
import type { DrainTarget } from './drain.ts';
import { DeployError } from './errors.ts';
import { environmentWith } from './session.ts';

/**
 * Reads `URL [--env-file FILE]`.
 * @returns null when only help was asked for, which has been shown.
 * @throws {DeployError} the URL or the secret is missing.
 */
export function workerTarget(usage: string): DrainTarget | null {
  const { values, positionals } = parseArgs({
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
  if (!flushSecret)
    throw new DeployError('FLUSH_SECRET is not set: it is the one the Worker was deployed with');
  return { url, flushSecret };
}
