/** Upstash's REST API, in front of the Redis beside it or of the embedded engine within. */
import { join } from 'node:path';
import { z } from 'zod';
import { ManagedProcess } from '../managed-process.ts';
import type { PartSpec } from '../part.ts';
import { PROJECT_DIR, programArgs } from '../project.ts';
import { readyLine } from './ready-line.ts';

const ready = readyLine(z.object({ ready: z.literal(true), url: z.string() }));

export function redisRestPart(options: {
  port: number;
  token: string;
  /** The Redis beside it; null: the embedded engine. */
  redisPort: number | null;
  dataDir: string;
  env: Record<string, string>;
}): PartSpec {
  const { port, token, redisPort, dataDir } = options;
  const engine =
    redisPort === null
      ? { EMBEDDED_DIR: join(dataDir, 'redis-embedded') }
      : { REDIS_URL: `redis://127.0.0.1:${redisPort}` };
  return {
    name: 'redisRest',
    spawn: (onLine) =>
      ManagedProcess.spawn(
        {
          file: process.execPath,
          args: programArgs('upstash'),
          cwd: PROJECT_DIR,
          env: {
            ...options.env,
            ...engine,
            PORT: String(port),
            UPSTASH_TOKEN: token,
            PARENT_PID: String(process.pid),
          },
        },
        onLine,
      ),
    waitUntilReady: async ({ line }) => {
      await line(ready);
    },
    readyTimeoutMs: 30_000,
    stop: { signal: 'SIGTERM', target: 'leader', graceMs: 2_500 },
    isShown: false,
  };
}
