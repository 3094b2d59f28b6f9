/** The configuration, parsed once from the environment. */
import { z } from 'zod';
import {
  AI_PROVIDERS,
  MAX_CONNECTIONS_PER_ADDRESS,
  MAX_CONNECTIONS_PER_USER,
  MAX_WATCHERS_PER_ADDRESS,
} from './protocol/index.ts';

const integer = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

/** Where secrets are sent or keys come from: what is sent in the clear, others on the way read and change. */
const httpUrl = z
  .url({ protocol: /^https?$/, abort: true })
  .refine((url) => isPrivate(new URL(url)), 'must begin with https://, unless it is on this machine');

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
/** Whether a host is this machine. */
export const isLoopback = (hostname: string): boolean => LOOPBACK.test(hostname);
const isPrivate = ({ protocol, hostname }: URL): boolean => protocol === 'https:' || LOOPBACK.test(hostname);

const secret = z.string().min(16, 'must have at least 16 characters');
/** Travels as a bearer token, which has an alphabet of its own (RFC 6750). */
const bearerSecret = secret.regex(/^[\w.~+/-]+=*$/, 'may have letters, digits and -._~+/ only, then =');

/** What it takes to reach the stores. */
export const storageSchema = z.object({
  /** Upstash Redis REST endpoint and token. */
  UPSTASH_REDIS_REST_URL: httpUrl,
  UPSTASH_REDIS_REST_TOKEN: z.string().min(1),
  /** Neon connection string. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** Where SQL over HTTP is answered, when it isn't the database's own host (the local stack). */
  NEON_FETCH_ENDPOINT: httpUrl.optional(),
  /** Prefix of every Redis key; a preview has its own. */
  KEY_PREFIX: z.string().min(1).max(64).default('bb:'),
  /** How long a clean session stays readable in Redis, in seconds. */
  CLEAN_TTL_S: integer(24 * 3600, 1, 30 * 24 * 3600),
  /** Time limits of one request to a store, in milliseconds. */
  REDIS_TIMEOUT_MS: integer(2_000, 50, 60_000),
  POSTGRES_TIMEOUT_MS: integer(15_000, 50, 120_000),
});

/** What people without an account may do; each includes those before it. */
export const ANONYMOUS_ACCESS = ['off', 'join', 'create'] as const;
export type AnonymousAccess = (typeof ANONYMOUS_ACCESS)[number];

/** The value of `JWT_AUDIENCE` that takes tokens for any audience. */
export const ANY_AUDIENCE = '*';

const origins = z
  .string()
  .default('')
  .transform((list) => list.split(',').flatMap((origin) => origin.trim() || []));

/** One printable word: a line break or a blank at its end, left by a shell, would be refused as a header. */
const apiKey = z.string().regex(/^[\x21-\x7e]+$/, 'must be printable and without blanks');

export const accessSchema = z.object({
  JWT_SECRET: secret,
  /** The one before, while it is being changed: tokens that it has signed are good until it is taken away. */
  JWT_SECRET_PREVIOUS: secret.optional(),
  FLUSH_SECRET: bearerSecret,
  /** Opens `/metrics` and the whole of `/health`, and nothing else; `FLUSH_SECRET` does, too. */
  METRICS_TOKEN: bearerSecret.optional(),
  /**
   * Where an identity provider publishes its keys; users' tokens are then checked by those instead of
   * `JWT_SECRET`.
   */
  JWKS_URL: httpUrl.optional(),
  /** The issuer that users' tokens must name, when set. */
  JWT_ISSUER: z.string().optional(),
  /**
   * The audience that users' tokens must name. A provider signs tokens of all its applications, so with
   * `JWKS_URL` it has to be set; {@link ANY_AUDIENCE} takes those of all of them.
   */
  JWT_AUDIENCE: z.string().optional(),
  /** What people without an account may do: nothing, join sessions, or make them too. */
  ANONYMOUS: z.enum(ANONYMOUS_ACCESS).default('create'),
  /**
   * Sessions that people without an account may make: from one network within an hour, and all of them
   * together on a day. One that is full of text takes 100 KB of Postgres until it is deleted.
   */
  ANONYMOUS_SESSIONS_PER_HOUR: integer(10, 1, 1_000_000),
  ANONYMOUS_SESSIONS_PER_DAY: integer(500, 1, 100_000_000),
  /** How often people without an account and without a session token may enter sessions, counted likewise. */
  ANONYMOUS_ENTRIES_PER_HOUR: integer(300, 1, 1_000_000),
  ANONYMOUS_ENTRIES_PER_DAY: integer(20_000, 1, 100_000_000),
  /** How often people without an account may ask to be let in, counted likewise. */
  ANONYMOUS_KNOCKS_PER_HOUR: integer(30, 1, 1_000_000),
  ANONYMOUS_KNOCKS_PER_DAY: integer(2_000, 1, 100_000_000),
  /** Commits of people without an account on one day: of one network, and of all together. */
  ANONYMOUS_COMMITS_PER_NETWORK: integer(50_000, 100, 1_000_000_000),
  ANONYMOUS_COMMITS_PER_DAY: integer(250_000, 100, 1_000_000_000),
  /** Comma-separated origins; empty or absent: any. */
  ALLOWED_ORIGINS: origins,
});

