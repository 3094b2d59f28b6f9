/** The database: whether it answers, and its migrations by drizzle-kit. */
import { sql } from 'drizzle-orm';
import { messageOf } from '../dev/errors.ts';
import { applyMigrations, lockTimeoutOption } from '../dev/migrate.ts';
import { connectNeon } from '../src/postgres/client.ts';
import type { Command } from './command.ts';
import { DeployError, reasonOf } from './errors.ts';
import { CommandError } from './runner.ts';
import type { Tools } from './tools.ts';

/** A compute that is suspended takes seconds to wake up. */
const PING_TIMEOUT_MS = 30_000;

/**
 * Applies the migrations that the database doesn't have yet. One that is ahead of them, as after a
 * rollback, is left as it is.
 * @param databaseUrl goes into the environment.
 */
export function migrateCommand(databaseUrl: string): Command {
  return {
    program: 'drizzle-kit',
    args: ['migrate', '--config', 'drizzle.config.ts'],
    env: { DATABASE_URL: directUrl(databaseUrl), PGOPTIONS: lockTimeoutOption },
  };
}

/**
 * Migrates.
 * @throws {DeployError} with the reason, which drizzle-kit itself keeps to itself: it fails without a word.
 */
export async function migrate(
  { runner, explainMigration }: Pick<Tools, 'runner' | 'explainMigration'>,
  databaseUrl: string,
): Promise<void> {
  try {
    await runner.run(migrateCommand(databaseUrl));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const reason = await explainMigration(directUrl(databaseUrl));
    throw new DeployError(reason === null ? error.message : `${reason}\n${error.message}`);
  }
}

/**
 * Why the migrations can't be applied, in Postgres' words: by the library that drizzle-kit uses, which takes
 * up where it stopped. Null when they could be after all.
 */
export async function explainMigration(databaseUrl: string): Promise<string | null> {
  try {
    await applyMigrations(databaseUrl);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** What is wrong with the database as the Worker will ask it, over HTTP; null when nothing is. */
export async function problemWithDatabase(databaseUrl: string): Promise<string | null> {
  try {
    await connectNeon({ databaseUrl, timeoutMs: PING_TIMEOUT_MS }).execute(sql`select 1`);
    return null;
  } catch (error) {
    return `DATABASE_URL: Postgres does not answer over HTTP: ${reasonOf(error)}`;
  }
}

/** Past Neon's connection pooler: a migration is one long transaction on one connection. */
export function directUrl(databaseUrl: string): string {
  return databaseUrl.replace(/^(postgres(?:ql)?:\/\/(?:[^@/]*@)?[^./:]+?)-pooler\./, '$1.');
}
