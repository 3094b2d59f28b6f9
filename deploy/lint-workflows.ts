/**
 * `npm run lint:workflows [FILE…]`: checks workflow files by GitHub's own language service. It is run by tsx,
 * as the service imports JSON in a way that Node takes only with it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { validate } from '@actions/languageservice';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { PROJECT_DIR } from '../dev/project.ts';

const FOLDER = join(PROJECT_DIR, '.github', 'workflows');

const given = process.argv.slice(2);
const files = given.length > 0 ? given : readdirSync(FOLDER).map((name) => join(FOLDER, name));
let problems = 0;
for (const file of files) {
  // Its place tells the service what kind of file it is.
  const uri = pathToFileURL(join(FOLDER, basename(file))).href;
  const document = TextDocument.create(uri, 'yaml', 1, readFileSync(file, 'utf8'));
  for (const { message, range } of await validate(document)) {
    const text = typeof message === 'string' ? message : message.value;
    process.stdout.write(`${file}:${range.start.line + 1}: ${text}\n`);
    problems += 1;
  }
}
process.stdout.write(`${files.length} workflow files, ${problems} problems\n`);
if (problems > 0) process.exitCode = 1;
