/**
 * Fails when a comment is wider than the code may be, and names each by its file and line:
 * part of `npm run check`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_COMMENT_COLUMNS, wideComments } from './comment-width.ts';
import { PROJECT_DIR } from './project.ts';

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: PROJECT_DIR, encoding: 'utf8' }).split('\0');
const found = tracked
  // The last name is empty, and a file that git still lists may be gone.
  .filter((name) => name !== '' && existsSync(join(PROJECT_DIR, name)))
  .flatMap((name) => {
    const lines = wideComments(name, readFileSync(join(PROJECT_DIR, name), 'utf8'));
    return lines.map((line) => `${name}:${line}`);
  });

if (found.length > 0) {
  const rule = `comments wrap at ${MAX_COMMENT_COLUMNS} columns`;
  process.stderr.write(`${[...found, `${rule}: ${found.length} lines are wider`].join('\n')}\n`);
  process.exitCode = 1;
}
