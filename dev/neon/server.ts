/**
 * Neon's SQL over HTTP (`POST /sql`) on a loopback address, in front of any {@link SqlEngine}.
 *
 * It answers what Neon's proxy answers to the official driver, so that `@neondatabase/serverless` and
 * `drizzle-orm/neon-http` run unchanged with nothing but `neonConfig.fetchEndpoint` pointed here.
 *
 * `GET /_stats` isn't Neon's: it counts what reached the database, so that tests can show that
 * idling costs nothing.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { closeWithin, listenOnLoopback } from '../loopback.ts';
import { parseConnectionString, verifyCredentials } from './credentials.ts';
import { isCopyStream, type SqlEngine, SqlError } from './engine.ts';
import { RequestError } from './errors.ts';
import { parseHeaders, parsePayload, type RequestedStatement, readBody } from './request.ts';
import { batchToJson, errorResponse, resultToJson } from './response.ts';

export const MAX_RESPONSE_BYTES = 10 * 1024 * 1024;
/** Longer than HTTP clients keep a connection, so that none sends a request on one that is being closed. */
const keepAliveTimeoutMs = 120_000;
/** How long requests under way may go on when the server closes. */
const closeGraceMs = 2_000;

export interface NeonServerStats {
  /** Requests to `/sql`, refused ones too. */
  requests: number;
  /** Transactions begun: one a batch, and one a single statement. */
  transactions: number;
  /** Statements handed to the database. */
  statements: number;
  /** Bytes of request and response bodies of `/sql`. */
  bytesIn: number;
  bytesOut: number;
}

/** What Neon lets a client do; they may change while the server runs. */
export interface NeonLimits {
  /**
   * An answer beyond it is a 507, after the statement has run (compared as the wrong password is, see
   * `credentials.ts`: `ResponseTooLarge`). Default: 10 MiB, which is the proxy's own.
   */
  maxResponseBytes: number;
  /**
   * No database may grow beyond its plan: null, or the bytes after which whatever writes is refused with
   * Postgres' 53100. Code of others that looks for it knows this code and "project size limit"; no document
   * of Neon's was found that gives the words (28 November 2026). Default: null.
   */
  maxStorageBytes: number | null;
}

export interface NeonServerOptions {
  readonly engine: SqlEngine;
  readonly limits?: Readonly<NeonLimits> | undefined;
  /** 0 or absent: a free one. */
  readonly port?: number | undefined;
  /** Told of failures that aren't the caller's fault. */
  readonly log: (line: string) => void;
}

export interface NeonServer {
  /** What `neonConfig.fetchEndpoint` is set to. */
  readonly fetchEndpoint: string;
  readonly stats: Readonly<NeonServerStats>;
  /** Stops accepting, lets requests under way finish for a moment, and closes. Leaves the engine open. */
  close(): Promise<void>;
}

/**
 * Starts the server on 127.0.0.1.
 * @throws the listen error, when the port is taken.
 */
export async function startNeonServer(options: NeonServerOptions): Promise<NeonServer> {
  const stats: NeonServerStats = { requests: 0, transactions: 0, statements: 0, bytesIn: 0, bytesOut: 0 };
  const limits = options.limits ?? { maxResponseBytes: MAX_RESPONSE_BYTES, maxStorageBytes: null };
  const handler = new SqlHandler(options.engine, stats, limits, options.log);
  const server = createServer({ keepAliveTimeout: keepAliveTimeoutMs }, (request, response) => {
    void handler.handle(request, response);
  });
  const port = await listenOnLoopback(server, options.port);
  return {
    fetchEndpoint: `http://127.0.0.1:${port}/sql`,
    stats,
    close: () => closeWithin(server, closeGraceMs),
  };
}

class SqlHandler {
  readonly #expected;

