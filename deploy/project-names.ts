/** What production is called and made of, from wrangler.toml. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { messageOf } from '../dev/errors.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import { DeployError } from './errors.ts';
import type { ProductionNames } from './names.ts';

const nameSchema = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is no label of a host name');

const routeSchema = z.union([
  z.string(),
  z.looseObject({ pattern: z.string(), custom_domain: z.boolean().optional() }),
]);

/**
 * Every key of wrangler.toml. One that isn't listed is refused: somewhere it has to be decided whether a
 * preview has it, and that is `previewConfig`.
 */
const wranglerConfigSchema = z.strictObject({
  name: nameSchema,
  main: z.string(),
  compatibility_date: z.string(),
  compatibility_flags: z.array(z.string()).optional(),
  build: z.looseObject({ command: z.string() }).optional(),
  assets: z.looseObject({ directory: z.string(), run_worker_first: z.array(z.string()).optional() }),
  durable_objects: z.object({
    // Without `script_name`: a preview must never be bound to the objects of another
    // Worker, such as production.
    bindings: z.array(z.strictObject({ name: z.string(), class_name: z.string() })),
  }),
  migrations: z.array(z.looseObject({ tag: z.string() })).min(1),
  observability: z.looseObject({}).optional(),
  limits: z.looseObject({}).optional(),
  placement: z.looseObject({}).optional(),
  // From here on what is production's alone.
  account_id: z.string().optional(),
  workers_dev: z.boolean().optional(),
  preview_urls: z.boolean().optional(),
  vars: z.looseObject({}).optional(),
  triggers: z.object({ crons: z.array(z.string()) }).optional(),
  route: routeSchema.optional(),
  routes: z.array(routeSchema).optional(),
});
export type WranglerConfig = z.infer<typeof wranglerConfigSchema>;

/** @throws {DeployError} when wrangler.toml is missing or can't be understood. */
export function readProductionNames(): ProductionNames {
  return { worker: readWranglerConfig().name };
}

/** @throws {DeployError} when wrangler.toml can't be read or understood. */
export function readWranglerConfig(): WranglerConfig {
  try {
    return parseWranglerConfig(readFileSync(join(PROJECT_DIR, 'wrangler.toml'), 'utf8'));
  } catch (error) {
    throw new DeployError(`wrangler.toml can't be understood: ${messageOf(error)}`);
  }
}

/** @throws {Error} naming each key that is missing or wrong. */
export function parseWranglerConfig(text: string): WranglerConfig {
  const parsed = wranglerConfigSchema.safeParse(parseToml(text));
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}

/** The custom domains that wrangler.toml gives the Worker, as `https://` origins. */
export function customDomains({ route, routes }: Pick<WranglerConfig, 'route' | 'routes'>): string[] {
  return [...(route === undefined ? [] : [route]), ...(routes ?? [])].flatMap((one) =>
    typeof one === 'object' && one.custom_domain === true ? [`https://${one.pattern}`] : [],
  );
}
