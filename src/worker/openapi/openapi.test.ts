/** The API's document: valid, whole, and true. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { fakeServices } from '../../../test/support/worker-services.ts';
import { createApp, servedRoutes } from '../app.ts';
import { makeDocument } from './document.ts';

const ROUTES = servedRoutes().map(({ route }) => route);

const app = createApp({ services: () => fakeServices() });

/**
 * Of the document itself, of the page that shows it, of the operator's page, of what speaks WebSocket, and
 * of the cron's own route it says nothing.
 */
const OWN = new Set([
  'GET /admin',
  'GET /api/v1/openapi.json',
  'GET /docs',
  'GET /docs/style.css',
  'GET /parties/main/:id',
  'GET /api/v1/ws',
  'GET /s/:id',
  'POST /flush/turn',
]);

it('is valid OpenAPI', async () => {
  const response = await app.request('/api/v1/openapi.json');
  expect(response.status).toBe(200);
  const validator = new Validator();
  const { valid, errors } = await validator.validate((await response.json()) as Record<string, unknown>);
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
  expect(validator.version).toBe('3.1');
});

it('tells of every route, and of no other', () => {
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path === '/' ? path : path.replace(/\/$/, '')}`);
  const registered = [...new Set(routes)].filter((route) => !OWN.has(route)).sort();
  const described = ROUTES.map(
    ({ method, path }) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
  ).sort();
  expect(described).toEqual(registered);
});

describe('each operation', () => {
  const { paths } = makeDocument(ROUTES);
  it.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
    '%s says who may call, and names its path parameters',
    (_, { method, path, access, body }) => {
      const operation = paths?.[path]?.[method];
      expect(operation?.security).toBeDefined();
      if (access !== 'public') expect(operation?.responses).toHaveProperty('401');
      const named = (operation?.parameters ?? []).flatMap((parameter) =>
        'in' in parameter && parameter.in === 'path' ? [parameter.name] : [],
      );
      expect(named).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(operation?.requestBody !== undefined).toBe(body !== undefined);
    },
  );
});

describe('the page', () => {
  it('shows every operation, without a script or anything of another host', async () => {
    const response = await app.request('/docs');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'/);
    const page = await response.text();
    for (const { summary } of ROUTES) expect(page).toContain(summary.replaceAll("'", '&#39;'));
    expect(page).not.toMatch(/<script|<style|style=|https?:\/\//);
    expect((await app.request('/docs/style.css')).headers.get('content-type')).toMatch(/^text\/css/);
  });
});
