/**
 * Mints a user's token for development, signed with the local stack's secret:
 * `npm run token -- --sub ada --name Ada`.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { messageOf, StackError } from './errors.ts';
import { loadSecrets } from './secrets.ts';

const USAGE = `Usage: npm run --silent token -- --sub ID [--name NAME] [--picture URL] [--expires 30d]

Prints a JWT for the local stack, as an identity provider would give one. Who has the same --sub is the same person.

Environment: JWT_SECRET, or else the secret that the stack keeps in BACKBEAT_DATA_DIR (.backbeat).
`;

const optionsSchema = z.object({
  sub: z.string('--sub is missing: who it is for').min(1, '--sub is empty'),
  name: z.string().optional(),
  picture: z.url({ protocol: /^https?$/, message: '--picture is not a URL' }).optional(),
  expires: z
    .string()
    .regex(/^\d+[smhdwy]$/, '--expires is a number with s, m, h, d, w or y')
    .default('30d'),
});

/** @throws {StackError} saying what is wrong. */
async function mint(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { sub, name, picture, expires } = parse(args);
  const secret = new TextEncoder().encode(secretOf(env));
  return new SignJWT({
    ...(name === undefined ? {} : { name }),
    ...(picture === undefined ? {} : { picture }),
  })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(secret);
}

function parse(args: readonly string[]): z.infer<typeof optionsSchema> {
  const string = { type: 'string' } as const;
  let values: unknown;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { sub: string, name: string, picture: string, expires: string },
    }));
  } catch (error) {
    throw new StackError(messageOf(error));
  }
  const parsed = optionsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new StackError(parsed.error.issues.map(({ message }) => message).join('; '));
}

function secretOf(env: NodeJS.ProcessEnv): string {
  if (env.JWT_SECRET) return env.JWT_SECRET;
  const dataDir = resolve(env.BACKBEAT_DATA_DIR || '.backbeat');
  if (!existsSync(dataDir))
    throw new StackError(`there is no ${dataDir}: start the stack once, or set JWT_SECRET`);
  return loadSecrets(dataDir, env).jwtSecret;
}

const args = process.argv.slice(2);
if (args.includes('--help')) {
  process.stdout.write(USAGE);
} else {
  try {
    process.stdout.write(`${await mint(args, process.env)}\n`);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    process.exitCode = 1;
  }
}
