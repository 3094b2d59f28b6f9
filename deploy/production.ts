/**
 * Production: migrations, then the Worker, then the rooms, then a look at the result.
 *
 * Migrations only add, so the old code goes on working on the new schema; the Worker comes before the rooms, and either
 * works with the other's last release. So it can stop after any step, and be run again.
 */
import { storageSchema } from '../src/config.ts';
import { type Command, showCommand } from './command.ts';
import { migrate, migrateCommand } from './database.ts';
import { DeployError } from './errors.ts';
import { MASK } from './masking.ts';
import { deployRooms, deployRoomsCommand, roomUrl } from './partykit.ts';
import { checkBefore } from './preflight.ts';
import type { Access, ProductionSettings } from './settings.ts';
import type { SmokeTarget } from './smoke.ts';
import type { Step } from './steps.ts';
import type { Tools } from './tools.ts';
import { type Problem, pick } from './variables.ts';
import { deployWorker, deployWorkerCommand } from './wrangler.ts';

export interface Deployed {
  workerUrl: string;
  roomUrl: string;
}

export interface Plan {
  steps: Step[];
  /** Where things are; known once the steps are done. */
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
  const rooms = values.ROOM_URL ?? roomUrl(target, access.partykit);
  let workerUrl = values.WORKER_URL ?? null;

  const forWorker = () => pick('worker', { ...values, ROOM_URL: rooms });
  const forRooms = (url: string) => pick('room', { ...values, ROOM_URL: rooms, WORKER_URL: url });
  const show = (command: Command) => showCommand(command, (text) => masker.mask(text));
  const steps: Step[] = [
    {
      title: 'look at versions, variables and accounts',
      show: () => showChecks(problems, access, ['PING to Redis', 'select 1 from Postgres, over HTTP']),
      run: () =>
        checkBefore(runner, access, problems, [
          () => tools.pingRedis(values),
          () => (isGiven('DATABASE_URL') ? tools.pingDatabase(values.DATABASE_URL ?? '') : noProblem),
        ]),
    },
    {
      title: 'migrate the database',
      show: () => show(maskedEnvironment(migrateCommand(values.DATABASE_URL ?? ''))),
      run: () => migrate(tools, values.DATABASE_URL ?? ''),
    },
    {
      title: `deploy the Worker ${names.worker} with its secrets and its cron`,
      show: () => show(deployWorkerCommand(target, forWorker(), access.cloudflare, '<private folder>')),
      run: async () => {
        const deployed = await deployWorker(runner, target, forWorker(), access.cloudflare);
        workerUrl = values.WORKER_URL ?? urlOf(deployed);
        tools.note(`  the Worker is at ${workerUrl}`);
      },
    },
    {
      title: `deploy the rooms and the page to ${rooms}`,
      show: () =>
        show(
          deployRoomsCommand(target, forRooms(workerUrl ?? placeholderUrl(names.worker)), access.partykit),
        ),
      run: async () => {
        const url = await deployRooms(runner, target, forRooms(urlOf(workerUrl)), access.partykit);
        if (values.ROOM_URL === undefined && url !== rooms) {
          throw new DeployError(
            `the rooms are at ${url}, and the Worker looks for them at ${rooms}: set ROOM_URL`,
          );
        }
      },
    },
    verifyStep(
      () => ({
        workerUrl: urlOf(workerUrl ?? placeholderUrl(names.worker)),
        roomUrl: rooms,
        flushSecret: values.FLUSH_SECRET ?? '',
        stores: storesOf(values, values.DATABASE_URL ?? ''),
      }),
      tools,
    ),
  ];
  return { steps, result: () => ({ workerUrl: urlOf(workerUrl), roomUrl: rooms }) };
}

/** The last step of both kinds. */
export function verifyStep(target: () => SmokeTarget, tools: Tools): Step {
  return {
    title: 'wait until both answer, then smoke-test them over their public URLs',
    show: () => {
      const { workerUrl, roomUrl } = target();
      return [
        `GET ${workerUrl}/health and ${roomUrl}/ until both are well`,
        `POST ${workerUrl}/api/v1/sessions`,
        `edit in the session's room at ${roomUrl}, until it is acknowledged`,
        `POST ${workerUrl}/flush/<session>, with FLUSH_SECRET`,
        `GET ${workerUrl}/api/v1/sessions/<session>, which must show the edit`,
        `DELETE ${workerUrl}/api/v1/sessions/<session>, then its rows and its keys`,
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
  { cloudflare }: Access,
  asked: readonly string[],
): string[] {
  return [
    'Node.js, wrangler, partykit and drizzle-kit are the versions of package.json',
    cloudflare.apiToken === null
      ? '$ npx wrangler whoami --json, by the login of npx wrangler login, as CLOUDFLARE_API_TOKEN is not set'
      : '$ npx wrangler whoami --json',
    '$ npx partykit list --format json',
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

export function urlOf(url: string | null): string {
  if (url === null) {
    throw new DeployError(
      'wrangler tells of no https:// URL of the Worker: set WORKER_URL to where it answers',
    );
  }
  return url.replace(/\/+$/, '');
}
