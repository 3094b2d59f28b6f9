/** Reading what callers send: parsed by a schema, or refused with what is wrong. */
import type { Context, MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { issuesText } from '../protocol/messages.ts';
import type { AppEnv } from './env.ts';
import { ApiError } from './errors.ts';

/**
 * Parses the JSON body for the handler (`c.req.valid('json')`), and tells a typed client what to send.
 * @param schema an absent body counts as `{}`.
 * @throws {ApiError} 400 when it isn't JSON, or doesn't fit.
 */
export function body<T extends z.ZodType<object>>(
  schema: T,
): MiddlewareHandler<AppEnv, string, { in: { json: z.input<T> }; out: { json: z.output<T> } }> {
  return async (c, next) => {
    c.req.addValidatedData('json', await readBody(c, schema));
    await next();
  };
}

/** Parses the query string for the handler (`c.req.valid('query')`). @throws {ApiError} 400 */
export function query<T extends z.ZodType<object>>(
  schema: T,
): MiddlewareHandler<
  AppEnv,
  string,
  { in: { query: { [Name in keyof z.output<T>]?: string } }; out: { query: z.output<T> } }
> {
  return async (c, next) => {
    c.req.addValidatedData('query', parseOr400(schema, c.req.query(), 'the query does not fit its schema'));
    await next();
  };
}

async function readBody<T extends z.ZodType>(c: Context, schema: T): Promise<z.infer<T>> {
  const text = await c.req.text();
  let raw: unknown = {};
  if (text.trim() !== '') {
    try {
      raw = JSON.parse(text);
    } catch {
      throw new ApiError(400, 'bad_request', 'the body is not JSON');
    }
  }
  return parseOr400(schema, raw, 'the body does not fit its schema');
}

const idSchema = z.object({ id: z.uuid().toLowerCase() });

/** The session id in the path. @throws {ApiError} 400 when it is no UUID. */
export function readSessionId(c: Context): string {
  return parseOr400(idSchema, { id: c.req.param('id') }, 'the session id is not a UUID').id;
}

/** An id in the path of anything else, by its name there. @throws {ApiError} 400 when it is no UUID. */
export function readPathId(c: Context, name: 'id' | 'participant_id' | 'token_id'): string {
  return parseOr400(idSchema, { id: c.req.param(name) }, 'the id is not a UUID').id;
}

function parseOr400<T extends z.ZodType>(schema: T, raw: unknown, message: string): z.infer<T> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new ApiError(400, 'validation_error', message, issuesText(parsed.error));
}