/** Signing in with a provider. Without any, users come by tokens of another service, or not at all. */
export const accountsSchema = z.object({
  /** The OAuth application at GitHub. */
  GITHUB_CLIENT_ID: apiKey.optional(),
  GITHUB_CLIENT_SECRET: apiKey.optional(),
  /** Others are for GitHub Enterprise. */
  GITHUB_URL: httpUrl.default('https://github.com'),
  GITHUB_API_URL: httpUrl.default('https://api.github.com'),
  /** The OAuth client at Google. */
  GOOGLE_CLIENT_ID: apiKey.optional(),
  GOOGLE_CLIENT_SECRET: apiKey.optional(),
  /** As its discovery document names it. */
  GOOGLE_ISSUER: httpUrl.default('https://accounts.google.com'),
  /** A stand-in that signs in as anybody: only ever the local stack's, on this machine. */
  LOCAL_SIGN_IN_ISSUER: z
    .url({ protocol: /^http$/, hostname: LOOPBACK, error: 'must be on this machine: it signs in as anybody' })
    .optional(),
  /** Comma-separated origins of other clients: signing in may lead there, with a token in the address. */
  AUTH_REDIRECT_ORIGINS: origins.refine(
    (list) => list.every((origin) => URL.canParse(origin) && isOriginToLeadTo(new URL(origin), origin)),
    'must be origins such as https://app.example, separated by commas; http only on this machine',
  ),
  /** How long a user's token is good, and how long a browser stays signed in that isn't used. */
  ACCESS_TOKEN_MINUTES: integer(60, 1, 10_080),
  REFRESH_TOKEN_DAYS: integer(30, 1, 400),
});

const isOriginToLeadTo = (url: URL, text: string): boolean => url.origin === text && isPrivate(url);

