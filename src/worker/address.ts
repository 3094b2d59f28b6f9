/** Where a caller is. */
import type { Context } from 'hono';

/** The caller's network address; null when the platform doesn't say. */
export function addressOf({ req }: Pick<Context, 'req'>): string | null {
  return req.header('cf-connecting-ip') ?? null;
}
