/**
 * A branch's own system: database branch, Worker with its rooms, and key prefix. `up` makes or renews it,
 * `down` removes it, in whatever state they find it.
 *
 * The database branch is made first and removed last, so that a preview is known of for as long as
 * anything of it is there.
 */

import { type Command, showCommand } from './command.ts';
import { migrate, migrateCommand } from './database.ts';
import { DeployError } from './errors.ts';
import { PreviewName, type ProductionNames } from './names.ts';
import { NEON_API_URL, type NeonApi, type NeonBranch } from './neon-api.ts';
import { checkBefore } from './preflight.ts';
import {
  known,
  maskedEnvironment,
  type Plan,
  placeholderUrl,
  showChecks,
  storesOf,
  verifyStep,
} from './production.ts';
import type { PreviewKeys } from './redis-keys.ts';
import { type PreviewSettings, previewValues } from './settings.ts';
import { smokeUser } from './smoke.ts';
import type { Step } from './steps.ts';
import type { Tools } from './tools.ts';
import { type Problem, pickVariables } from './variables.ts';
import { deleteWorker, deleteWorkerCommand, deployWorker, deployWorkerCommand } from './wrangler.ts';

export interface PreviewTools extends Tools {
  neon: NeonApi;
  keys: PreviewKeys;
}

/** Looked at before anything is changed. */
export function checkStep(
  settings: PreviewSettings,
  problems: readonly Problem[],
  tools: PreviewTools,
): Step {
  const isMissing = (...names: string[]) => problems.some(({ variable }) => names.includes(variable));
  const checks = [
    ...(isMissing('NEON_API_KEY', 'NEON_PROJECT_ID')
      ? []
      : [() => tools.neon.listBranches(PreviewName.databasePrefixOfAll(settings.names)).then(() => null)]),
    ...(isMissing('PREVIEW_UPSTASH_REDIS_REST_URL', 'PREVIEW_UPSTASH_REDIS_REST_TOKEN')
      ? []
      : [() => tools.keys.ping().then(() => null)]),
  ];
  return {
    title: 'look at versions, variables and accounts',
    show: () =>
      showChecks(problems, settings.access, [
        `GET ${neonUrl(settings)}/branches`,
        'PING to the previews’ Redis',
      ]),
    run: () => checkBefore(tools.runner, settings.access, problems, checks),
  };
}

/** Makes a branch's preview, or brings it up to date. */
export function planUp(
  settings: PreviewSettings,
  name: PreviewName,
  problems: readonly Problem[],
  tools: PreviewTools,
): Plan {
  const { access } = settings;
  const { runner, masker, neon } = tools;
  const fixed = previewValues(settings, name);
  for (const [variable, value] of Object.entries(fixed)) if (variable.endsWith('SECRET')) masker.add(value);
  let databaseUrl: string | null = null;
  let url: string | null = null;

  const values = () => pickVariables({ ...fixed, DATABASE_URL: databaseUrl ?? '<its database>' });
  const show = (command: Command) => showCommand(command, (text) => masker.mask(text));
  const steps: Step[] = [
    checkStep(settings, problems, tools),
    {
      title: `make the database branch ${name.database}`,
      show: () => [
        `GET ${neonUrl(settings)}/branches?search=${name.database}`,
        `POST ${neonUrl(settings)}/branches, if it isn't there: a copy of ${settings.neon.parent ?? 'the default branch'}, with a compute`,
        `GET ${neonUrl(settings)}/connection_uri`,
      ],
      run: async () => {
        const branch = await neon.ensureBranch(name.database, settings.neon.parent);
        databaseUrl = await neon.connectionUri(branch.id);
        masker.add(databaseUrl);
        refuseProduction(databaseUrl, settings);
      },
    },
    {
      title: 'migrate it',
      show: () => show(maskedEnvironment(migrateCommand(databaseUrl ?? '<its database>'))),
      run: () => migrate(tools, known(databaseUrl)),
    },
    {
      title: `deploy the Worker ${name.worker} with its own rooms and secrets, and without cron`,
      show: () => show(deployWorkerCommand(name, values(), access, '<private folder>')),
      run: async () => {
        known(databaseUrl);
        url = await deployWorker(runner, name, values(), access);
        tools.note(`  it is at ${url}`);
      },
    },
    verifyStep(
      () => ({
        url: url ?? placeholderUrl(name.worker),
        flushSecret: fixed.FLUSH_SECRET ?? '',
        user: smokeUser(fixed),
        isOpenToStrangers: (fixed.ANONYMOUS ?? 'create') === 'create',
        stores: storesOf(fixed, databaseUrl ?? ''),
      }),
      tools,
    ),
  ];
  return { steps, result: () => ({ url: known(url) }) };
}

