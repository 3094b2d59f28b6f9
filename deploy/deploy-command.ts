/** What `npm run deploy` does. */
import type { CommonOptions } from './options.ts';
import { type Deployed, planProduction } from './production.ts';
import { readProductionNames } from './project-names.ts';
import { deployedLines, writeOutputs } from './report.ts';
import { readProductionSettings } from './settings.ts';
import { runSteps, showSteps } from './steps.ts';
import type { Tools } from './tools.ts';
import type { Environment } from './variables.ts';

/** @returns where Backbeat runs; null after a dry run. */
export async function deploy(
  env: Environment,
  options: CommonOptions,
  tools: Tools,
): Promise<Deployed | null> {
  const { settings, problems } = readProductionSettings(env, readProductionNames());
  const plan = planProduction(settings, problems, tools);
  if (options.isDryRun) {
    tools.note('A dry run: nothing is asked of any account, and nothing is changed.');
    showSteps(plan.steps, tools.note);
    return null;
  }
  await runSteps(plan.steps, tools.note);
  const deployed = plan.result();
  for (const line of deployedLines('Backbeat runs:', deployed)) tools.note(line);
  writeOutputs(deployed, env.GITHUB_OUTPUT || null);
  return deployed;
}
