/**
 * Production: migrations, then the Worker, then a smoke test.
 *
 * Migrations only add, so the release that runs goes on working on the new schema. A deploy can stop after
 * any step, and be run again.
 */

import { storageSchema } from '../src/config.ts';
import { type Command, showCommand } from './command.ts';
import { migrate, migrateCommand } from './database.ts';
import { MASK } from './masking.ts';
import { checkBefore } from './preflight.ts';
import type { ProductionSettings } from './settings.ts';
import type { SmokeTarget } from './smoke.ts';
import { smokeUser } from './smoke.ts';
import type { Step } from './steps.ts';
import type { Tools } from './tools.ts';
import type { Problem } from './variables.ts';
import { type CloudflareAccess, deployWorker, deployWorkerCommand } from './wrangler.ts';

export interface Deployed {
  /** Origin of page, API and rooms. */
  url: string;
}

export interface Plan {
  steps: Step[];
  /** Where it runs. @throws {Error} before the steps are done. */
  result: () => Deployed;
}

/** @param problems found while reading the settings. */
export function planProduction(
  settings: ProductionSettings,
  problems: readonly Problem[],
  tools: Tools,
): Plan {
  const { names, access, values } = settings;
  const { runner, masker } = tools;
  const isGiven = (name: string) => !problems.some(({ variable }) => variable === name);
  const noProblem = Promise.resolve(null);
  const target = { production: names };
  const databaseUrl = values.DATABASE_URL ?? '';
  let url: string | null = null;

  const show = (command: Command) => showCommand(command, (text) => masker.mask(text));
  const steps: Step[] = [
    {
      title: 'look at versions, variables and accounts',
      show: () => showChecks(problems, access, ['PING to Redis', 'select 1 from Postgres, over HTTP']),
      run: () =>
        checkBefore(runner, access, problems, [
          () => tools.pingRedis(values),
          () => (isGiven('DATABASE_URL') ? tools.pingDatabase(databaseUrl) : noProblem),
        ]),
    },
    {
      title: 'migrate the database',
      show: () => show(maskedEnvironment(migrateCommand(databaseUrl))),
      run: () => migrate(tools, databaseUrl),
    },
    {
      title: `deploy the Worker ${names.worker}: page, API, rooms, cron and secrets`,
      show: () => show(deployWorkerCommand(target, values, access, '<private folder>')),
      run: async () => {
        url = await deployWorker(runner, target, values, access);
        tools.note(`  it is at ${url}`);
      },
    },
    verifyStep(
      () => ({
        url: url ?? placeholderUrl(names.worker),
        flushSecret: values.FLUSH_SECRET ?? '',
        user: smokeUser(values),
        isOpenToStrangers: (values.ANONYMOUS ?? 'create') === 'create',
        stores: storesOf(values, databaseUrl),
      }),
      tools,
    ),
  ];
  return { steps, result: () => ({ url: known(url) }) };
}

/** The last step of both kinds. */
export function verifyStep(target: () => SmokeTarget, tools: Tools): Step {
  return {
    title: 'wait until it answers, then smoke-test it over its public URL',
    show: () => {
      const { url } = target();
      return [
        `GET ${url}/ and ${url}/health until both are well`,
        `POST ${url}/api/v1/sessions`,
        `edit in the session's room, until the edit is acknowledged`,
        `POST ${url}/flush/<session>, with FLUSH_SECRET`,
        `GET ${url}/api/v1/sessions/<session>, which must show the edit`,
        `DELETE ${url}/api/v1/sessions/<session>, then its rows and its keys`,
      ];
    },
    run: () => tools.verify(target()),
  };
}

export function storesOf(values: Record<string, string>, databaseUrl: string): SmokeTarget['stores'] {
  return {
    databaseUrl,
    redisUrl: values.UPSTASH_REDIS_REST_URL ?? '',
    redisToken: values.UPSTASH_REDIS_REST_TOKEN ?? '',
    keyPrefix: storageSchema.shape.KEY_PREFIX.parse(values.KEY_PREFIX),
  };
}

/** @param asked what else is looked at. */
export function showChecks(
  problems: readonly Problem[],
  { apiToken }: CloudflareAccess,
  asked: readonly string[],
): string[] {
  return [
    'Node.js, wrangler and drizzle-kit are the versions of package.json',
    apiToken === null
      ? '$ npx wrangler whoami --json, by the login of npx wrangler login, as CLOUDFLARE_API_TOKEN is not set'
      : '$ npx wrangler whoami --json',
    ...asked,
    ...(problems.length === 0
      ? ['every variable is there']
      : ['now missing or wrong:', ...problems.map(({ variable, what }) => `  - ${variable}: ${what}`)]),
  ];
}

/** What is shown of a command whose secrets aren't known to the masker, as they aren't there yet. */
export function maskedEnvironment(command: Command): Command {
  const env = Object.fromEntries(
    Object.entries(command.env ?? {}).map(([name, value]) => [name, value.startsWith('<') ? value : MASK]),
  );
  return { ...command, env };
}

export const placeholderUrl = (worker: string) => `https://${worker}.<your-subdomain>.workers.dev`;

/** What an earlier step has found out. @throws {Error} when that step wasn't done. */
export function known(value: string | null): string {
  if (value === null) throw new Error('a step was run out of order');
  return value;
}
