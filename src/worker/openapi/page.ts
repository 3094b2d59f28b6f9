/** The API's document as a page: no script, no other host, readable on a phone. */
import { html, raw } from 'hono/html';
import type { Access, Route } from '../../protocol/http/route.ts';
import type { makeDocument } from './document.ts';

type Document = ReturnType<typeof makeDocument>;
type Schema = {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  allOf?: Schema[];
  description?: string;
  format?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  maxItems?: number;
};

const ACCESS: Record<Access, string> = {
  user: 'signed in',
  session: 'signed in, or a session token',
  optional: 'with or without a token',
  public: 'no token',
  knock: 'token of the knock',
  refresh: 'cookie of a signed-in browser',
  watch: 'token of the metrics, or flush secret',
  flush: 'flush secret',
};

/** The whole page. */
export function docsPage(document: Document, routes: readonly Route[]) {
  const tags = document.tags?.map(({ name }) => name) ?? [];
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="dark light" />
        <title>${document.info.title} API</title>
        <link rel="stylesheet" href="/docs/style.css" />
      </head>
      <body>
        <header>
          <h1>${document.info.title} API</h1>
          <p>${document.info.description}</p>
          <p><a href="/api/v1/openapi.json">OpenAPI document</a></p>
          <nav>${tags.map((tag) => html`<a href="#${tag}">${tag}</a>`)}</nav>
        </header>
        <main>
          ${tags.map(
            (tag) => html`<section id="${tag}">
              <h2>${tag}</h2>
              ${routes.filter((route) => route.tag === tag).map((route) => operationHtml(document, route))}
            </section>`,
          )}
        </main>
      </body>
    </html>`;
}

function operationHtml(document: Document, { method, path, summary, access }: Route) {
  const described = document.paths?.[path]?.[method];
  const query = (described?.parameters ?? []).flatMap((parameter) =>
    'in' in parameter && parameter.in === 'query' ? [parameter] : [],
  );
  const body = described?.requestBody;
  const media = body && 'content' in body ? body.content['application/json'] : undefined;
  const bodySchema = media && 'schema' in media ? media.schema : undefined;
  return html`<details>
    <summary>
      <span class="method ${method}">${method.toUpperCase()}</span>
      <code>${path}</code>
      <span class="what">${summary}</span>
    </summary>
    <p class="access">Access: ${ACCESS[access]}</p>
    ${
      query.length === 0
        ? ''
        : html`<h3>Query</h3>
          <dl>${query.map((parameter) => fieldHtml(parameter.name ?? '', parameter.schema as Schema, parameter.required === true))}</dl>`
    }
    ${bodySchema === undefined ? '' : html`<h3>Body</h3>${schemaHtml(document, bodySchema as Schema)}`}
    <h3>Replies</h3>
    <dl>
      ${Object.entries(described?.responses ?? {}).map(([status, response]) => {
        const reply = response as { description?: string; content?: Record<string, { schema?: Schema }> };
        const schema = Object.values(reply.content ?? {})[0]?.schema;
        return html`<dt><code>${status}</code></dt>
          <dd>${reply.description}${status.startsWith('2') && schema ? schemaHtml(document, schema) : ''}</dd>`;
      })}
    </dl>
  </details>`;
}

function schemaHtml(document: Document, given: Schema): unknown {
  const schema = resolve(document, given);
  const fields = Object.entries(schema.properties ?? {});
  if (fields.length === 0) return html`<p><code>${typeOf(schema)}</code> ${schema.description ?? ''}</p>`;
  return html`<dl>
    ${fields.map(([name, field]) => fieldHtml(name, field, schema.required?.includes(name) === true, document))}
  </dl>`;
}

function fieldHtml(name: string, field: Schema, isRequired: boolean, document?: Document): unknown {
  const inner = document && nested(document, field);
  return html`<dt><code>${name}</code>${isRequired ? '' : raw(' <span class="optional">optional</span>')}</dt>
    <dd>
      <code>${typeOf(field)}</code> ${field.description ?? ''}
      ${inner ? schemaHtml(document, inner) : ''}
    </dd>`;
}

/** The object inside of a field: its own, or its items'. */
function nested(document: Document, field: Schema): Schema | null {
  const choices = [field, field.items, ...(field.anyOf ?? [])].flatMap((schema) => schema ?? []);
  return choices.map((schema) => resolve(document, schema)).find(({ properties }) => properties) ?? null;
}

function resolve(document: Document, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined
    ? schema
    : ((document.components?.schemas?.[name] as Schema | undefined) ?? schema);
}

/** A type in a few words. */
function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.items)
    return `${typeOf(schema.items)}[]${schema.maxItems ? `, at most ${schema.maxItems}` : ''}`;
  const name = [schema.type].flat().join(' | ') || 'any';
  const bounds = [
    schema.format,
    schema.maxLength === undefined ? null : `at most ${schema.maxLength} characters`,
    schema.minimum === undefined || schema.minimum <= Number.MIN_SAFE_INTEGER
      ? null
      : `from ${schema.minimum}`,
    schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER ? null : `to ${schema.maximum}`,
    schema.default === undefined ? null : `default ${JSON.stringify(schema.default)}`,
  ].filter(Boolean);
  return bounds.length === 0 ? name : `${name} (${bounds.join(', ')})`;
}

export const DOCS_STYLE = `
:root { color-scheme: dark light; --line: #8885; --soft: #888; --accent: #ffb454; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 1rem 0 0; } h2 { margin: 2rem 0 .5rem; } h3 { margin: 1rem 0 .25rem; font-size: .9rem; color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 1rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: .5rem .75rem; }
summary { cursor: pointer; display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
summary code { overflow-wrap: anywhere; font-weight: 600; }
.method { font: 600 .75rem/1.6 ui-monospace, monospace; min-width: 4.5em; text-align: center; border-radius: .25rem; background: var(--line); }
.get { background: #2d7d4655; } .post { background: #2d5f9e66; } .put, .patch { background: #9e7a2d66; } .delete { background: #9e3d2d66; }
.what, .access, .optional { color: var(--soft); } .what { flex: 1 1 16rem; } .optional { font-size: .8rem; }
dl { margin: .25rem 0 .25rem .75rem; } dt { margin-top: .25rem; } dd { margin: 0 0 0 1rem; overflow-wrap: anywhere; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;