/** A provider has both of these, or neither. */
const CREDENTIALS = [
  ['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
  ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
] as const;

/** The AI. Without any key it is there only for people who bring their own. */
export const aiSchema = z.object({
  /** The provider of requests that name none. Absent: the first with a key here, Anthropic before OpenAI. */
  AI_PROVIDER: z.enum(AI_PROVIDERS).optional(),
  ANTHROPIC_API_KEY: apiKey.optional(),
  ANTHROPIC_MODEL: z.string().default('claude-sonnet-5'),
  /** Other addresses are for gateways. People's own keys go there too. */
  ANTHROPIC_BASE_URL: httpUrl.default('https://api.anthropic.com/v1'),
  OPENAI_API_KEY: apiKey.optional(),
  OPENAI_MODEL: z.string().default('gpt-5.4'),
  /** Any server that speaks OpenAI's chat completions will do. */
  OPENAI_BASE_URL: httpUrl.default('https://api.openai.com/v1'),
  /** Whether people without an account may ask on a key from here. */
  AI_FOR: z.enum(['everybody', 'accounts']).default('everybody'),
  /** Requests on a key from here on one day: of all together, and of all without an account. */
  AI_REQUESTS_PER_DAY: integer(1_000, 1, 100_000_000),
  AI_ANONYMOUS_REQUESTS_PER_DAY: integer(200, 1, 100_000_000),
  /** Time limit of one answer, a second attempt included, in milliseconds. */
  AI_TIMEOUT_MS: integer(90_000, 100, 600_000),
  /** Bound of one attempt; some models think within it too. */
  AI_MAX_OUTPUT_TOKENS: integer(8_192, 64, 128_000),
});
export type AiConfig = z.infer<typeof aiSchema>;

export const configSchema = storageSchema
  .extend(accessSchema.shape)
  .extend(accountsSchema.shape)
  .extend(aiSchema.shape)
  .extend({
    /**
     * Connections to one room: of one participant; and from one address, of those who may edit, and of those
     * who only watch.
     */
    CONNECTIONS_PER_USER: integer(MAX_CONNECTIONS_PER_USER, 1, 10_000),
    CONNECTIONS_PER_ADDRESS: integer(MAX_CONNECTIONS_PER_ADDRESS, 1, 1_000_000),
    WATCHERS_PER_ADDRESS: integer(MAX_WATCHERS_PER_ADDRESS, 1, 1_000_000),
    /**
     * Bounds of the pause between two commits of a room. The first edit after a pause is committed at once;
     * by default a room makes four commits a second at most, as a free Upstash plan has 500,000 commands a
     * month.
     */
    COMMIT_MIN_MS: integer(250, 0, 10_000),
    COMMIT_MAX_MS: integer(1_000, 1, 60_000),
    /**
     * Commits a second that all rooms together aim at, at most; the pause grows with the number of dirty
     * sessions to keep to it.
     */
    COMMIT_TARGET_PER_S: integer(1_500, 1, 1_000_000),
    /** Least pause between two commits while Postgres stands in for the buffer. */
    COMMIT_FALLBACK_MS: integer(1_000, 0, 60_000),
    /** A dirty room flushes itself after this time, unless a sweeper is at work. */
    FLUSH_ALARM_MS: integer(5_000, 100, 60_000),
    /** Redis is left alone after this many failures in a row, and tried again after this time. */
    BREAKER_FAILURES: integer(3, 1, 100),
    BREAKER_RETRY_MS: integer(3_000, 50, 300_000),
    /**
     * With so many dirty sessions or more the sweeper flushes them in batches, and rooms put their own
     * flushes off.
     */
    SWEEP_ABOVE_SESSIONS: integer(20, 1, 1_000_000),
    /** From the start of one sweep to the start of the next, while the sweeper is at work. */
    FLUSH_INTERVAL_MS: integer(5_000, 100, 60_000),
    /**
     * Requests that one turn of the cron may make. A free Workers plan allows 50 an invocation, a paid one
     * 10,000.
     */
    SWEEP_MAX_REQUESTS: integer(45, 20, 10_000),
    /**
     * Bounds of one batch: sessions, and bytes of Redis' answer, once encoded. A flush takes up to 80 MB of
     * heap with a batch of 1 MB of quotes, 90 MB with one of 4 MB and 100 MB and more with one of 8 MB; an
     * isolate has 128 MB, for its rooms too.
     */
    FLUSH_BATCH_SESSIONS: integer(500, 1, 5_000),
    FLUSH_BATCH_BYTES: integer(1_000_000, 10_000, 4_000_000),
    /** The sweeper's lease; renewed with each batch, so it need only outlast one pause and one batch. */
    SWEEP_LEASE_MS: integer(10_000, 500, 120_000),
    /** A session in which nothing has happened for this long is ended, and how often that is looked for. */
    INACTIVE_AFTER_MS: integer(30 * 60_000, 100, 30 * 24 * 3_600_000),
    INACTIVE_CHECK_MS: integer(5 * 60_000, 1, 24 * 3_600_000),
    /** Days after its end until a session is deleted: one in which nobody had an account, and any other. */
    KEEP_ANONYMOUS_DAYS: integer(7, 1, 36_500),
    KEEP_ENDED_DAYS: integer(365, 1, 36_500),
    /** Where the cron posts what goes wrong, and that it is over. Absent: it is only in the metrics. */
    ALERT_WEBHOOK_URL: httpUrl.optional(),
    /** From when on it does: what waits for Postgres, in seconds; dead letters; failed turns in a row. */
    ALERT_LAG_S: integer(120, 1, 24 * 3600),
    ALERT_DEAD_LETTERS: integer(1, 1, 1_000_000),
    ALERT_FAILED_TURNS: integer(3, 1, 1_000),
  })
  .refine((config) => config.JWKS_URL === undefined || config.JWT_AUDIENCE !== undefined, {
    path: ['JWT_AUDIENCE'],
    message: 'is needed with JWKS_URL',
    // With other variables missing, too: everything that is wrong is named at once.
    when: () => true,
  })
  .superRefine((config, context) => {
    for (const [id, key] of CREDENTIALS) {
      if ((config[id] === undefined) === (config[key] === undefined)) continue;
      const [given, lacking] = config[id] === undefined ? [key, id] : [id, key];
      context.addIssue({ code: 'custom', path: [given], message: `is of no use without ${lacking}` });
    }
  });
export type Config = z.infer<typeof configSchema>;

/** One clear error for everything that is missing or malformed; it names variables, never their values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Parses an environment. Empty strings count as absent, as shells and dashboards leave them behind.
 * @throws {ConfigError} naming each missing or malformed variable.
 */
export function parseConfig<T extends z.ZodType>(schema: T, env: Record<string, unknown>): z.infer<T> {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== '' && value !== undefined),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.');
    return name in given ? `${name}: ${issue.message}` : `${name}: missing`;
  });
  throw new ConfigError(`configuration: ${problems.join('; ')}`);
}
