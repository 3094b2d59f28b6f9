/** What `npm run preview` does. */
import { writeFileSync } from 'node:fs';
import { messageOf } from '../dev/errors.ts';
import { DeployError } from './errors.ts';
import { currentBranch, remoteBranches } from './git.ts';
import { PreviewName } from './names.ts';
import { NeonApi } from './neon-api.ts';
import type { PreviewOptions } from './options.ts';
import {
  checkStep,
  type FoundPreview,
  findPreviews,
  type PreviewTools,
  planDown,
  planUp,
} from './preview.ts';
import type { Deployed } from './production.ts';
import { readProductionNames } from './project-names.ts';
import { PreviewKeys } from './redis-keys.ts';
import { deployedLines, previewComment, writeOutputs } from './report.ts';
import { type PreviewSettings, readPreviewSettings } from './settings.ts';
import { runAllSteps, runSteps, showSteps } from './steps.ts';
import type { Tools } from './tools.ts';
import type { Environment, Problem } from './variables.ts';

/** @returns where the preview runs, after `up`; else null. */
export async function preview(
  env: Environment,
  options: PreviewOptions,
  base: Tools,
): Promise<Deployed | null> {
  const names = readProductionNames();
  const isUp = options.action === 'up';
  const { settings, problems } = readPreviewSettings(env, names, { isUp });
  const tools: PreviewTools = { ...base, ...platforms(settings, base.note) };
  if (options.isDryRun) tools.note('A dry run: nothing is asked of any account, and nothing is changed.');
  switch (options.action) {
    case 'up':
      return up(env, options, settings, problems, tools);
    case 'down':
      await down(options, settings, problems, tools);
      return null;
    case 'list':
      await list(options, settings, problems, tools);
      return null;
    case 'gc':
      await gc(options, settings, problems, tools);
      return null;
  }
}

function platforms(
  { neon, redis }: PreviewSettings,
  note: (line: string) => void,
): Pick<PreviewTools, 'neon' | 'keys'> {
  const { apiKey, projectId, url } = neon;
  // The client takes only URLs that could be; a missing one is told of before it is used.
  const address = URL.canParse(redis.url) ? redis : { ...redis, url: 'https://missing.invalid' };
  return {
    neon: new NeonApi({
      apiKey,
      projectId,
      note: (line) => note(`  ${line}`),
      ...(url === null ? {} : { url }),
    }),
    keys: new PreviewKeys(address),
  };
}

async function up(
  env: Environment,
  options: PreviewOptions,
  settings: PreviewSettings,
  problems: readonly Problem[],
  tools: PreviewTools,
): Promise<Deployed | null> {
  const branch = options.branch ?? (await currentBranch(tools.runner));
  const plan = planUp(settings, PreviewName.ofBranch(branch, settings.names), problems, tools);
  if (options.isDryRun) {
    showSteps(plan.steps, tools.note);
    return null;
  }
  await runSteps(plan.steps, tools.note);
  const deployed = plan.result();
  for (const line of deployedLines(`The preview of ${branch} runs:`, deployed)) tools.note(line);
  if (options.output !== undefined) writeFileSync(options.output, previewComment(branch, deployed));
  writeOutputs(deployed, env.GITHUB_OUTPUT || null);
  return deployed;
}

async function down(
  options: PreviewOptions,
  settings: PreviewSettings,
  problems: readonly Problem[],
  tools: PreviewTools,
): Promise<void> {
  const branch = options.branch ?? (await currentBranch(tools.runner));
  const check = checkStep(settings, problems, tools);
  const steps = planDown(settings, PreviewName.ofBranch(branch, settings.names), tools);
  if (options.isDryRun) {
    showSteps([check, ...steps], tools.note);
    return;
  }
  await runSteps([check], tools.note);
  await runAllSteps(steps, tools.note);
  tools.note(`The preview of ${branch} is gone.`);
}

async function list(
  options: PreviewOptions,
  settings: PreviewSettings,
  problems: readonly Problem[],
  tools: PreviewTools,
): Promise<void> {
  if (options.isDryRun) {
    showSteps([checkStep(settings, problems, tools), findStep(options, settings, tools)], tools.note);
    return;
  }
  await runSteps([checkStep(settings, problems, tools)], tools.note);
  const found = await find(options, settings, tools);
  if (found.length === 0) tools.note('There are no previews.');
  for (const line of found.map(previewLine)) tools.note(line);
}

async function gc(
  options: PreviewOptions,
  settings: PreviewSettings,
  problems: readonly Problem[],
  tools: PreviewTools,
): Promise<void> {
  if (options.isDryRun) {
    const any = PreviewName.ofBranch('a-branch-that-is-gone', settings.names);
    showSteps(
      [
        checkStep(settings, problems, tools),
        findStep(options, settings, tools),
        ...planDown(settings, any, tools),
      ],
      tools.note,
    );
    return;
  }
  await runSteps([checkStep(settings, problems, tools)], tools.note);
  const gone = (await find(options, settings, tools)).filter(({ branch }) => branch === null);
  if (gone.length === 0) tools.note('Every preview has its branch.');
  const failures: string[] = [];
  for (const { name } of gone) {
    tools.note(`${name.id}: its branch is gone`);
    try {
      await runAllSteps(planDown(settings, name, tools), tools.note);
    } catch (error) {
      if (!(error instanceof DeployError)) throw error;
      failures.push(`${name.id}: ${messageOf(error)}`);
    }
  }
  if (failures.length > 0) throw new DeployError(failures.join('\n'));
}

async function find(
  options: PreviewOptions,
  settings: PreviewSettings,
  tools: PreviewTools,
): Promise<FoundPreview[]> {
  return findPreviews(settings.names, await remoteBranches(tools.runner, options.remote), tools);
}

function findStep(options: PreviewOptions, settings: PreviewSettings, tools: PreviewTools) {
  return {
    title: 'compare the previews that there are with the branches that there are',
    show: () => [
      `$ git ls-remote --heads -- ${options.remote}`,
      `previews: database branches that begin with ${PreviewName.databasePrefixOfAll(settings.names)}, keys that begin with ${PreviewName.keyPrefixOfAll(settings.names)}`,
    ],
    run: async () => {
      await find(options, settings, tools);
    },
  };
}

function previewLine({ name, branch, database, hasKeys }: FoundPreview): string {
  const parts = [
    branch === null ? 'its branch is gone' : `branch ${branch}`,
    database === null ? 'no database' : `database since ${database.created_at}`,
    hasKeys ? 'has keys' : 'no keys',
  ];
  return `${name.id}  ${parts.join(', ')}`;
}
