/** The API's OpenAPI document, made from the operations' schemas. */
import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { replies } from '../replies.ts';
import { type Access, OPERATIONS, type Operation } from './operations.ts';

const SECURITY: Record<Access, Record<string, never[]>[]> = {
  user: [{ user: [] }],
  session: [{ user: [] }, { session: [] }],
  // An empty requirement says that a token may be left out.
  optional: [{ user: [] }, { session: [] }, {}],
  public: [],
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
  user: [400, 401, 503],
  session: [400, 401, 403, 404, 503],
  optional: [400, 401, 503],
  public: [400, 503],
  flush: [400, 401, 503],
};

const errorReply = { content: { 'application/json': { schema: replies.error } } };

function responsesOf({
  access,
  reply: [status, schema],
  errors = [],
  path,
}: Operation): ZodOpenApiResponsesObject {
  const type = path === '/metrics' ? 'text/plain' : 'application/json';
  const refusals = [...new Set([...COMMON[access], ...errors])].sort();
  return {
    [`${status as 200}`]: {
      description: 'Done',
      ...(schema === null ? {} : { content: { [type]: { schema } } }),
    },
    ...Object.fromEntries(
      refusals.map((code) => [`${code}`, { description: ERRORS[code] ?? 'Refused', ...errorReply }]),
    ),
  };
}

function operationOf(operation: Operation): ZodOpenApiOperationObject {
  const { tag, summary, access, query, body, path } = operation;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return {
    tags: [tag],
    summary,
    security: SECURITY[access],
    requestParams: {
      ...(names.length === 0
        ? {}
        : { path: z.object(Object.fromEntries(names.map((name) => [name, pathParameter(name)]))) }),
      ...(query === undefined ? {} : { query }),
    },
    ...(body === undefined ? {} : { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: responsesOf(operation),
  };
}

function pathParameter(name: string) {
  return name === 'letter_id' ? z.string() : z.uuid();
}

/** Makes the document: OpenAPI 3.1. */
export function makeDocument() {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationOf(operation) };
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
    tags: [...new Set(OPERATIONS.map(({ tag }) => tag))].map((name) => ({ name })),
    components: {
      securitySchemes: {
        user: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: "A user's own token" },
        session: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A session token, as making or joining a session returns it; for that session only',
        },
        flush: { type: 'http', scheme: 'bearer', description: 'FLUSH_SECRET' },
      },
    },
    paths: paths as ZodOpenApiPathsObject,
  });
}