/**
 * Removes all of a preview. The Worker, which writes, goes before what it writes to; the database branch goes
 * last, and only when all else is gone.
 */
export function planDown(settings: PreviewSettings, name: PreviewName, tools: PreviewTools): Step[] {
  const { access } = settings;
  const { runner, masker, neon, keys } = tools;
  const show = (command: Command) => showCommand(command, (text) => masker.mask(text));
  return [
    {
      title: `delete the Worker ${name.worker}, its rooms and its secrets`,
      show: () => show(deleteWorkerCommand(name, access)),
      run: () => deleteWorker(runner, name, access),
    },
    {
      title: `remove the Redis keys that begin with ${name.keyPrefix}`,
      show: () => [`SCAN MATCH ${name.keyPrefix}* and UNLINK what it finds, until it finds none`],
      run: async () => {
        tools.note(`  ${await keys.removeAll(name)} keys removed`);
      },
    },
    {
      title: `delete the database branch ${name.database}`,
      show: () => [
        `GET ${neonUrl(settings)}/branches?search=${name.database}`,
        `DELETE ${neonUrl(settings)}/branches/<id>, if it is there`,
      ],
      run: () => neon.deleteBranch(name.database),
    },
  ];
}

/** A preview that something is there of. */
export interface FoundPreview {
  name: PreviewName;
  /** The git branch, where there is one that it belongs to. */
  branch: string | null;
  database: NeonBranch | null;
  hasKeys: boolean;
}

/** All previews of this project: those with a database branch, and those that only keys are left of. */
export async function findPreviews(
  names: ProductionNames,
  branches: readonly string[],
  { neon, keys }: Pick<PreviewTools, 'neon' | 'keys'>,
): Promise<FoundPreview[]> {
  const ofBranches = new Map(branches.map((branch) => [PreviewName.ofBranch(branch, names).id, branch]));
  const found = new Map<string, FoundPreview>();
  const note = (name: PreviewName): FoundPreview => {
    const preview = found.get(name.id) ?? {
      name,
      branch: ofBranches.get(name.id) ?? null,
      database: null,
      hasKeys: false,
    };
    found.set(name.id, preview);
    return preview;
  };
  const [databases, keyed] = await Promise.all([
    neon.listBranches(PreviewName.databasePrefixOfAll(names)),
    keys.previews(names),
  ]);
  for (const database of databases) {
    const name = PreviewName.ofPlatformName(database.name, names);
    if (name) note(name).database = database;
  }
  for (const name of keyed) note(name).hasKeys = true;
  return [...found.values()].sort((a, b) => a.name.id.localeCompare(b.name.id));
}

function refuseProduction(databaseUrl: string, { production }: PreviewSettings): void {
  if (production.databaseUrl === null || !URL.canParse(production.databaseUrl)) return;
  const host = (url: string) => new URL(url).hostname.replace(/-pooler\./, '.');
  if (host(databaseUrl) === host(production.databaseUrl)) {
    throw new DeployError("the preview's database is at production's address (DATABASE_URL)");
  }
}

function neonUrl({ neon }: PreviewSettings): string {
  return `${neon.url ?? NEON_API_URL}/projects/${neon.projectId}`;
}
