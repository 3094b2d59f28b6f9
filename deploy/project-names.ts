/** What production is called and made of, from the files that its platforms read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { messageOf } from '../dev/errors.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import { DeployError } from './errors.ts';
import type { ProductionNames } from './names.ts';

const nameSchema = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is no label of a host name');
/** What a preview's Worker takes from wrangler.toml. Routes, domains and bindings are production's: they stay there. */
const wranglerConfigSchema = z.object({
  name: nameSchema,
  main: z.string(),
  compatibility_date: z.string(),
  compatibility_flags: z.array(z.string()).optional(),
  triggers: z.object({ crons: z.array(z.string()) }),
  observability: z.looseObject({}).optional(),
  limits: z.looseObject({}).optional(),
  placement: z.looseObject({}).optional(),
});
export type WranglerConfig = z.infer<typeof wranglerConfigSchema>;

/** The rest of partykit.json is passed on as it is. */
const partykitConfigSchema = z.looseObject({
  name: nameSchema,
  /** Whose project it is, when it isn't the login's own. */
  team: nameSchema.optional(),
  main: z.string(),
  /** Told by `--domain` or ROOM_DOMAIN: the Worker has to know it, too. */
  domain: z.undefined('belongs into ROOM_DOMAIN').optional(),
  serve: z.looseObject({ path: z.string(), build: z.string() }),
});

export type PartykitConfig = z.infer<typeof partykitConfigSchema>;

/** @throws {DeployError} when a file is missing or can't be understood. */
export function readProductionNames(): ProductionNames {
  return { worker: readWranglerConfig().name, room: readPartykitConfig().name };
}

/** @throws {DeployError} when it can't be read or understood. */
export function readWranglerConfig(): WranglerConfig {
  return readConfig('wrangler.toml', (text) => wranglerConfigSchema.parse(parseToml(text)));
}

/** @throws {DeployError} when it can't be read or understood. */
export function readPartykitConfig(): PartykitConfig {
  return readConfig('partykit.json', (text) => partykitConfigSchema.parse(JSON.parse(text)));
}

function readConfig<T>(file: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(join(PROJECT_DIR, file), 'utf8'));
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    throw new DeployError(`${file} can't be understood: ${what}`);
  }
}
