/**
 * A loopback server that speaks Upstash's Redis REST API in front of an engine, for development,
 * tests and benchmarks.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { closeWithin, listenOnLoopback } from '../loopback.ts';
import {
  type CommandArgs,
  EngineUnavailableError,
  type RedisEngine,
  RedisError,
  type Reply,
} from './engine.ts';
import { KeyLockingScripts } from './key-locking.ts';
import { refusal } from './refused.ts';
import { encodeError, encodeOutcome } from './replies.ts';
import { MalformedRequestError, parseCommand, parseCommands, parsePath } from './requests.ts';

const DEFAULT_MAX_REQUEST_BYTES = 10 * 1024 * 1024;
/**
 * How much of an oversized body is read and thrown away, so that the caller gets to read the
 * answer instead of a reset.
 */
const MAX_DRAINED_BYTES = 64 * 1024 * 1024;
const METHODS = new Set(['HEAD', 'GET', 'POST', 'PUT']);
const EMPTY = Buffer.alloc(0);
const CLOSE_GRACE_MS = 2_000;
const WRONG_TOKEN =
  'WRONGPASS invalid or missing auth token. See https://upstash.com/docs/redis/troubleshooting/http_unauthorized for details';

/** Counters since the server started. */
export interface UpstashStats {
  /** Authorized or not, without those to `/_stats`. */
  requests: number;
  /**
   * As they are billed: one a command, a script being one command whatever it calls.
   * Refused ones don't count.
   */
  commands: number;
  /** Request bodies read. */
  bytesIn: number;
  /** Response bodies written. */
  bytesOut: number;
  /** The largest of each so far. */
  largestIn: number;
  largestOut: number;
}

export interface UpstashServerOptions {
  engine: RedisEngine;
  /** What callers send as a bearer token, or as `?_token=`. */
  token: string;
  /**
   * Larger bodies are refused with 413, and so are larger answers, of which Upstash says the same
   * (https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded, on 28 November 2026). Default:
   * 10 MiB.
   */
  maxRequestBytes?: number;
  /** Every script may use only the keys that it was given, as if it said so. */
  checksAllKeys?: boolean;
}

export interface UpstashServer {
  readonly http: Server;
  readonly stats: Readonly<UpstashStats>;
  /** From now on the largest request and answer are those to come. */
  forgetLargest(): void;
  /**
   * Binds to 127.0.0.1.
   * @param port 0 takes a free one.
   * @returns the base URL, such as `http://127.0.0.1:8079`.
   */
  listen(port: number): Promise<string>;
  /**
   * Stops accepting, lets requests in flight finish for up to 2 s, then resolves. The engine is
   * the caller's to close.
   */
  close(): Promise<void>;
}

interface Answer {
  status: number;
  body: string;
}

/**
 * Builds the server; nothing listens yet.
 *
 * It answers as https://upstash.com/docs/redis/features/restapi describes: `POST /` with a command in
 * JSON, the path form, `/pipeline`, `/multi-exec`, base64 results on request, error bodies with the status
 * codes documented there; and 503 when the engine is out of reach. Not offered: RESP2 responses, event
 * streams, read-only tokens.
 *
 * `GET /_stats` is an extension of this server: its counters as JSON, without authorization.
 */
