/** Pages whose requests may count by a cookie: browsers say which page sends one. */
import type { Context } from 'hono';
import type { AppEnv } from './env.ts';
import { ApiError } from './errors.ts';

/**
 * @throws {ApiError} 403 for a request that isn't of a page of ours, or of a client that may be led to. Every
 *   browser names the origin of a POST; a client that isn't a browser has no cookie that was not its own.
 */
export function refuseForeignOrigin(c: Context<AppEnv>): void {
  const { AUTH_REDIRECT_ORIGINS } = c.var.services.config;
  const origin = c.req.header('Origin');
  if (origin !== new URL(c.req.url).origin && !(origin && AUTH_REDIRECT_ORIGINS.includes(origin))) {
    throw new ApiError(403, 'forbidden', 'this page may not use the sign-in of this browser');
  }
}
