/**
 * An HTTP proxy between the code and the stores' fronts, through which a fault sees each request and decides
 * what becomes of it: passed on, held, answered falsely, cut before it arrives or after it took effect.
 *
 * Its paths are those that `BACKBEAT_PROXY` makes: `/worker/<host:port>/…`.
 */
import { createHash } from 'node:crypto';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import { z } from 'zod';
import { listenOnLoopback } from '../../dev/loopback.ts';
import type { ScriptName } from '../../src/redis/client.ts';
import { scripts } from '../../src/redis/scripts.generated.ts';

export interface ProxiedRequest {
  store: 'redis' | 'neon';
  /**
   * The buffer's scripts that it runs (the client sends several at once), or `write` for the statement
   * that writes sessions.
   */
  does: ReadonlySet<Deed>;
  /** Whether a text, such as a session's id, is in it. */
  mentions(text: string): boolean;
}

export type Deed = ScriptName | 'write';

export interface Answer {
  status: number;
  body: Buffer;
  /** Send only so many bytes of the body, then cut the connection. */
  truncatedAt?: number;
}

/** The connection to the caller is cut without an answer. */
export const CUT = 'cut';

/**
 * What a fault does with a request.
 * @param forward passes it on; resolves with the store's answer, and rejects when the store is out of reach.
 */
export type Rule = (
  request: ProxiedRequest,
  forward: () => Promise<Answer>,
) => Promise<Answer | typeof CUT> | null;

const PATH = /^\/worker\/([^/]+)(\/.*)?$/;
/** Name, script, and the rest: keys and arguments. */
const evalSchema = z.tuple([z.string(), z.string()]).rest(z.unknown());
const bodySchema = z.union([evalSchema.transform((command) => [command]), z.array(evalSchema)]);

const scriptNames = new Map<string, ScriptName>();
for (const name of Object.keys(scripts) as ScriptName[]) {
  scriptNames.set(createHash('sha1').update(scripts[name]).digest('hex'), name);
  scriptNames.set(scripts[name], name);
}

export class FaultProxy {
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #rules = new Set<Rule>();
  /** Requests that a rule has touched. */
  touched = 0;
  /** Requests under way; one that its caller has given up may arrive yet. */
  pending = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.pending += 1;
      this.#handle(request, response)
        .catch(() => response.destroy())
        .finally(() => {
          this.pending -= 1;
        });
    });
    // Longer than any caller keeps one, so that none loses a request to a closing connection: that isn't
    // a fault of this run.
    this.#server.keepAliveTimeout = 120_000;
  }

  async listen(): Promise<string> {
    return `http://127.0.0.1:${await listenOnLoopback(this.#server)}`;
  }

  /**
   * From now on asks `rule` about each request; it answers null for those it leaves alone.
   * Returns what ends it.
   */
  add(rule: Rule): () => void {
    this.#rules.add(rule);
    return () => {
      this.#rules.delete(rule);
    };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, host, path = '/'] = PATH.exec(request.url ?? '') ?? [];
    if (host === undefined) {
      response.writeHead(404).end();
      return;
    }
    const body = await readAll(request);
    const store = path.startsWith('/sql') ? 'neon' : 'redis';
    const forward = () => this.#forward(host, path, request.method ?? 'POST', request.headers, body);
    const does = new Set(store === 'neon' ? statementOf(body) : scriptsOf(body));
    let answer: Answer | typeof CUT | null = null;
    for (const rule of this.#rules) {
      const ruled = rule({ store, does, mentions: (text) => body.includes(text) }, forward);
      if (ruled === null) continue;
      this.touched += 1;
      answer = await ruled.catch((): typeof CUT => CUT);
      break;
    }
    answer ??= await forward().catch((): typeof CUT => CUT);
    if (answer === CUT) {
      response.destroy();
      return;
    }
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'content-length': answer.body.length,
    });
    if (answer.truncatedAt === undefined) response.end(answer.body);
    else response.write(answer.body.subarray(0, answer.truncatedAt), () => response.destroy());
  }

  #forward(
    host: string,
    path: string,
    method: string,
    headers: IncomingHttpHeaders,
    body: Buffer,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = openRequest(
        `http://${host}${path}`,
        {
          method,
          headers: { ...endToEnd(headers), host, 'content-length': body.length },
          agent: this.#agent,
        },
        (incoming) => {
          readAll(incoming).then(
            (text) => resolve({ status: incoming.statusCode ?? 502, body: text }),
            reject,
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}

/** Without the headers that speak of one connection only. */
function endToEnd({
  connection: _connection,
  'transfer-encoding': _encoding,
  ...headers
}: IncomingHttpHeaders) {
  return headers;
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function statementOf(body: Buffer): Deed[] {
  return body.includes('insert into session_messages') ? ['write'] : [];
}

function scriptsOf(body: Buffer): Deed[] {
  let raw: unknown;
  try {
    raw = JSON.parse(body.toString());
  } catch {
    return [];
  }
  const commands = bodySchema.safeParse(raw);
  if (!commands.success) return [];
  return commands.data.flatMap(([name, script]) =>
    /^eval(sha)?$/i.test(name) ? (scriptNames.get(script) ?? []) : [],
  );
}