export function createUpstashServer(options: UpstashServerOptions): UpstashServer {
  const { engine, token, maxRequestBytes = DEFAULT_MAX_REQUEST_BYTES } = options;
  const bearer = `Bearer ${token}`;
  const stats: UpstashStats = {
    requests: 0,
    commands: 0,
    bytesIn: 0,
    bytesOut: 0,
    largestIn: 0,
    largestOut: 0,
  };
  const scripts = new KeyLockingScripts(options.checksAllKeys);
  let closing = false;

  function isAuthorized(request: IncomingMessage, query: string): boolean {
    const header = request.headers.authorization;
    if (header !== undefined) return header === bearer;
    return query !== '' && new URLSearchParams(query).get('_token') === token;
  }

  /** Refusals become error replies, so that in a pipeline they stand in their command's place. */
  async function run(args: CommandArgs): Promise<Reply> {
    const reason = refusal(String(args[0]), args.slice(1));
    if (reason !== null) return new RedisError(reason);
    stats.commands += 1;
    return scripts.toCaller(args, await engine.call(scripts.toEngine(args)));
  }

  async function runTransaction(commands: readonly string[][]): Promise<Reply[] | RedisError> {
    for (const [name = '', ...args] of commands) {
      const reason = refusal(name, args);
      if (reason !== null) return new RedisError(`EXECABORT Transaction discarded because of: ${reason}`);
    }
    stats.commands += commands.length;
    const replies = await engine.multi(commands.map((args) => scripts.toEngine(args)));
    if (replies instanceof RedisError) return replies;
    return replies.map((reply, index) => scripts.toCaller(commands[index] ?? [], reply));
  }

  async function answer(
    request: IncomingMessage,
    path: string,
    query: string,
    body: Buffer,
  ): Promise<Answer> {
    const encoding = request.headers['upstash-encoding'];
    const base64 = encoding === 'base64';
    if (encoding !== undefined && !base64)
      return { status: 400, body: encodeError(`ERR unsupported encoding '${encoding}'`) };
    const format = request.headers['upstash-response-format'];
    if (format !== undefined && format !== 'json') {
      return { status: 400, body: encodeError(`ERR unsupported response format '${format}'`) };
    }
    const many = (replies: Reply[]) => ({
      status: 200,
      body: `[${replies.map((reply) => encodeOutcome(reply, base64)).join(',')}]`,
    });
    const one = (reply: Reply) => ({
      status: reply instanceof RedisError ? 400 : 200,
      body: encodeOutcome(reply, base64),
    });
    if (path === '/pipeline') return many(await Promise.all(parseCommands(body, 'pipeline').map(run)));
    if (path === '/multi-exec') {
      const replies = await runTransaction(parseCommands(body, 'transaction'));
      return replies instanceof RedisError ? one(replies) : many(replies);
    }
    if (path === '/' && (request.method === 'POST' || request.method === 'PUT'))
      return one(await run(parseCommand(body)));
    return one(await run(parsePath(path, query, body)));
  }

  function respond(response: ServerResponse, answered: Answer): void {
    const bytes = Buffer.byteLength(answered.body);
    const { status, body } = bytes > maxRequestBytes ? tooLarge(bytes) : answered;
    const length = Buffer.byteLength(body);
    stats.bytesOut += length;
    stats.largestOut = Math.max(stats.largestOut, length);
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': length,
      // The client sends it back so that a replica behind its writes isn't read from. There are no replicas
      // here; it only has to be there.
      'upstash-sync-token': stats.commands.toString(36),
      // A connection kept alive would outlive the listening socket and hold the process.
      ...(closing ? { connection: 'close' } : {}),
    });
    response.end(body);
  }

  function respondToFailure(response: ServerResponse, error: unknown): void {
    if (error instanceof MalformedRequestError) {
      respond(response, { status: 400, body: encodeError(error.message) });
    } else if (error instanceof EngineUnavailableError) {
      respond(response, { status: 503, body: encodeError(`ERR upstream unavailable: ${error.message}`) });
    } else {
      console.error('[upstash] unexpected', error);
      respond(response, { status: 500, body: encodeError('ERR internal error') });
    }
  }

  function tooLarge(actualBytes: number): Answer {
    const detail = `Limit: ${maxRequestBytes} bytes, Actual: ${actualBytes} bytes`;
    const link = 'https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded';
    return {
      status: 413,
      body: encodeError(`ERR max request size exceeded. ${detail}. See ${link} for details`),
    };
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    const path = mark === -1 ? url : url.slice(0, mark);
    const query = mark === -1 ? '' : url.slice(mark + 1);

    let chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxRequestBytes) chunks.push(chunk);
      else chunks = [];
      if (bytes > MAX_DRAINED_BYTES) request.destroy();
    });
    // A caller that goes away in the middle of its body was never heard; nothing is run for it.
    request.on('error', () => {});
    request.on('end', () => {
      if (path === '/_stats' && request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(stats));
        return;
      }
      stats.requests += 1;
      stats.bytesIn += bytes;
      stats.largestIn = Math.max(stats.largestIn, bytes);
      if (!METHODS.has(request.method ?? '')) {
        respond(response, { status: 405, body: encodeError('ERR method not allowed') });
      } else if (!isAuthorized(request, query)) {
        respond(response, { status: 401, body: encodeError(WRONG_TOKEN) });
      } else if (bytes > maxRequestBytes) {
        respond(response, tooLarge(bytes));
      } else {
        const body = chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks);
        answer(request, path, query, body).then(
          (answered) => respond(response, answered),
          (error: unknown) => respondToFailure(response, error),
        );
      }
    });
  }

  const http = createServer({ noDelay: true }, handle);
  // Longer than clients keep an idle connection, so that it is they who close it and never lose a request
  // to a closing socket.
  http.keepAliveTimeout = 75_000;

  return {
    http,
    stats,
    forgetLargest() {
      stats.largestIn = 0;
      stats.largestOut = 0;
    },
    listen: async (port) => `http://127.0.0.1:${await listenOnLoopback(http, port)}`,
    close() {
      closing = true;
      return closeWithin(http, CLOSE_GRACE_MS);
    },
  };
}
