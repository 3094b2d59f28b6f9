/** What is looked at before anything is changed. Everything that is wrong is named at once. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { satisfies, validRange } from 'semver';
import { z } from 'zod';
import { messageOf } from '../dev/errors.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import type { Program } from './command.ts';
import { DeployError } from './errors.ts';
import type { CommandRunner } from './runner.ts';
import type { Problem } from './variables.ts';
import { type CloudflareAccess, problemWithCloudflare } from './wrangler.ts';

const VERSIONED: readonly Program[] = ['wrangler', 'drizzle-kit'];

const rangeSchema = z.string().refine((range) => validRange(range) !== null, 'must be a range of versions');
const packageSchema = z.object({ version: z.string() });
const projectSchema = z.object({
  engines: z.object({ node: rangeSchema }),
  devDependencies: z.record(z.string(), rangeSchema),
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
    problemWithNode(process.versions.node, readProject().engines.node),
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

/**
 * @param own the version of Node.js that runs, such as `20.19.0`; a nightly build counts, too.
 * @param needed a range of versions, such as `>=20.19`.
 */
export function problemWithNode(own: string, needed: string): string | null {
  if (satisfies(own, needed, { includePrerelease: true })) return null;
  return `Node.js ${own} doesn't fit: ${needed} is needed`;
}

function readProject() {
  return projectSchema.parse(JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8')));
}

/**
 * The flags that are used are those of the version that is installed, and package.json pins wrangler's
 * exactly: another version may not know them.
 */
async function problemWithVersion(runner: CommandRunner, program: Program): Promise<string | null> {
  const file = join(PROJECT_DIR, 'node_modules', program, 'package.json');
  if (!existsSync(file)) return `${program} is not installed: run npm ci`;
  const { version } = packageSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const problem = problemWithInstalled(program, version, readProject().devDependencies[program]);
  if (problem !== null) return problem;
  try {
    const { output } = await runner.run({ program, args: ['--version'], cwd: 'private' }, { isQuiet: true });
    if (output.includes(version)) return null;
    return `${program} is not version ${version}: run it by npm run, which takes the project's own`;
  } catch (error) {
    return messageOf(error);
  }
}

/** @param wanted the range of versions in package.json, or one version; absent: it isn't listed there. */
export function problemWithInstalled(program: string, version: string, wanted = '*'): string | null {
  if (satisfies(version, wanted)) return null;
  return `${program} ${version} is installed, and package.json wants ${wanted}: run npm ci`;
}
