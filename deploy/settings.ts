/**
 * What a deploy or a preview is to be, from the environment: parsed at once, so that everything
 * missing is named at once.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Masker } from './masking.ts';
import { PreviewName, type ProductionNames } from './names.ts';
import type { RedisAddress } from './redis-keys.ts';
import {
  type Environment,
  isSecret,
  type Problem,
  pickVariables,
  problemsWith,
  VARIABLE_NAMES,
} from './variables.ts';
import type { CloudflareAccess } from './wrangler.ts';

/** Stands for what is known only when the preview's database branch is made. */
const DATABASE_URL = 'postgresql://known-when-made.invalid/db';
const MIN_SECRET_CHARS = 32;

/**
 * Names a preview's variable: `PREVIEW_OPENAI_MODEL` is its `OPENAI_MODEL`. What production uses is
 * never read for a preview.
 */
const PREVIEW_PREFIX = 'PREVIEW_';
/** Told apart by the preview's name, so that they needn't be kept anywhere. */
const DERIVED = ['FLUSH_SECRET', 'JWT_SECRET'];

/** It isn't passed on in any case; an operator who gives it believes that it would be. */
const SIGNS_IN_ANYBODY = 'LOCAL_SIGN_IN_ISSUER';
const NO_LOCAL_SIGN_IN: Problem = {
  variable: SIGNS_IN_ANYBODY,
  what: 'signs in as anybody: never in a deployment',
};

export interface ProductionSettings {
  names: ProductionNames;
  access: CloudflareAccess;
  /** The Worker's variables. */
  values: Record<string, string>;
}

export interface PreviewSettings {
  names: ProductionNames;
  access: CloudflareAccess;
  neon: { apiKey: string; projectId: string; parent: string | null; url: string | null };
  redis: RedisAddress;
  /** Of every preview alike. */
  values: Record<string, string>;
  /** The secrets of each preview come from this one. */
  secret: string;
  /** Production's own, where the shell has it: a preview must not get it. */
  production: { databaseUrl: string | null };
}

/**
 * Settings that hold `<NAME>` for what is missing: good for showing, and for doing only when
 * there are no problems.
 */
export interface Read<T> {
  settings: T;
  problems: Problem[];
}

const present = z.string().min(1, 'missing');

/** Reads what `npm run deploy` needs. */
export function readProductionSettings(env: Environment, names: ProductionNames): Read<ProductionSettings> {
  const values = pickVariables(env);
  const problems = problemsWith(values);
  if (env[SIGNS_IN_ANYBODY]) problems.push(NO_LOCAL_SIGN_IN);
  if (values.KEY_PREFIX?.startsWith(PreviewName.keyPrefixOfAll(names))) {
    problems.push({ variable: 'KEY_PREFIX', what: "is a preview's" });
  }
  for (const { variable, what } of problems) if (what === 'missing') values[variable] ??= `<${variable}>`;
  return { settings: { names, access: readAccess(env), values }, problems };
}

/**
 * Reads what `npm run preview` needs.
 * @param options.isUp only `up` needs the secret that the previews' own are made from.
 */
export function readPreviewSettings(
  env: Environment,
  names: ProductionNames,
  options: { isUp: boolean },
): Read<PreviewSettings> {
  const problems: Problem[] = [];
  const required = (name: string, schema: z.ZodType<string> = present) =>
    readOne(env, name, schema, problems);
  const neon = {
    apiKey: required('NEON_API_KEY'),
    projectId: required('NEON_PROJECT_ID'),
    parent: env.NEON_PARENT_BRANCH || null,
    url: env.NEON_API_URL || null,
  };
  const url = z.url({ protocol: /^https?$/, error: 'is not a URL' });
  const redis = {
    url: required(`${PREVIEW_PREFIX}UPSTASH_REDIS_REST_URL`, url),
    token: required(`${PREVIEW_PREFIX}UPSTASH_REDIS_REST_TOKEN`),
  };
  if (env.UPSTASH_REDIS_REST_URL && hostOf(env.UPSTASH_REDIS_REST_URL) === hostOf(redis.url)) {
    problems.push({
      variable: `${PREVIEW_PREFIX}UPSTASH_REDIS_REST_URL`,
      what: "is production's: previews need another",
    });
  }
  if (env[`${PREVIEW_PREFIX}${SIGNS_IN_ANYBODY}`]) {
    problems.push({ ...NO_LOCAL_SIGN_IN, variable: `${PREVIEW_PREFIX}${SIGNS_IN_ANYBODY}` });
  }
  const values: Record<string, string> = {};
  for (const name of VARIABLE_NAMES) {
    const given = env[`${PREVIEW_PREFIX}${name}`];
    if (given) values[name] = given;
  }
  const length = `must have at least ${MIN_SECRET_CHARS} characters`;
  const secret = options.isUp
    ? required(`${PREVIEW_PREFIX}SECRET`, z.string().min(MIN_SECRET_CHARS, length))
    : '';
  if (options.isUp) {
    const computed = { DATABASE_URL, KEY_PREFIX: 'p:' };
    const derived = Object.fromEntries(DERIVED.map((name) => [name, 'x'.repeat(MIN_SECRET_CHARS)]));
    const known = new Set(problems.map(({ variable }) => variable));
    for (const { variable, what } of problemsWith({ ...derived, ...values, ...computed })) {
      const name = `${PREVIEW_PREFIX}${variable}`;
      if (!known.has(name)) problems.push({ variable: name, what });
    }
  }
  Object.assign(values, { UPSTASH_REDIS_REST_URL: redis.url, UPSTASH_REDIS_REST_TOKEN: redis.token });
  const production = { databaseUrl: env.DATABASE_URL || null };
  const access = readAccess(env);
  return { settings: { names, access, neon, redis, values, secret, production }, problems };
}

/** However the rest is written: it is the host that tells databases apart. */
const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : url);

/** A preview's variables, but for what is known only while it is made. */
export function previewValues(settings: PreviewSettings, name: PreviewName): Record<string, string> {
  const derived = DERIVED.map((variable) => {
    const mac = createHmac('sha256', settings.secret).update(`${name.id}\0${variable}`);
    return [variable, mac.digest('base64url')];
  });
  return { ...Object.fromEntries(derived), ...settings.values, KEY_PREFIX: name.keyPrefix };
}

/** Masks every value that a deploy can come across. */
export function maskSecrets(env: Environment, masker: Masker): void {
  const secret = /(TOKEN|SECRET|PASSWORD|_KEY|DATABASE_URL)$/;
  for (const [name, value] of Object.entries(env)) {
    if (!value) continue;
    const variable = name.startsWith(PREVIEW_PREFIX) ? name.slice(PREVIEW_PREFIX.length) : name;
    const isOurs = VARIABLE_NAMES.includes(variable);
    if (isOurs ? isSecret(variable) : secret.test(name)) masker.add(value);
  }
}

/** Both may be missing: wrangler then acts by the login of `npx wrangler login`, and in its only account. */
function readAccess(env: Environment): CloudflareAccess {
  return { apiToken: env.CLOUDFLARE_API_TOKEN || null, accountId: env.CLOUDFLARE_ACCOUNT_ID || null };
}

function readOne(env: Environment, name: string, schema: z.ZodType<string>, problems: Problem[]): string {
  const value = env[name];
  if (!value) {
    problems.push({ variable: name, what: 'missing' });
    return `<${name}>`;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  problems.push({ variable: name, what: parsed.error.issues[0]?.message ?? 'is not valid' });
  return value;
}
