/** The two command lines. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf } from '../dev/errors.ts';
import { DeployError } from './errors.ts';

export const DEPLOY_USAGE = `Usage: npm run deploy -- [options]

Deploys Backbeat to production: migrations, the Worker with page and rooms, then a smoke test.
It can be run again after any failure.

  --dry-run          show each step and each command, secrets masked, and do nothing
  --env-file FILE    take variables from this file, too; those of the shell go before
  --help             this text

docs/deploy.md says which variables it takes.
`;

export const PREVIEW_USAGE = `Usage: npm run preview -- up|down|list|gc [options]

  up      makes the branch's preview, or brings it up to date
  down    removes it, in whatever state it is
  list    shows all previews
  gc      removes the previews whose branch the remote no longer has

  --branch NAME      by default the one that is checked out
  --remote NAME      where gc and list look for branches (origin)
  --output FILE      up: write the URL as Markdown, for a comment
  --dry-run          show each step and each command, secrets masked, and do nothing
  --env-file FILE    take variables from this file, too; those of the shell go before
  --help             this text

docs/deploy.md says which variables it takes.
`;

const COMMON = {
  'dry-run': { type: 'boolean' },
  'env-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

export interface CommonOptions {
  isDryRun: boolean;
  envFile: string | undefined;
}

export type PreviewAction = 'up' | 'down' | 'list' | 'gc';

export interface PreviewOptions extends CommonOptions {
  action: PreviewAction;
  branch: string | undefined;
  remote: string;
  output: string | undefined;
}

/** @returns null when only the usage is asked for. @throws {DeployError} for what can't be understood. */
export function parseDeployOptions(args: readonly string[]): CommonOptions | null {
  const { values } = parse(args, COMMON, false);
  return values.help ? null : common(values);
}

/** @returns null when only the usage is asked for. @throws {DeployError} for what can't be understood. */
export function parsePreviewOptions(args: readonly string[]): PreviewOptions | null {
  const { values, positionals } = parse(
    args,
    {
      ...COMMON,
      branch: { type: 'string' },
      remote: { type: 'string' },
      output: { type: 'string' },
    } as const,
    true,
  );
  if (values.help) return null;
  const [action, ...rest] = positionals;
  if (!isAction(action) || rest.length > 0)
    throw new DeployError(`say up, down, list or gc\n\n${PREVIEW_USAGE}`);
  // CI systems may have the full name of the reference at hand.
  const branch = values.branch?.replace(/^refs\/heads\//, '');
  if (branch === '') throw new DeployError('--branch is empty');
  return {
    ...common(values),
    action,
    branch,
    remote: values.remote ?? 'origin',
    output: values.output,
  };
}

function common(values: { 'dry-run'?: boolean; 'env-file'?: string }): CommonOptions {
  return { isDryRun: values['dry-run'] ?? false, envFile: values['env-file'] };
}

function isAction(word: string | undefined): word is PreviewAction {
  return word === 'up' || word === 'down' || word === 'list' || word === 'gc';
}

function parse<T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
  allowPositionals: boolean,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals });
  } catch (error) {
    throw new DeployError(`${messageOf(error)} (--help lists the options)`);
  }
}
