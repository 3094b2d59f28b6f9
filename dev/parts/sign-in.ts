/** The provider that signs in as anybody. */
import { z } from 'zod';
import { ManagedProcess } from '../managed-process.ts';
import type { PartSpec } from '../part.ts';
import { PROJECT_DIR, programArgs } from '../project.ts';
import { readyLine } from './ready-line.ts';

const ready = readyLine(z.object({ ready: z.literal(true), issuer: z.string() }));

export function signInPart({ port, env }: { port: number; env: Record<string, string> }): PartSpec {
  return {
    name: 'signIn',
    spawn: (onLine) =>
      ManagedProcess.spawn(
        {
          file: process.execPath,
          args: programArgs('sign-in'),
          cwd: PROJECT_DIR,
          env: { ...env, PORT: String(port), PARENT_PID: String(process.pid) },
        },
        onLine,
      ),
    waitUntilReady: async ({ line }) => {
      await line(ready);
    },
    readyTimeoutMs: 30_000,
    stop: { signal: 'SIGTERM', target: 'leader', graceMs: 1_000 },
    isShown: false,
  };
}
