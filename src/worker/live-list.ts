/**
 * The public list of sessions, read from Postgres in blocks that are kept for a moment: however often it is
 * polled, and by whatever pages, it costs a query a block in that time.
 */
import type { LiveSessionSummary, SessionDirectory } from '../domain/directory.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import { briefCacheBy } from './brief-cache.ts';

const KEEP_MS = 3_000;
const BLOCK_ENTRIES = 100;

type Directory = Pick<SessionDirectory, 'live'>;

export type LiveList = (
  directory: Directory,
  userId: string | null,
  page: PageRequest,
) => Promise<Page<LiveSessionSummary>>;

/** Reads a page as {@link SessionDirectory.live} does, a few seconds old at most. */
export function liveList(now: () => number = () => Date.now()): LiveList {
  const block = briefCacheBy(
    // Which sessions are the caller's own differs by user.
    (_directory: Directory, userId: string | null, index: number) => `${userId} ${index}`,
    (directory, userId, index) =>
      directory.live(userId, { limit: BLOCK_ENTRIES, offset: index * BLOCK_ENTRIES }),
    KEEP_MS,
    now,
  );
  return async (directory, userId, { limit, offset }) => {
    const { total } = await block(directory, userId, 0);
    const end = Math.min(offset + limit, total);
    const items: LiveSessionSummary[] = [];
    for (let index = Math.floor(offset / BLOCK_ENTRIES); index * BLOCK_ENTRIES < end; index++) {
      const from = index * BLOCK_ENTRIES;
      const read = await block(directory, userId, index);
      items.push(...read.items.slice(Math.max(0, offset - from), end - from));
    }
    return { items, total };
  };
}
