/**
 * The floor's rooms in Miniflare, as the local stack runs ours. Environment: `FRONT_URL`, `FRONT_TOKEN`,
 * `COMMIT_MS`, `PORT` (a free one without it). Prints one line of JSON when it listens.
 */
import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { z } from 'zod';
import { listProcesses } from '../../dev/process-table.ts';
import { PROJECT_DIR } from '../../dev/project.ts';

const { PORT, ...bindings } = z
  .object({
    FRONT_URL: z.url(),
    FRONT_TOKEN: z.string(),
    COMMIT_MS: z.string(),
    PORT: z.coerce.number().default(0),
  })
  .parse(process.env);

const { outputFiles } = await build({
  entryPoints: [join(PROJECT_DIR, 'bench/floor/room.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
});
const miniflare = new Miniflare({
  modules: [{ type: 'ESModule', path: 'worker.js', contents: outputFiles[0]?.text ?? '' }],
  compatibilityDate: '2025-01-01',
  durableObjects: { ROOMS: { className: 'FloorRoom', useSQLite: true } },
  bindings,
  host: '127.0.0.1',
  port: PORT,
  cf: false,
});
process.once('SIGTERM', () => void miniflare.dispose().then(() => process.exit(0)));
const { href: url } = await miniflare.ready;
const workerd = listProcesses().find(
  ({ parentPid, command }) => parentPid === process.pid && command.includes('workerd'),
);
process.stdout.write(`${JSON.stringify({ url, workerdPid: workerd?.pid })}\n`);
