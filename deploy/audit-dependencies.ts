/**
 * `npm run audit:dependencies`: fails when a package that the lock file names has a known vulnerability of
 * high severity or worse. Where the registry doesn't answer (not every mirror knows of advisories), nothing
 * is known, which it says, and passes.
 */
import { spawnSync } from 'node:child_process';
import { judgeAudit } from './audit.ts';

const { stdout } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const { isFine, lines } = judgeAudit(stdout);
for (const line of lines) console.log(line);
if (!isFine) process.exitCode = 1;
