/** The API's document, and a page to read it on. */
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { makeDocument } from '../openapi/document.ts';
import { DOCS_STYLE, docsPage } from '../openapi/page.ts';

let document: ReturnType<typeof makeDocument> | undefined;
/** Made at the first request: most isolates never show it. */
const documentOf = () => {
  document ??= makeDocument();
  return document;
};

export const openApiRoutes = new Hono<AppEnv>().get('/openapi.json', (c) => c.json(documentOf()));

export const docsRoutes = new Hono<AppEnv>()
  .get('/', (c) => c.html(docsPage(documentOf())))
  .get('/style.css', (c) => c.body(DOCS_STYLE, 200, { 'Content-Type': 'text/css; charset=utf-8' }));
