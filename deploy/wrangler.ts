/** What is asked of wrangler. Flags as `npx wrangler COMMAND --help` of the installed version has them. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { PROJECT_DIR } from '../dev/project.ts';
import type { Command, PrivateFile } from './command.ts';
import { DeployError } from './errors.ts';
import { MASK } from './masking.ts';
import { PreviewName, type Target } from './names.ts';
import { customDomains, readWranglerConfig, type WranglerConfig } from './project-names.ts';
import { CommandError, type CommandRunner } from './runner.ts';
import { isSecret, type Values } from './variables.ts';

/** Where wrangler notes what it did, one JSON object a line. */
const OUTPUT_FILE = 'wrangler-output.ndjson';
/** "This Worker does not exist on your account." */
const NO_SUCH_WORKER = /\[code: 100(07|90)\]/;

/** By which account wrangler acts; without a token, by the login of `wrangler login`. */
export interface CloudflareAccess {
  apiToken: string | null;
  accountId: string | null;
}

function environmentOf({ apiToken, accountId }: CloudflareAccess): Record<string, string> {
  return {
    ...(apiToken === null ? {} : { CLOUDFLARE_API_TOKEN: apiToken }),
    ...(accountId === null ? {} : { CLOUDFLARE_ACCOUNT_ID: accountId }),
  };
}

/** Named, it is the only one that wrangler reads: the project's own may hold another account's token. */
const NO_ENV_FILE: PrivateFile = {
  name: 'no.env',
  content: '',
  shows: 'empty: no .env of the project is read',
};

/**
 * Deploys the Worker: page, rooms, cron, variables and secrets, all in one new version.
 * @param values of its variables.
 */
export function deployWorkerCommand(
  target: Target,
  values: Values,
  access: CloudflareAccess,
  folder: string,
): Command {
  const secrets = Object.entries(values).filter(([variable]) => isSecret(variable));
  const plain = Object.entries(values).filter(([variable]) => !isSecret(variable));
  return {
    program: 'wrangler',
    args: [
      'deploy',
      '--config',
      target instanceof PreviewName ? previewFile(target) : 'wrangler.toml',
      ...['--name', workerName(target)],
      ...plain.flatMap(([variable, value]) => ['--var', `${variable}:${value}`]),
      '--secrets-file',
      {
        name: 'secrets.json',
        content: JSON.stringify(Object.fromEntries(secrets)),
        shows: secrets.map(([variable]) => `${variable}=${MASK}`).join(' '),
      },
      '--env-file',
      NO_ENV_FILE,
    ],
    env: { ...environmentOf(access), WRANGLER_OUTPUT_FILE_PATH: join(folder, OUTPUT_FILE) },
  };
}

const workerName = (target: Target) =>
  target instanceof PreviewName ? target.worker : target.production.worker;

/**
 * A preview's configuration: wrangler.toml with another name, on workers.dev alone, and without cron.
 * A route would lead production's callers to the preview. A free account has five cron triggers in
 * all, and needs none here: each room flushes itself by its alarm. `crons: []` also takes away one
 * that an older preview had.
 * @param config production's.
 */
export function previewConfig(name: PreviewName, config: WranglerConfig): object {
  const { main, assets, build, compatibility_date, compatibility_flags, durable_objects, migrations } =
    config;
  const { observability, limits, placement } = config;
  return {
    name: name.worker,
    main: resolve(PROJECT_DIR, main),
    // JSON leaves out what isn't set.
    ...{ compatibility_date, compatibility_flags, durable_objects, migrations },
    ...{ observability, limits, placement },
    assets: { ...assets, directory: resolve(PROJECT_DIR, assets.directory) },
    build: build && { ...build, cwd: PROJECT_DIR },
    workers_dev: true,
    triggers: { crons: [] },
  };
}

function previewFile(name: PreviewName): PrivateFile {
  return {
    name: 'wrangler.json',
    content: JSON.stringify(previewConfig(name, readWranglerConfig())),
    shows: 'wrangler.toml under the name of the preview, without its routes and its cron',
  };
}

const deployedSchema = z.object({
  type: z.literal('deploy'),
  worker_name: z.string(),
  targets: z.array(z.string()),
});

/**
 * Deploys the Worker.
 * @returns the URL where it answers.
 * @throws {DeployError} when wrangler fails, has deployed something else, or names no address of the Worker.
 */
