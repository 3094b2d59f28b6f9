/** The variables of the rooms and the Worker, read from the schemas that parse them. */
import { z } from 'zod';
import { roomConfigSchema, workerConfigSchema } from '../src/config.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type Values = Readonly<Record<string, string>>;

const SCHEMAS = { worker: workerConfigSchema, room: roomConfigSchema };
export type Part = keyof typeof SCHEMAS;

/** For the local stack only: Neon's own endpoint is right everywhere else. */
const NEVER_SET = new Set(['NEON_FETCH_ENDPOINT']);

/** Text that may be shown. Any other text counts as secret, so that a new variable is hidden until somebody says otherwise. */
const PUBLIC_TEXT = new Set([
  'KEY_PREFIX',
  'WORKER_URL',
  'ROOM_URL',
  'ALLOWED_ORIGINS',
  'JWKS_URL',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
  'ANTHROPIC_MODEL',
  'OPENAI_MODEL',
]);

/** What each part knows, the other's URL included. */
export function variableNames(part: Part): string[] {
  return Object.keys(SCHEMAS[part].shape).filter((name) => !NEVER_SET.has(name));
}

/** What either part knows. */
export function allVariableNames(): string[] {
  return [...new Set([...variableNames('worker'), ...variableNames('room')])];
}

/** Whether a variable's value must never be shown. */
export function isSecret(name: string): boolean {
  if (PUBLIC_TEXT.has(name)) return false;
  const schema: unknown = { ...SCHEMAS.worker.shape, ...SCHEMAS.room.shape }[name];
  return !holdsNumberOrChoice(schema);
}

function holdsNumberOrChoice(schema: unknown): boolean {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return holdsNumberOrChoice(schema.unwrap());
  }
  return schema instanceof z.ZodNumber || schema instanceof z.ZodBoolean || schema instanceof z.ZodEnum;
}

/** Those of a part's variables that are given; an empty one counts as not given. */
export function pick(part: Part, values: Environment): Record<string, string> {
  return Object.fromEntries(
    variableNames(part).flatMap((name) => (values[name] ? [[name, values[name]]] : [])),
  );
}

export interface Problem {
  variable: string;
  /** `missing`, or what is wrong with the value; never the value. */
  what: string;
}

/** What both parts would find wrong with these values, each variable once. */
export function problemsWith(values: Environment): Problem[] {
  const problems = new Map<string, string>();
  for (const part of ['worker', 'room'] as const) {
    const given = pick(part, values);
    const parsed = SCHEMAS[part].safeParse(given);
    for (const { path, message } of parsed.error?.issues ?? []) {
      const name = path.join('.');
      problems.set(name, name in given ? message : 'missing');
    }
  }
  return [...problems].map(([variable, what]) => ({ variable, what }));
}
