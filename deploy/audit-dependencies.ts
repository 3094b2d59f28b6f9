/**
 * `npm run audit:dependencies`: fails when a package that the lock file names has a known vulnerability of
 * high severity or worse. Where the registry doesn't answer, after a few attempts (not every mirror knows of
 * advisories), nothing is known: it says that it could not check, also on the page of a run of GitHub's, and
 * passes. With `--strict` it fails then, too.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { annotationOf, judgeAudit } from './audit.ts';

const ATTEMPTS = 3;
const PAUSE_MS = 2_000;

function ask() {
  const { stdout } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return judgeAudit(stdout);
}

let judged = ask();
for (let attempt = 1; attempt < ATTEMPTS && judged.outcome === 'unchecked'; attempt++) {
  await sleep(PAUSE_MS);
  judged = ask();
}
const { outcome, lines } = judged;
for (const line of lines) console.log(line);
const annotation = annotationOf(outcome, lines);
if (process.env.GITHUB_ACTIONS === 'true' && annotation !== null) console.log(annotation);
if (outcome === 'severe' || (outcome === 'unchecked' && process.argv.includes('--strict')))
  process.exitCode = 1;
