/** Where a caller is. */
import type { Context } from 'hono';
import { timingSafeEqual } from 'hono/utils/buffer';
import { FORWARDED_ADDRESS, FORWARDED_SECRET } from '../sessions/address.ts';
import type { AppEnv } from './env.ts';

/** As the network says, or the rooms for callers who came through them; null when neither says. */
export async function addressOf(c: Pick<Context<AppEnv>, 'req' | 'var'>): Promise<string | null> {
  const secret = c.req.header(FORWARDED_SECRET);
  if (secret !== undefined && (await timingSafeEqual(c.var.services.config.FLUSH_SECRET, secret))) {
    return c.req.header(FORWARDED_ADDRESS) ?? null;
  }
  return c.req.header('cf-connecting-ip') ?? null;
}
