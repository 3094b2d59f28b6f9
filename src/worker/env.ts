import type { z } from 'zod';
import type { workerConfigSchema } from '../config.ts';
import type { Services } from './services.ts';

/** The Worker's bindings, all of them variables and secrets. Any may be missing: parseConfig says which. */
export type Env = { [Name in keyof z.input<typeof workerConfigSchema>]?: string };

/** What Hono's contexts carry here. */
export interface AppEnv {
  Bindings: Env;
  Variables: { services: Services };
}