export async function deployWorker(
  runner: CommandRunner,
  target: Target,
  values: Values,
  access: CloudflareAccess,
): Promise<string> {
  const name = workerName(target);
  runner.folder.removeFile(OUTPUT_FILE);
  await runner.run(deployWorkerCommand(target, values, access, runner.folder.path));
  const path = join(runner.folder.path, OUTPUT_FILE);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const deployed = lines.flatMap((line) => {
    const parsed = line === '' ? null : deployedSchema.safeParse(JSON.parse(line));
    return parsed?.success ? [parsed.data] : [];
  })[0];
  if (!deployed) throw new DeployError('wrangler has not said that it deployed anything');
  if (deployed.worker_name !== name) {
    throw new DeployError(`wrangler has deployed ${deployed.worker_name} instead of ${name}`);
  }
  const domains = target instanceof PreviewName ? [] : customDomains(readWranglerConfig());
  const url = addressAmong(deployed.targets, domains);
  if (url === null) {
    throw new DeployError(
      `the Worker ${name} is deployed and has no address: set workers_dev = true in wrangler.toml, or give it a custom domain there`,
    );
  }
  return url;
}

/**
 * Where a Worker answers.
 * @param targets as wrangler notes them: `https://NAME.SUBDOMAIN.workers.dev`,
 *   `HOST (custom domain)`, `schedule: …`.
 * @param domains custom domains of wrangler.toml, for the case that wrangler's words change.
 * @returns the first of workers.dev, then of the custom domains; null when there is neither. A route's
 *   pattern (`example.com/jam/*`) isn't taken for an address: the page works only at the root of a host.
 */
export function addressAmong(targets: readonly string[], domains: readonly string[]): string | null {
  const [onWorkersDev] = targets.filter((target) => target.startsWith('https://'));
  const [domain] = targets.flatMap((target) => /^([\w.-]+) \(custom domain\b/.exec(target)?.[1] ?? []);
  const url = onWorkersDev ?? (domain === undefined ? domains[0] : `https://${domain}`);
  return url?.replace(/\/+$/, '') ?? null;
}

/** Away from the project's folder, where wrangler.toml would lend it production's name. */
export function deleteWorkerCommand(name: PreviewName, access: CloudflareAccess): Command {
  return {
    program: 'wrangler',
    args: ['delete', name.worker, '--force', '--env-file', NO_ENV_FILE],
    env: environmentOf(access),
    cwd: 'private',
  };
}

/**
 * Deletes a preview's Worker with its rooms, all that they keep, and its secrets; one that
 * isn't there is fine.
 */
export async function deleteWorker(
  runner: CommandRunner,
  name: PreviewName,
  access: CloudflareAccess,
): Promise<void> {
  try {
    await runner.run(deleteWorkerCommand(name, access));
  } catch (error) {
    if (!(error instanceof CommandError && NO_SUCH_WORKER.test(error.output))) throw error;
  }
}

export function whoamiCommand(access: CloudflareAccess): Command {
  return {
    program: 'wrangler',
    args: ['whoami', '--json', '--env-file', NO_ENV_FILE],
    env: environmentOf(access),
    cwd: 'private',
  };
}

const whoamiSchema = z.object({ loggedIn: z.literal(true), accounts: z.array(z.object({ id: z.string() })) });

/** What is wrong with the access to Cloudflare; null when nothing is. */
export async function problemWithCloudflare(
  runner: CommandRunner,
  access: CloudflareAccess,
): Promise<string | null> {
  const login =
    access.apiToken === null
      ? 'set CLOUDFLARE_API_TOKEN, or run npx wrangler login'
      : 'CLOUDFLARE_API_TOKEN is refused, or its API is out of reach (npx wrangler whoami says more)';
  try {
    const { stdout } = await runner.run(whoamiCommand(access), { isQuiet: true });
    const { accounts } = whoamiSchema.parse(JSON.parse(stdout));
    if (access.accountId === null && accounts.length !== 1) {
      return `Cloudflare: the login knows ${accounts.length} accounts: set CLOUDFLARE_ACCOUNT_ID`;
    }
    // A token that may not list accounts can still be good for one.
    if (
      access.accountId !== null &&
      accounts.length > 0 &&
      !accounts.some(({ id }) => id === access.accountId)
    ) {
      return 'Cloudflare: CLOUDFLARE_ACCOUNT_ID is none of the accounts that the login knows';
    }
    return null;
  } catch (error) {
    if (error instanceof CommandError) return `Cloudflare: ${login}`;
    return `Cloudflare: wrangler whoami --json gave no answer that can be understood: ${login}`;
  }
}
