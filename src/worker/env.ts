import type { Platform } from './platform.ts';
import type { Services } from './services.ts';

/** What a host gives the app with each request. */
export interface Env {
  /** Variables and secrets, as they were set. Any may be missing: parseConfig says which. */
  variables: Record<string, unknown>;
  platform: Platform;
}

/** What Hono's contexts carry here. */
export interface AppEnv {
  Bindings: Env;
  Variables: { services: Services };
}
