/** Migrations, by drizzle-kit. */
import type { Command } from './command.ts';

/**
 * Applies the migrations that the database doesn't have yet. One that is ahead of them, as after a rollback, is left as it is.
 * @param databaseUrl goes into the environment.
 */
export function migrateCommand(databaseUrl: string): Command {
  return {
    program: 'drizzle-kit',
    args: ['migrate', '--config', 'drizzle.config.ts'],
    env: { DATABASE_URL: directUrl(databaseUrl) },
  };
}

/** Past Neon's connection pooler: a migration is one long transaction on one connection. */
export function directUrl(databaseUrl: string): string {
  return databaseUrl.replace(/^(postgres(?:ql)?:\/\/(?:[^@/]*@)?[^./:]+?)-pooler\./, '$1.');
}
