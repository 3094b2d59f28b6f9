/** The environments of the parts. */
import { ConfigError, configSchema, parseConfig } from '../src/config.ts';
import { StackError } from './errors.ts';
import type { Secrets } from './secrets.ts';

/** Where the stack's own services are. */
export interface ServiceUrls {
  redisRest: string;
  /** `postgres://…`, for any client. */
  database: string;
  /** SQL over HTTP. */
  neonFetchEndpoint: string;
  /** Of the provider that signs in as anybody; null: there is none. */
  signInIssuer: string | null;
  /** See BACKBEAT_PROXY. */
  proxy: string | null;
}

/** On a developer's own machine there are no strangers: everything comes from one network. */
export const LOCAL_LIMITS = {
  ANONYMOUS_SESSIONS_PER_HOUR: '1000000',
  ANONYMOUS_SESSIONS_PER_DAY: '100000000',
  ANONYMOUS_ENTRIES_PER_HOUR: '1000000',
  ANONYMOUS_ENTRIES_PER_DAY: '100000000',
  ANONYMOUS_KNOCKS_PER_HOUR: '1000000',
  ANONYMOUS_KNOCKS_PER_DAY: '100000000',
  ANONYMOUS_COMMITS_PER_NETWORK: '1000000000',
  ANONYMOUS_COMMITS_PER_DAY: '1000000000',
  AI_REQUESTS_PER_DAY: '100000000',
  AI_ANONYMOUS_REQUESTS_PER_DAY: '100000000',
};

/** A developer's shell may name production's stores here; the local stack never reads them. */
const OWN = new Set([
  'UPSTASH_REDIS_REST_URL',
  'UPSTASH_REDIS_REST_TOKEN',
  'DATABASE_URL',
  'NEON_FETCH_ENDPOINT',
  'JWT_SECRET',
  'FLUSH_SECRET',
  'LOCAL_SIGN_IN_ISSUER',
]);

/** What a part gets of our own environment: where programs and temporary files are, and no credentials. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'LANG', 'LC_ALL', 'TZ', 'SystemRoot'];

/** The base of every part's environment. */
export function inheritedEnvironment(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    INHERITED.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}

export interface Variables {
  worker: Record<string, string>;
  keyPrefix: string;
}

/**
 * The Worker's variables: the stack's own, and whatever else its schema knows and `env` gives.
 * @throws {StackError} naming each malformed one.
 */
export function makeVariables(
  urls: ServiceUrls,
  secrets: Secrets,
  env: Record<string, string | undefined>,
): Variables {
  const worker = {
    ...LOCAL_LIMITS,
    ...tuning(configSchema.shape, env),
    UPSTASH_REDIS_REST_URL: through(urls.proxy, urls.redisRest),
    UPSTASH_REDIS_REST_TOKEN: secrets.redisToken,
    DATABASE_URL: urls.database,
    NEON_FETCH_ENDPOINT: through(urls.proxy, urls.neonFetchEndpoint),
    JWT_SECRET: secrets.jwtSecret,
    FLUSH_SECRET: secrets.flushSecret,
    ...(urls.signInIssuer === null ? {} : { LOCAL_SIGN_IN_ISSUER: urls.signInIssuer }),
  };
  try {
    return { worker, keyPrefix: parseConfig(configSchema, worker).KEY_PREFIX };
  } catch (error) {
    if (error instanceof ConfigError) throw new StackError(error.message);
    throw error;
  }
}

/**
 * Checks what `env` gives for tuning before anything is started.
 * @throws {StackError} naming each malformed variable.
 */
export function checkTuning(secrets: Secrets, env: Record<string, string | undefined>): void {
  const anywhere = 'http://127.0.0.1:1';
  const database = 'postgres://127.0.0.1:1/any';
  makeVariables(
    {
      redisRest: anywhere,
      database,
      neonFetchEndpoint: anywhere,
      signInIssuer: null,
      proxy: null,
    },
    secrets,
    env,
  );
}

/** A service's address by way of the proxy, which learns from the path where a request goes. */
function through(proxy: string | null, service: string): string {
  if (proxy === null) return service;
  const { host, pathname } = new URL(service);
  return `${proxy.replace(/\/$/, '')}/worker/${host}${pathname.replace(/\/$/, '')}`;
}

function tuning(
  shape: Record<string, unknown>,
  env: Record<string, string | undefined>,
): Record<string, string> {
  return Object.fromEntries(
    Object.keys(shape).flatMap((name) => (env[name] && !OWN.has(name) ? [[name, env[name]]] : [])),
  );
}
