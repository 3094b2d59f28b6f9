/** What is looked at before anything is changed. Everything that is wrong is named at once. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../dev/errors.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import type { Program } from './command.ts';
import { DeployError } from './errors.ts';
import type { CommandRunner } from './runner.ts';
import type { Problem } from './variables.ts';
import { type CloudflareAccess, problemWithCloudflare } from './wrangler.ts';

const VERSIONED: readonly Program[] = ['wrangler', 'drizzle-kit'];

const packageSchema = z.object({ version: z.string() });
const projectSchema = z.object({
  engines: z.object({ node: z.string().regex(/^>=\d+\.\d+/) }),
  devDependencies: z.record(z.string(), z.string()),
});

/**
 * @param checks other things to look at: each resolves with what is wrong, or null.
 * @throws {DeployError} naming everything that is missing or wrong.
 */
export async function checkBefore(
  runner: CommandRunner,
  access: CloudflareAccess,
  problems: readonly Problem[],
  checks: readonly (() => Promise<string | null>)[] = [],
): Promise<void> {
  const found = await Promise.all([
    problemWithNode(),
    ...VERSIONED.map((program) => problemWithVersion(runner, program)),
    problemWithCloudflare(runner, access),
    ...checks.map((check) => check().catch((error: unknown) => messageOf(error))),
  ]);
  const all = [
    ...problems.map(({ variable, what }) => `${variable}: ${what}`),
    ...found.filter((problem) => problem !== null),
  ];
  if (all.length > 0)
    throw new DeployError(
      ['not ready:', ...all.map((line) => `  - ${line}`), 'docs/deploy.md says where each comes from'].join(
        '\n',
      ),
    );
}

function problemWithNode(): string | null {
  const { engines } = readProject();
  const [major = 0, minor = 0] = engines.node.slice(2).split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number);
  const isEnough = ownMajor > major || (ownMajor === major && ownMinor >= minor);
  return isEnough ? null : `Node.js ${process.versions.node} is too old: ${engines.node} is needed`;
}

function readProject() {
  return projectSchema.parse(JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8')));
}

/**
 * The flags that are used are those of the version that is installed, and package.json pins wrangler's exactly: another
 * version may not know them.
 */
async function problemWithVersion(runner: CommandRunner, program: Program): Promise<string | null> {
  const file = join(PROJECT_DIR, 'node_modules', program, 'package.json');
  if (!existsSync(file)) return `${program} is not installed: run npm ci`;
  const { version } = packageSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const wanted = readProject().devDependencies[program] ?? '';
  if (/^\d/.test(wanted) && wanted !== version) {
    return `${program} ${version} is installed, and package.json pins ${wanted}: run npm ci`;
  }
  try {
    const { output } = await runner.run({ program, args: ['--version'], cwd: 'private' }, { isQuiet: true });
    if (output.includes(version)) return null;
    return `${program} is not version ${version}: run it by npm run, which takes the project's own`;
  } catch (error) {
    return messageOf(error);
  }
}
