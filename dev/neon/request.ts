/** Reads one `POST /sql` request: its headers and its body. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { IsolationLevel, SqlStatement, TransactionOptions } from './engine.ts';
import { ConnectionStringError, RequestError } from './errors.ts';
import { jsonValue, toPgText } from './params.ts';

/** As large as Neon's own limit; https://neon.com/docs/serverless/serverless-driver names it. */
export const maxBodyBytes = 64 * 1024 * 1024;

/** The protocol counts parameters in 16 bits. */
const maxParams = 65_535;

export interface OutputMode {
  /** Values as Postgres' text (the driver parses them itself), not as JSON types. */
  readonly rawText: boolean;
  /** Rows as arrays, not as objects. */
  readonly arrayMode: boolean;
}

export interface Request {
  readonly connectionString: string;
  readonly rawText: boolean;
  readonly arrayMode: boolean;
  readonly transaction: TransactionOptions;
}

/** A statement, and how its rows are wanted where that differs from the request's header. */
export interface RequestedStatement extends SqlStatement {
  readonly arrayMode?: boolean | undefined;
}

export type Payload =
  | { readonly kind: 'single'; readonly statement: RequestedStatement }
  | { readonly kind: 'batch'; readonly statements: readonly RequestedStatement[] };

const isolationLevels: ReadonlyMap<string, IsolationLevel> = new Map([
  ['ReadUncommitted', 'READ UNCOMMITTED'],
  ['ReadCommitted', 'READ COMMITTED'],
  ['RepeatableRead', 'REPEATABLE READ'],
  ['Serializable', 'SERIALIZABLE'],
]);

const statementSchema = z.object({
  query: z.string(),
  params: z.array(jsonValue).default([]),
  arrayMode: z.boolean().nullish(),
});
const payloadSchema = z.union([statementSchema, z.object({ queries: z.array(statementSchema) })]);

/**
 * Reads the headers. A flag counts as set only when it is exactly `true`.
 * @throws {RequestError} 400 when the connection string is missing or the isolation level unknown.
 */
export function parseHeaders(headers: IncomingHttpHeaders): Request {
  const connectionString = single(headers['neon-connection-string']);
  if (connectionString === undefined)
    throw new ConnectionStringError('missing header: neon-connection-string');
  const level = single(headers['neon-batch-isolation-level']);
  const isolationLevel = level === undefined ? undefined : isolationLevels.get(level);
  if (level !== undefined && isolationLevel === undefined)
    throw new RequestError(400, 'invalid isolation level');
  return {
    connectionString,
    rawText: headers['neon-raw-text-output'] === 'true',
    arrayMode: headers['neon-array-mode'] === 'true',
    transaction: {
      isolationLevel,
      readOnly: headers['neon-batch-read-only'] === 'true',
      deferrable: headers['neon-batch-deferrable'] === 'true',
    },
  };
}

/**
 * Collects the body.
 * @throws {RequestError} 413 beyond {@link maxBodyBytes}; the rest is then left to Node, which
 *   drops it as it comes.
 */
export async function readBody(message: IncomingMessage): Promise<Buffer> {
  const tooLarge = () => new RequestError(413, `request is too large (max is ${maxBodyBytes} bytes)`);
  if (Number(message.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) throw new RequestError(400, 'could not read the HTTP request body');
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Parses the body.
 * @throws {RequestError} 400 when it is malformed, or holds text that Postgres' protocol
 *   can't carry unchanged.
 */
export function parsePayload(body: Buffer): Payload {
  const parsed = payloadSchema.safeParse(parseJson(body));
  if (!parsed.success) {
    throw new RequestError(
      400,
      'could not parse the HTTP request body: neither a query nor a list of queries',
    );
  }
  return 'queries' in parsed.data
    ? { kind: 'batch', statements: parsed.data.queries.map(toStatement) }
    : { kind: 'single', statement: toStatement(parsed.data) };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    // The parser's own message quotes the body, which holds people's data.
    throw new RequestError(400, 'could not parse the HTTP request body', { cause });
  }
}

function toStatement({ query, params, arrayMode }: z.infer<typeof statementSchema>): RequestedStatement {
  const texts = params.map(toPgText);
  // UTF-8 has no lone surrogates: encoding would silently put U+FFFD in their place.
  if ([query, ...texts].some((text) => text !== null && /\p{Surrogate}/u.test(text))) {
    throw new RequestError(400, 'could not parse the HTTP request body: lone surrogate in a string');
  }
  // A query's text is a C string on the wire: everything after the NUL would silently be cut off.
  if (query.includes('\0')) throw new RequestError(400, 'string contains embedded null');
  if (texts.length > maxParams) throw new RequestError(400, 'value too large to transmit');
  return { text: query, params: texts, arrayMode: arrayMode ?? undefined };
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
