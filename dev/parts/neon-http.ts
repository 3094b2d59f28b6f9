/** Neon's SQL over HTTP, in front of a real Postgres or of PGlite within. */
import { join } from 'node:path';
import { z } from 'zod';
import { ManagedProcess } from '../managed-process.ts';
import type { PartSpec } from '../part.ts';
import { PROJECT_DIR, programArgs } from '../project.ts';
import { readyLine } from './ready-line.ts';

const readySchema = z.object({
  ready: z.literal(true),
  fetchEndpoint: z.string(),
  databaseUrl: z.string(),
});
const ready = readyLine(readySchema);

/** @param onReady is told where it answers at each start; that stays the same. */
export function neonHttpPart(options: {
  port: number;
  /** A Postgres that runs; null: PGlite, which answers `postgres://` as `pglite` says. */
  databaseUrl: string | null;
  pglite: { port: number; password: string };
  dataDir: string;
  env: Record<string, string>;
  onReady: (endpoints: z.infer<typeof readySchema>) => void;
}): PartSpec {
  const { port, databaseUrl, pglite, dataDir, onReady } = options;
  return {
    name: 'neonHttp',
    spawn: (onLine) =>
      ManagedProcess.spawn(
        {
          file: process.execPath,
          args: programArgs('neon'),
          cwd: PROJECT_DIR,
          env: {
            ...options.env,
            ...(databaseUrl
              ? { DATABASE_URL: databaseUrl }
              : {
                  PGLITE_DIR: join(dataDir, 'pglite'),
                  PG_PORT: String(pglite.port),
                  PG_PASSWORD: pglite.password,
                }),
            PORT: String(port),
            PARENT_PID: String(process.pid),
          },
        },
        onLine,
      ),
    waitUntilReady: async ({ line }) => onReady(await line(ready)),
    readyTimeoutMs: 60_000,
    stop: { signal: 'SIGTERM', target: 'leader', graceMs: 4_000 },
    isShown: false,
  };
}
