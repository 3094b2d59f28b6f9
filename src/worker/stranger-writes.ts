/** Code that callers without an account set over HTTP counts as a commit of their network. */
import type { Context } from 'hono';
import { addressOf } from './address.ts';
import type { AppEnv } from './env.ts';
import { ApiError } from './errors.ts';

/** @throws {ApiError} 429 when too much was written without an account today. */
export async function takeStrangerWrite(
  c: Context<AppEnv>,
  { userId }: { userId: string | null },
): Promise<void> {
  if (userId !== null) return;
  const { pace, resetMs } = await c.var.services.strangerCommits.take(addressOf(c), 1);
  if (pace !== 'none') return;
  const message = 'too much was written without an account today; sign in, or go on tomorrow';
  throw new ApiError(429, 'too_many_requests', message, undefined, Math.ceil(resetMs / 1_000));
}
