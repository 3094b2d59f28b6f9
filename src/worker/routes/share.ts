/**
 * A session's address without a fragment, for pasting elsewhere: the page, with what may be shown of the
 * session in its head. Only what is on the public list is shown. The answer for a private session and for
 * none is the same, byte for byte, and nothing is looked up by its id.
 */
import { type Context, Hono } from 'hono';
import type { LiveSessionSummary } from '../../domain/directory.ts';
import { StorageUnavailableError } from '../../domain/errors.ts';
import { uuid } from '../../protocol/http/shared.ts';
import { MAX_PAGE_ENTRIES } from '../../protocol/limits.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import type { LiveList } from '../live-list.ts';
import { logError } from '../log.ts';
import { asPage } from '../page-headers.ts';
import { sessionPreview, sitePreview, withSocialTags } from '../social-tags.ts';

/** Where the build puts the page, as the hosts' asset servers name it. */
const PAGE = '/';
/** Headers of the file as it is. */
const OF_THE_FILE = ['etag', 'content-length', 'content-encoding', 'last-modified'];
/** A session beyond so many newer public ones is shown as any page of the site. */
const MAX_SEARCHED = 10 * MAX_PAGE_ENTRIES;

/** @param live keeps the public list for some seconds: pages that are asked for often cost nothing more. */
export function sharePage(live: LiveList): Hono<AppEnv> {
  return new Hono<AppEnv>().get('/s/:id', async (c) => {
    const file = await c.var.services.assets.fetch(PAGE);
    if (!file?.ok) {
      await file?.body?.cancel();
      throw notFound('this server has no page');
    }
    const [html, session] = await Promise.all([file.text(), publicSession(c, live)]);
    const { origin } = new URL(c.req.url);
    const preview = session === null ? sitePreview(origin) : sessionPreview(session, origin);
    const page = asPage(new Response(withSocialTags(html, preview), file));
    for (const name of OF_THE_FILE) page.headers.delete(name);
    return page;
  });
}

/** The session of the path if it is on the public list; null otherwise, also while that can't be read. */
async function publicSession(c: Context<AppEnv>, live: LiveList): Promise<LiveSessionSummary | null> {
  const id = uuid.safeParse(c.req.param('id'));
  if (!id.success) return null;
  try {
    for (let offset = 0, total = 1; offset < Math.min(total, MAX_SEARCHED); offset += MAX_PAGE_ENTRIES) {
      const page = await live(c.var.services.directory, null, { limit: MAX_PAGE_ENTRIES, offset });
      const found = page.items.find((session) => session.id === id.data);
      if (found) return found;
      total = page.total;
    }
    return null;
  } catch (error) {
    // The page itself needs no store.
    if (!(error instanceof StorageUnavailableError)) throw error;
    logError('storage_unavailable', { path: '/s/', store: error.store, reason: error.message });
    return null;
  }
}
