/**
 * Where signing in comes back to. The page's place is in the fragment of its address, which may have an
 * invite's secret: it stays in this tab's storage, and no server sees it.
 */
import * as z from 'zod';
import { SIGN_IN_ERROR_PARAM, SIGN_IN_ERRORS, SIGNED_IN_PARAM } from '../../../protocol/http/accounts.ts';
import type { Keeper } from '../keeping.ts';
import { parseRoute } from '../router.ts';

const KEY = 'backbeat:return';
/** Longer than an attempt to sign in is good for. */
const MAX_AGE_MS = 3_600_000;

const keptSchema = z.object({
  hash: z.string(),
  /** What was typed into fields. */
  typed: z.array(z.object({ id: z.string(), text: z.string() })),
  atMs: z.number(),
});
type Kept = z.infer<typeof keptSchema>;
export type Typed = Kept['typed'];

/** The path that the server is told. A session's says which: no secret, and needed where nothing is kept. */
export function returnPathOf(hash: string): string {
  const route = parseRoute(hash);
  return route.name === 'session' ? `/s/${route.sessionId}` : '/';
}

export function keepReturn(keeper: Keeper, kept: Kept): void {
  keeper.set(KEY, JSON.stringify(kept satisfies Kept));
}

/** What was kept, once; null where there is nothing, or it is of another time. */
export function takeReturn(keeper: Keeper, nowMs: number): Kept | null {
  const text = keeper.get(KEY);
  keeper.remove(KEY);
  try {
    const kept = keptSchema.parse(JSON.parse(text ?? 'null'));
    return Math.abs(nowMs - kept.atMs) < MAX_AGE_MS ? kept : null;
  } catch {
    return null;
  }
}

const ERROR = z.enum(SIGN_IN_ERRORS).catch('refused');

/** How signing in went, by the query of the address; null when it is no return from there. */
export function outcomeOf(search: string): 'signed-in' | z.infer<typeof ERROR> | null {
  const query = new URLSearchParams(search);
  const error = query.get(SIGN_IN_ERROR_PARAM);
  if (error !== null) return ERROR.parse(error);
  return query.has(SIGNED_IN_PARAM) ? 'signed-in' : null;
}

/** The page's address, as a path, without what the return has added, and at the place that was kept. */
export function addressAfter({ pathname, search, hash }: Location | URL, keptHash: string | null): string {
  const query = new URLSearchParams(search);
  query.delete(SIGNED_IN_PARAM);
  query.delete(SIGN_IN_ERROR_PARAM);
  const path = keptHash === null ? pathname : '/';
  return `${path}${query.size === 0 ? '' : `?${query}`}${keptHash ?? hash}`;
}
