/** The API's document, and a page to read it on. */
import { Hono } from 'hono';
import type { Route } from '../../protocol/http/route.ts';
import type { AppEnv } from '../env.ts';
import { makeDocument } from '../openapi/document.ts';
import { DOCS_STYLE, docsPage } from '../openapi/page.ts';

/** @param routes what the document describes. */
export function docsRoutes(routes: readonly Route[]) {
  let made: ReturnType<typeof makeDocument> | undefined;
  /** Made at the first request: most isolates never show it. */
  const document = () => {
    made ??= makeDocument(routes);
    return made;
  };
  return new Hono<AppEnv>()
    .get('/api/v1/openapi.json', (c) => c.json(document()))
    .get('/docs', (c) => c.html(docsPage(document(), routes)))
    .get('/docs/style.css', (c) => c.body(DOCS_STYLE, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
}
