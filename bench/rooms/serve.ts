/**
 * Rooms of the benchmark's own in Miniflare, as the local stack runs ours. Environment: `ROOMS_SCRIPT`, the
 * file with the rooms' class and the Worker, from the project's folder; `ROOMS_CLASS`; `ROOMS_BINDINGS`, as
 * JSON; `PORT` (a free one without it). Prints one line of JSON when it listens.
 */
import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { z } from 'zod';
import { listProcesses } from '../../dev/process-table.ts';
import { PROJECT_DIR } from '../../dev/project.ts';

const { PORT, ROOMS_SCRIPT, ROOMS_CLASS, ROOMS_BINDINGS } = z
  .object({
    ROOMS_SCRIPT: z.string(),
    ROOMS_CLASS: z.string(),
    ROOMS_BINDINGS: z.string().transform((text) => z.record(z.string(), z.string()).parse(JSON.parse(text))),
    PORT: z.coerce.number().default(0),
  })
  .parse(process.env);

const { outputFiles } = await build({
  entryPoints: [join(PROJECT_DIR, ROOMS_SCRIPT)],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
});
const miniflare = new Miniflare({
  modules: [{ type: 'ESModule', path: 'worker.js', contents: outputFiles[0]?.text ?? '' }],
  compatibilityDate: '2025-01-01',
  durableObjects: { ROOMS: { className: ROOMS_CLASS, useSQLite: true } },
  bindings: ROOMS_BINDINGS,
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
