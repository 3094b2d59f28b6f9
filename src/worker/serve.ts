/** Serving a route as its definition says: who may call, what is parsed, and what is answered. */
import type { Context } from 'hono';
import type { z } from 'zod';
import type { Access, Parsed, Route } from '../protocol/http/route.ts';
import { issuesText } from '../protocol/messages.ts';
import type { AppEnv } from './env.ts';
import { ApiError } from './errors.ts';
import type { Services } from './services.ts';

/** Lets callers of one kind through. What it throws is the refusal. */
export interface Gate<A extends Access, Caller> {
  access: A;
  admit(c: Context<AppEnv>): Promise<Caller>;
}

/** What a handler works with. */
interface RouteRequest<R extends Route, Caller> {
  services: Services;
  /** As the gate knows them. */
  caller: Caller;
  params: Parsed<R, 'params'>;
  query: Parsed<R, 'query'>;
  body: Parsed<R, 'body'>;
  c: Context<AppEnv>;
}

/** A route with its handler. */
export interface Served {
  route: Route;
  handle(c: Context<AppEnv>): Promise<Response>;
}

/**
 * Ties a definition to its handler. The caller is admitted first; then the path, the query and the body are
 * parsed.
 * @param gate of the access that the definition names.
 * @param answer resolves to the body of success; a `Response` is passed on as it is.
 */
export function serve<const R extends Route, Caller>(
  route: R,
  gate: Gate<R['access'], Caller>,
  answer: (request: RouteRequest<R, Caller>) => Promise<z.input<R['reply']> | Response>,
): Served {
  return {
    route,
    async handle(c) {
      const caller = await gate.admit(c);
      const { params, query, body } = route;
      const answered = await answer({
        services: c.var.services,
        caller,
        // A conditional type of the definition, which TypeScript can't follow through a generic.
        params: (params && parse(params, c.req.param(), 'path')) as Parsed<R, 'params'>,
        query: (query && parse(query, c.req.query(), 'query')) as Parsed<R, 'query'>,
        body: (body && parse(body, await readJson(c), 'body')) as Parsed<R, 'body'>,
        c,
      });
      return answered instanceof Response ? answered : c.json(answered, route.status ?? 200);
    },
  };
}

/** A body as JSON; an absent one counts as `{}`. @throws {ApiError} 400 when it is something else. */
export async function readJson(c: Context): Promise<unknown> {
  const text = await c.req.text();
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, 'bad_request', 'the body is not JSON');
  }
}

/** @throws {ApiError} 400 that says what doesn't fit. */
export function parse<T extends z.ZodType>(
  schema: T,
  raw: unknown,
  part: 'path' | 'query' | 'body',
): z.output<T> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new ApiError(
    400,
    'validation_error',
    `the ${part} does not fit its schema`,
    issuesText(parsed.error),
  );
}
