/** What production is called, from the files that its platforms read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../dev/errors.ts';
import { PROJECT_DIR } from '../dev/project.ts';
import { DeployError } from './errors.ts';
import type { ProductionNames } from './names.ts';

const nameSchema = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is no label of a host name');
/** The rest of partykit.json is passed on as it is. */
const partykitConfigSchema = z.looseObject({
  name: nameSchema,
  /** Whose project it is, when it isn't the login's own. */
  team: nameSchema.optional(),
  main: z.string(),
  serve: z.looseObject({ path: z.string(), build: z.string() }),
});

/** @throws {DeployError} when a file is missing or its name doesn't fit a host name. */
export function readProductionNames(): ProductionNames {
  const toml = read('wrangler.toml');
  const worker = nameSchema.safeParse(/^name\s*=\s*["']([^"']*)["']/m.exec(toml)?.[1]);
  if (!worker.success)
    throw new DeployError('wrangler.toml: the name is missing, or is no label of a host name');
  return { worker: worker.data, room: readPartykitConfig().name };
}

export type PartykitConfig = z.infer<typeof partykitConfigSchema>;

/** @throws {DeployError} when it can't be read or understood. */
export function readPartykitConfig(): PartykitConfig {
  try {
    return partykitConfigSchema.parse(JSON.parse(read('partykit.json')));
  } catch (error) {
    if (error instanceof DeployError) throw error;
    throw new DeployError(`partykit.json can't be understood: ${messageOf(error)}`);
  }
}

function read(file: string): string {
  try {
    return readFileSync(join(PROJECT_DIR, file), 'utf8');
  } catch (error) {
    throw new DeployError(`${file} can't be read: ${messageOf(error)}`);
  }
}
