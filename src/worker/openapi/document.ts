/** The API's OpenAPI document, made from the routes' definitions. */
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import type { Access, Route } from '../../protocol/http/route.ts';
import { errorReply } from '../../protocol/http/shared.ts';

const SECURITY: Record<Access, Record<string, never[]>[]> = {
  user: [{ user: [] }],
  session: [{ user: [] }, { session: [] }],
  // An empty requirement says that a token may be left out.
  optional: [{ user: [] }, { session: [] }, {}],
  public: [],
  knock: [{ knock: [] }],
  refresh: [{ refresh: [] }],
  watch: [{ metrics: [] }, { flush: [] }],
  flush: [{ flush: [] }],
};

const ERRORS: Record<number, string> = {
  400: 'Malformed: a parameter or the body does not fit its schema',
  401: 'No token, or one that is not valid',
  403: 'The caller may not do this',
  404: 'There is no such thing, or not for this caller',
  409: 'In conflict with what is there',
  410: 'The session has ended',
  429: 'Too many requests; `Retry-After` says when to try again',
  503: 'A store or the room is out of reach; trying again is harmless',
};

/** What a kind of route may refuse with. */
const COMMON: Record<Access, readonly number[]> = {
  user: [400, 401, 403, 503],
  session: [400, 401, 403, 404, 503],
  optional: [400, 401, 503],
  public: [400, 503],
  knock: [400, 401, 503],
  refresh: [400, 401, 503],
  watch: [400, 401, 429, 503],
  flush: [400, 401, 429, 503],
};

const refusal = { content: { 'application/json': { schema: errorReply } } };

function responsesOf({ access, status, reply, errors = [] }: Route): ZodOpenApiResponsesObject {
  const type = reply.type === 'string' ? 'text/plain' : 'application/json';
  const refusals = [...new Set([...COMMON[access], ...errors])].sort();
  const success =
    status === 302
      ? { description: 'Leads on', headers: { Location: { schema: { type: 'string' as const } } } }
      : { description: 'Done', content: { [type]: { schema: reply } } };
  return {
    [`${status ?? 200}`]: success,
    ...Object.fromEntries(
      refusals.map((code) => [`${code}`, { description: ERRORS[code] ?? 'Refused', ...refusal }]),
    ),
  };
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { tag, summary, access, params, query, body } = route;
  return {
    tags: [tag],
    summary,
    security: SECURITY[access],
    requestParams: { ...(params && { path: params }), ...(query && { query }) },
    ...(body && { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: responsesOf(route),
  };
}

/** Makes the document: OpenAPI 3.1. */
export function makeDocument(routes: readonly Route[]) {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Backbeat',
      version: '1',
      description:
        'Live collaborative coding sessions. Rooms are WebSockets, at `/api/v1/ws` and `/parties/main/{session_id}` of the rooms; ' +
        'this is everything else. Errors are `{ error, message, details? }`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    components: {
      securitySchemes: {
        user: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: "A user's own token" },
        session: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A session token, as making or joining a session returns it; for that session only',
        },
        knock: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'The token of a knock, for asking for its answer',
        },
        refresh: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Secure-backbeat_refresh',
          description: 'What signing in leaves in the browser; on plain HTTP it has another name',
        },
        metrics: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN' },
        flush: { type: 'http', scheme: 'bearer', description: 'FLUSH_SECRET' },
      },
    },
    paths,
  });
}
