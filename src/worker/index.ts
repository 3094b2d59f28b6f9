/** The Worker: HTTP requests and the Cron Trigger. */
import type { ExecutionContext, ScheduledController } from '@cloudflare/workers-types';
import { ConfigError } from '../config.ts';
import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { describeUnexpected, logError } from './log.ts';
import { cronTurn } from './scheduled.ts';
import { createServices, once } from './services.ts';

const services = once(createServices, (error) => {
  // Its message names variables, never their values.
  if (error instanceof ConfigError) logError('bad_configuration', { reason: error.message });
  else logError('start_failed', describeUnexpected(error));
});
const app = createApp({ services });

export default {
  fetch: (request: Request, env: Env, ctx: ExecutionContext) => app.fetch(request, env, ctx),

  /** Its promise, rather than `waitUntil`: the turn is over, or has failed, when the sweeper is done. */
  async scheduled(controller: ScheduledController, env: Env): Promise<void> {
    const ports = services(env);
    await cronTurn({ ...ports, afterMs: ports.config.INACTIVE_AFTER_MS }, controller.scheduledTime);
  },
};
