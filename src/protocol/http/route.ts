/**
 * What one route of the HTTP API is: the Worker serves it, the API's document describes it, and clients call
 * it, all from the same definition.
 */
import type * as z from 'zod';

/**
 * Who may call: `user`: a user's JWT; `session`: that, or a session token; `optional`: either, or no token;
 * `public`: no token at all; `knock`: the token of a knock; `refresh`: the cookie of a signed-in browser;
 * `watch`: the metrics' token, or the flush secret; `flush`: the flush secret.
 */
export type Access = 'user' | 'session' | 'optional' | 'public' | 'knock' | 'refresh' | 'watch' | 'flush';

export interface Route {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As in OpenAPI: `/api/v1/sessions/{id}`. */
  path: string;
  tag: string;
  summary: string;
  access: Access;
  /** The variable parts of the path. */
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** JSON; a request without a body counts as `{}`. */
  body?: z.ZodType<object>;
  /** Of success; 200 unless it says otherwise. 302 leads on, and has no body. */
  status?: 201 | 302;
  /** The body of success: JSON, or plain text if it is a string. */
  reply: z.ZodType;
  /** Statuses of its refusals, besides those that all routes with its access have. */
  errors?: readonly number[];
}

/** One route's definition, with the types of its schemas. */
export function route<const R extends Route>(definition: R): R {
  return definition;
}

type Part = 'params' | 'query' | 'body';

/** What a handler is given of one part of the request; undefined where the route has no such part. */
export type Parsed<R extends Route, P extends Part> = R[P] extends z.ZodType ? z.output<R[P]> : undefined;

type Sent<R extends Route, P extends Part> = R[P] extends z.ZodType
  ? Record<never, never> extends z.input<R[P]>
    ? { [Name in P]?: z.input<R[P]> }
    : { [Name in P]: z.input<R[P]> }
  : unknown;

/** What a caller sends. */
export type RouteInput<R extends Route> = Sent<R, 'params'> & Sent<R, 'query'> & Sent<R, 'body'>;

/** What a caller gets when it succeeds. */
export type RouteReply<R extends Route> = z.output<R['reply']>;
