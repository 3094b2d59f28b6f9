/** The variables of the Worker, read from the schema that parses them. */
import { z } from 'zod';
import { configSchema } from '../src/config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Values = Readonly<Record<string, string>>;

/**
 * For the local stack only: Neon's own endpoint is right everywhere else, and what signs in as anybody has no
 * place in a deployment.
 */
const NEVER_SET = new Set(['NEON_FETCH_ENDPOINT', 'LOCAL_SIGN_IN_ISSUER']);

/**
 * Text that may be shown. Any other text counts as secret, so a new variable is hidden
 * until it is listed here.
 */
const PUBLIC_TEXT = new Set([
  'KEY_PREFIX',
  'ALLOWED_ORIGINS',
  'JWKS_URL',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
  'GITHUB_CLIENT_ID',
  'GITHUB_URL',
  'GITHUB_API_URL',
  'GOOGLE_CLIENT_ID',
  'GOOGLE_ISSUER',
  'AUTH_REDIRECT_ORIGINS',
  'ANTHROPIC_MODEL',
  'OPENAI_MODEL',
]);

/** Every variable that a deploy may set. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(configSchema.shape).filter(
  (name) => !NEVER_SET.has(name),
);

/** Whether a variable's value must never be shown. */
export function isSecret(name: string): boolean {
  if (PUBLIC_TEXT.has(name)) return false;
  const schemas: Readonly<Record<string, unknown>> = configSchema.shape;
  return !holdsNumberOrChoice(schemas[name]);
}

function holdsNumberOrChoice(schema: unknown): boolean {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return holdsNumberOrChoice(schema.unwrap());
  }
  return schema instanceof z.ZodNumber || schema instanceof z.ZodBoolean || schema instanceof z.ZodEnum;
}

/** The Worker's variables among `env`; an empty one counts as not given. */
export function pickVariables(env: Environment): Record<string, string> {
  return Object.fromEntries(VARIABLE_NAMES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

export interface Problem {
  variable: string;
  /** `missing`, or what is wrong with the value; never the value. */
  what: string;
}

/** What the Worker would find wrong with these values, each variable once. */
export function problemsWith(values: Environment): Problem[] {
  const given = pickVariables(values);
  const problems = new Map<string, string>();
  for (const { path, message } of configSchema.safeParse(given).error?.issues ?? []) {
    const name = path.join('.');
    problems.set(name, name in given ? message : 'missing');
  }
  return [...problems].map(([variable, what]) => ({ variable, what }));
}
