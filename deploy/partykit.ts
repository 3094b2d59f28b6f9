/** What is asked of partykit. Flags as `npx partykit COMMAND --help` of the installed version has them. */
import { cpSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PROJECT_DIR } from '../dev/project.ts';
import type { Command, PrivateFile } from './command.ts';
import { DeployError } from './errors.ts';
import { MASK } from './masking.ts';
import { PreviewName, type Target } from './names.ts';
import { readPartykitConfig } from './project-names.ts';
import { CommandError, type CommandRunner } from './runner.ts';
import { isSecret, type Values } from './variables.ts';

/**
 * How the platform may say that there is no such preview. Its API isn't documented, and the CLI passes its words on.
 */
const NO_SUCH_PREVIEW = /not[ _-]?found|(does not|doesn't|do not) exist|no such|\b404\b|\b10007\b/i;

/** By which account partykit acts, and on whose machines the rooms run. */
export interface PartykitAccess {
  login: string;
  token: string;
  /** On PartyKit's own platform null; else a domain in the Cloudflare account that these name. */
  own: { domain: string; accountId: string; apiToken: string } | null;
}

function previewArgs(target: Target): string[] {
  return target instanceof PreviewName ? ['--preview', target.room] : [];
}

/** Where partykit puts the rooms: `https://[PREVIEW.]PROJECT.LOGIN.partykit.dev`, or `https://[PREVIEW.]DOMAIN`. */
export function roomUrl(target: Target, { login, own }: PartykitAccess): string {
  const { name, team } = readPartykitConfig();
  const preview = target instanceof PreviewName ? `${target.room}.` : '';
  // What stands for a missing login is left as it is.
  const owner = team ?? (login.startsWith('<') ? '<your-login>' : login.toLowerCase());
  return `https://${preview}${own?.domain.toLowerCase() ?? `${name}.${owner}.partykit.dev`}`;
}

function environmentOf({ login, token, own }: PartykitAccess): Record<string, string> {
  return {
    PARTYKIT_LOGIN: login,
    PARTYKIT_TOKEN: token,
    ...(own ? { CLOUDFLARE_ACCOUNT_ID: own.accountId, CLOUDFLARE_API_TOKEN: own.apiToken } : {}),
  };
}

/**
 * Deploys the rooms and the page with all their variables (`--with-vars`: those of the configuration, and no others).
 * @param project partykit's name of the project.
 */
export function deployRoomsCommand(target: Target, values: Values, access: PartykitAccess): Command {
  const { name: project } = readPartykitConfig();
  return {
    program: 'partykit',
    args: [
      'deploy',
      '--config',
      {
        name: 'partykit.json',
        content: JSON.stringify(configOf(values)),
        shows: `partykit.json of the project, and vars: ${Object.entries(values)
          .map(([name, value]) => `${name}=${isSecret(name) ? MASK : value}`)
          .join(' ')}`,
      },
      '--with-vars',
      ...['--name', project],
      ...previewArgs(target),
      ...(access.own ? ['--domain', access.own.domain] : []),
    ],
    env: environmentOf(access),
    cwd: 'private',
  };
}

/**
 * The project's configuration with absolute paths. partykit runs in the private folder because it takes the `.env` that it
 * finds from where it runs upwards for variables of the rooms, before those of its configuration.
 */
function configOf(values: Values): object {
  const config = readPartykitConfig();
  const inProject = (path: string) => resolve(PROJECT_DIR, path);
  return {
    ...config,
    main: inProject(config.main),
    serve: { ...config.serve, path: STATIC_FOLDER, build: inProject(config.serve.build) },
    vars: values,
  };
}

/** Relative to where partykit runs. A copy: it builds the page's script into it. */
const STATIC_FOLDER = 'static';

/**
 * Deploys the rooms.
 * @returns their URL, as partykit says it.
 * @throws {DeployError} when partykit fails, or ends without saying that it has deployed.
 */
export async function deployRooms(
  runner: CommandRunner,
  target: Target,
  values: Values,
  access: PartykitAccess,
): Promise<string> {
  const folder = runner.folder.path;
  for (const name of ['.env', '.env.local']) writeFileSync(join(folder, name), '');
  cpSync(resolve(PROJECT_DIR, readPartykitConfig().serve.path), join(folder, STATIC_FOLDER), {
    recursive: true,
  });
  try {
    const { output } = await runner.run(deployRoomsCommand(target, values, access));
    // Ended by a signal, partykit calls it success.
    const url = /^.*Deployed .+ to (https:\/\/\S+)/m.exec(output)?.[1];
    if (url === undefined) throw new DeployError('partykit has ended without saying that it deployed');
    return new URL(url).origin;
  } finally {
    runner.folder.removeFile(STATIC_FOLDER);
  }
}

/** `partykit delete` finds its configuration where it runs: in this version its own `--config` makes it fail. */
export function deleteRoomsCommand(name: PreviewName, access: PartykitAccess): Command {
  const { name: project } = readPartykitConfig();
  return {
    program: 'partykit',
    args: ['delete', '--name', project, '--preview', name.room, '--force'],
    files: [bareConfig(access)],
    env: environmentOf(access),
    cwd: 'private',
  };
}

/** Whose project it is, and where. */
function bareConfig({ own }: PartykitAccess): PrivateFile {
  const { name, team } = readPartykitConfig();
  const config = { name, ...(team ? { team } : {}), ...(own ? { domain: own.domain } : {}) };
  return { name: 'partykit.json', content: JSON.stringify(config), shows: JSON.stringify(config) };
}

/** Deletes a preview's rooms with all that they keep; none there is fine. */
export async function deleteRooms(
  runner: CommandRunner,
  name: PreviewName,
  access: PartykitAccess,
): Promise<void> {
  try {
    await runner.run(deleteRoomsCommand(name, access));
  } catch (error) {
    if (!(error instanceof CommandError && NO_SUCH_PREVIEW.test(error.output))) throw error;
  }
}

export function listRoomsCommand(access: PartykitAccess): Command {
  return {
    program: 'partykit',
    args: ['list', '--format', 'json'],
    files: [bareConfig(access)],
    env: environmentOf(access),
    cwd: 'private',
  };
}

/** What is wrong with the access to PartyKit; null when nothing is. Without credentials it would open a browser: don't ask then. */
export async function problemWithPartykit(
  runner: CommandRunner,
  access: PartykitAccess,
): Promise<string | null> {
  try {
    await runner.run(listRoomsCommand(access), { isQuiet: true });
    return null;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return 'PartyKit: PARTYKIT_LOGIN and PARTYKIT_TOKEN are refused, or its API is out of reach (npx partykit list says more)';
  }
}