  constructor(
    private readonly engine: SqlEngine,
    private readonly stats: NeonServerStats,
    private readonly limits: Readonly<NeonLimits>,
    private readonly log: (line: string) => void,
  ) {
    this.#expected = parseConnectionString(engine.databaseUrl);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const path = request.url?.split('?', 1)[0];
      if (path === '/sql') await this.#sql(request, response);
      else if (path === '/_stats') send(response, 200, JSON.stringify(this.stats));
      else throw new RequestError(404, 'not found');
    } catch (error) {
      const { status, body } = errorResponse(error);
      if (status >= 500) this.log(`neon: ${status}: ${inspect(error)}`);
      this.stats.bytesOut += send(response, status, body);
    }
  }

  async #sql(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.stats.requests += 1;
    if (request.method !== 'POST') throw new RequestError(405, 'method not allowed');
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const { connectionString, transaction, rawText, arrayMode } = parseHeaders(request.headers);
    verifyCredentials(parseConnectionString(connectionString), this.#expected);
    const body = await readBody(request);
    this.stats.bytesIn += body.length;
    const payload = parsePayload(body);
    const mode = (statement: RequestedStatement) => ({
      rawText,
      arrayMode: statement.arrayMode ?? arrayMode,
    });
    const statements = payload.kind === 'batch' ? payload.statements : [payload.statement];
    if (statements.some(({ text }) => isCopyStream(text))) {
      throw new SqlError('COPY from stdin or to stdout is not supported over HTTP', {
        severity: 'ERROR',
        code: '0A000',
      });
    }
    await this.#checkStorage(statements);
    this.stats.transactions += 1;
    this.stats.statements += statements.length;

    if (payload.kind === 'single') {
      const result = await this.engine.query(payload.statement, gone.signal);
      this.#sendResult(response, resultToJson(result, mode(payload.statement)));
      return;
    }
    for (const name of batchHeaders) {
      const value = request.headers[name];
      if (value !== undefined && value !== 'false') response.setHeader(name, value);
    }
    const results = await this.engine.transaction(payload.statements, transaction, gone.signal);
    const texts = payload.statements.map((statement, index) => {
      const result = results[index];
      if (result === undefined) throw new Error('the engine gave fewer results than statements');
      return resultToJson(result, mode(statement));
    });
    this.#sendResult(response, batchToJson(texts));
  }

  #sendResult(response: ServerResponse, text: string): void {
    const { maxResponseBytes } = this.limits;
    if (Buffer.byteLength(text) > maxResponseBytes) {
      throw new RequestError(507, `response is too large (max is ${maxResponseBytes} bytes)`);
    }
    this.stats.bytesOut += send(response, 200, text);
  }

  /** @throws {SqlError} 53100 when something is to be written, and there is no room. */
  async #checkStorage(statements: readonly RequestedStatement[]): Promise<void> {
    const { maxStorageBytes } = this.limits;
    if (maxStorageBytes === null || !statements.some(({ text }) => WRITES.test(text))) return;
    const size = { text: 'select pg_database_size(current_database())', params: [] };
    const { rows } = await this.engine.query(size, AbortSignal.timeout(SIZE_TIMEOUT_MS));
    if (Number(rows[0]?.[0]) <= maxStorageBytes) return;
    const megabytes = Math.floor(maxStorageBytes / 1024 ** 2);
    throw new SqlError(
      `could not extend file because project size limit (${megabytes} MB) has been exceeded`,
      { severity: 'ERROR', code: '53100' },
    );
  }
}

/** Statements that may need room. */
const WRITES = /\b(insert|update|copy|create)\b/i;
const SIZE_TIMEOUT_MS = 5_000;

/** Sent back as they came where they turn something on, as the proxy does. */
const batchHeaders = ['neon-batch-isolation-level', 'neon-batch-read-only', 'neon-batch-deferrable'] as const;

/** Sends a whole JSON response; returns the bytes of its body. */
function send(response: ServerResponse, status: number, text: string): number {
  const body = Buffer.from(text);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
  return body.length;
}
