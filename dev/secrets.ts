/** The stack's secrets: random, one set a data folder, unless the environment gives them. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { isErrno, messageOf, StackError } from './errors.ts';

const secretsSchema = z.object({
  redisToken: z.string().min(1),
  postgresPassword: z.string().min(1),
  flushSecret: z.string().min(16),
  jwtSecret: z.string().min(16),
});
export type Secrets = z.infer<typeof secretsSchema>;

const ENV_NAMES: Record<keyof Secrets, string> = {
  redisToken: 'LOCAL_REDIS_TOKEN',
  postgresPassword: 'LOCAL_POSTGRES_PASSWORD',
  flushSecret: 'FLUSH_SECRET',
  jwtSecret: 'JWT_SECRET',
};

/**
 * Reads the folder's secrets, making them at the first time.
 * @param env `FLUSH_SECRET`, `JWT_SECRET`, `LOCAL_REDIS_TOKEN` and `LOCAL_POSTGRES_PASSWORD` go
 *   before what is kept.
 * @throws {StackError} when they can't be read or one given is too short.
 */
export function loadSecrets(dataDir: string, env: Record<string, string | undefined>): Secrets {
  const kept = readOrMake(join(dataDir, 'secrets.json'));
  const given = Object.fromEntries(
    Object.entries(ENV_NAMES).flatMap(([key, name]) => (env[name] ? [[key, env[name]]] : [])),
  );
  const parsed = secretsSchema.safeParse({ ...kept, ...given });
  if (parsed.success) return parsed.data;
  throw new StackError(`a secret of the environment is too short: ${z.prettifyError(parsed.error)}`);
}

function readOrMake(path: string): Secrets {
  const fresh: Secrets = {
    redisToken: random(),
    postgresPassword: random(),
    flushSecret: random(),
    jwtSecret: random(),
  };
  try {
    writeFileSync(path, `${JSON.stringify(fresh, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return fresh;
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw new StackError(`${path}: ${messageOf(error)}`);
  }
  try {
    return secretsSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new StackError(`${path} is damaged (${messageOf(error)}); delete it to have new secrets made`);
  }
}

const random = () => randomBytes(24).toString('hex');
