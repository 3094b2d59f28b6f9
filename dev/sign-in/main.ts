/**
 * The process of the provider that signs in as anybody, on 127.0.0.1 only.
 *
 * Environment: `PORT` (0 or absent takes a free one), and `PARENT_PID`: it ends when that process does. Once
 * it answers it prints one line of JSON on stdout: `{"ready":true,"issuer":"http://127.0.0.1:…"}`.
 */
import { z } from 'zod';
import { LOCAL_CREDENTIALS } from '../../src/access/providers.ts';
import { parseConfig } from '../../src/config.ts';
import { identify } from '../process-table.ts';
import { startSignInServer } from './server.ts';

const PARENT_CHECK_INTERVAL_MS = 500;

const config = parseConfig(
  z.object({
    PORT: z.coerce.number().int().min(0).max(65_535).default(0),
    PARENT_PID: z.coerce.number().int().positive().optional(),
  }),
  process.env,
);
const { clientId: id, clientSecret: secret } = LOCAL_CREDENTIALS;
const server = await startSignInServer({ port: config.PORT, client: { id, secret } });

const stop = () => void server.close().then(() => process.exit(0));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
const { PARENT_PID: parentPid } = config;
if (parentPid !== undefined) {
  const launcherPid = process.ppid;
  // A parent that is killed can't tell its children.
  setInterval(() => {
    if (process.ppid !== launcherPid || identify(parentPid) === null) stop();
  }, PARENT_CHECK_INTERVAL_MS).unref();
}
process.stdout.write(`${JSON.stringify({ ready: true, issuer: server.issuer })}\n`);
