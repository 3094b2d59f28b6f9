/**
 * `npm run check:platforms [-- --strict]`: how old our reading is of each platform document that we rely on.
 * It warns of those that have to be read again (on GitHub by annotations), and passes all the same, so that a
 * date that goes by breaks no build. It fails when the list is malformed, and with `--strict` also when
 * anything has to be read again.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '../dev/errors.ts';
import { ageFacts, parsePlatforms, showAges, warnings } from './platforms.ts';

try {
  const { values } = parseArgs({ options: { strict: { type: 'boolean', default: false } } });
  const json = readFileSync(new URL('platforms.json', import.meta.url), 'utf8');
  const today = new Date().toISOString().slice(0, 10);
  const ages = ageFacts(parsePlatforms(json, today), today);
  const warned = warnings(ages, json, { isGitHub: process.env.GITHUB_ACTIONS === 'true' });
  for (const line of [...showAges(ages), ...warned]) console.log(line);
  if (values.strict && warned.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(`platforms: ${messageOf(error)}`);
  process.exitCode = 1;
}
