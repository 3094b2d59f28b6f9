/**
 * The connection to Postgres: SQL over HTTP, one request a statement, nothing kept open between two of them.
 */
import { neon, neonConfig } from '@neondatabase/serverless';
import { drizzle, type NeonHttpDatabase } from 'drizzle-orm/neon-http';

interface NeonOptions {
  /** `postgres://user:password@host/database`. */
  databaseUrl: string;
  /** Where SQL over HTTP is answered, when it isn't at the address Neon derives from the database's host. */
  fetchEndpoint?: string | undefined;
  /** Time limit of one request, its answer's body included, in milliseconds. */
  timeoutMs: number;
  /** Called before each request; what it throws keeps the request from being sent. */
  onRequest?: (() => void) | undefined;
}

export type Database = NeonHttpDatabase<Record<string, never>>;

/**
 * Endpoints by the database's `host:port`: the driver's setting is global, while each connection here has its
 * own.
 */
const endpoints = new Map<string, string>();
const standardEndpoint = neonConfig.fetchEndpoint;

/**
 * Makes a connection. Nothing is sent before the first query.
 * @throws {TypeError} when `databaseUrl` is no URL; the message doesn't repeat it.
 */
export function connectNeon(options: NeonOptions): Database {
  if (options.fetchEndpoint !== undefined) route(options.databaseUrl, options.fetchEndpoint);
  const client = neon(options.databaseUrl, {
    fetchOptions: {
      // The driver spreads these options once into each request, as it sends it: each request gets a timeout
      // of its own and is counted. (The driver's own hook, `neonConfig.fetchFunction`, is one for all
      // connections.)
      get signal() {
        options.onRequest?.();
        return AbortSignal.timeout(options.timeoutMs);
      },
    },
  });
  return drizzle(client);
}

function route(databaseUrl: string, endpoint: string): void {
  const { hostname, port } = asHttpUrl(databaseUrl);
  endpoints.set(`${hostname}:${port}`, endpoint);
  neonConfig.fetchEndpoint = (host, hostPort, options) =>
    endpoints.get(`${host}:${hostPort}`) ??
    (typeof standardEndpoint === 'function' ? standardEndpoint(host, hostPort, options) : standardEndpoint);
}

/** Parsed as the driver parses it: under `http:`, since URL keeps no port rules for `postgres:`. */
function asHttpUrl(databaseUrl: string): URL {
  const url = databaseUrl.replace(/^postgres(ql)?:/, 'http:');
  if (!URL.canParse(url)) throw new TypeError('the database URL is not a URL');
  return new URL(url);
}
