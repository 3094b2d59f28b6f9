/** What plans act by; tests put stand-ins here. */
import type { Masker } from './masking.ts';
import type { CommandRunner } from './runner.ts';
import type { SmokeTarget } from './smoke.ts';

export interface Tools {
  runner: CommandRunner;
  masker: Masker;
  /** Shows a line. */
  note: (line: string) => void;
  /** Waits until the deployed system answers, and smoke-tests it. */
  verify: (target: SmokeTarget) => Promise<void>;
  /** Whether Redis takes the token: what is wrong, or null. */
  pingRedis: (values: Readonly<Record<string, string>>) => Promise<string | null>;
  /** Whether Postgres answers as the Worker will ask it: what is wrong, or null. */
  pingDatabase: (databaseUrl: string) => Promise<string | null>;
  /** Why migrations that failed can't be applied; null when nothing is found. */
  explainMigration: (databaseUrl: string) => Promise<string | null>;
}
