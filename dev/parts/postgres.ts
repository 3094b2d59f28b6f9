/** The installed Postgres, on a folder of ours. */
import { join } from 'node:path';
import { ManagedProcess } from '../managed-process.ts';
import { startPostgres } from '../neon/real-postgres.ts';
import type { PartSpec } from '../part.ts';

/** @param onUrl is told the `postgres://` URL at each start; it stays the same. */
export function postgresPart(options: {
  port: number;
  password: string;
  dataDir: string;
  onUrl: (url: string) => void;
}): PartSpec {
  const { port, password, onUrl } = options;
  return {
    name: 'postgres',
    async spawn(onLine) {
      const { child, url } = await startPostgres({
        dataDir: join(options.dataDir, 'postgres'),
        port,
        password,
        log: (line) => onLine(line, 'stderr'),
      });
      onUrl(url);
      return new ManagedProcess(child, null);
    },
    // It is only called started once it accepts connections.
    waitUntilReady: async () => {},
    readyTimeoutMs: 1_000,
    // A fast shutdown; SIGTERM would wait for every client to leave.
    stop: { signal: 'SIGINT', target: 'leader', graceMs: 4_000 },
    isShown: false,
  };
}
