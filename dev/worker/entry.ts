/**
 * The entry that Miniflare gets: the Worker's own, with what the network does around it, and the clock
 * that a test asks for.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clockModule, hasTrueClock } from '../clock.ts';
import { PROJECT_DIR } from '../project.ts';
import { SCHEDULED_PATH } from './markers.ts';
import type { WorkerOptions } from './options.ts';

const ENTRY = join(PROJECT_DIR, 'src/hosts/partyserver.ts');

/** @returns the file to bundle, which is in the folder. */
export function writeEntry(folder: string, { entry, clock }: Pick<WorkerOptions, 'entry' | 'clock'>): string {
  const file = join(folder, 'entry.js');
  const main = JSON.stringify(entry ?? ENTRY);
  if (hasTrueClock(clock)) {
    writeFileSync(file, networkedWorker(main));
    return file;
  }
  writeFileSync(join(folder, 'clock.js'), clockModule(clock));
  // The runtime's alarms go by the true clock, as they would where the machine itself is wrong: so
  // theirs are put right.
  writeFileSync(
    file,
    `import { toTrueTime } from './clock.js';
import { SessionRoom as Room } from ${main};
${networkedWorker(main)}
export class SessionRoom extends Room {
  constructor(ctx, env) {
    const setAlarm = ctx.storage.setAlarm.bind(ctx.storage);
    ctx.storage.setAlarm = (atMs) => setAlarm(toTrueTime(atMs));
    super(ctx, env);
  }
}
`,
  );
  return file;
}

/**
 * The Worker as Cloudflare's network calls it:
 * - The runtime resets a connection on which a request's body was left unread, and with it the caller's
 *   next request. The network reads it to the end; here this does, as `wrangler dev` does by a
 *   middleware of its own.
 * - Callers who don't say where they are all have this machine's address from Miniflare. They aren't one
 *   network, so they have none.
 * - The cron is called by a request: Miniflare's own way to do that leads to the assets before a
 *   Worker, which know no cron.
 */
function networkedWorker(main: string): string {
  return `import worker from ${main};
export * from ${main};
async function runCron(url, env, ctx) {
  const cron = url.searchParams.get('cron') ?? '';
  try {
    const scheduledTime = Number(url.searchParams.get('due') ?? Date.now());
    await worker.scheduled({ scheduledTime, cron, noRetry() {} }, env, ctx);
    return new Response('ok');
  } catch (error) {
    console.error(String(error));
    return new Response('failed', { status: 500 });
  }
}
const LOOPBACK = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];
function withoutLoopback(request) {
  if (!LOOPBACK.includes(request.headers.get('cf-connecting-ip'))) return request;
  const headers = new Headers(request.headers);
  headers.delete('cf-connecting-ip');
  return new Request(request, { headers });
}
export default {
  ...worker,
  async fetch(given, env, ctx) {
    const url = new URL(given.url);
    if (url.pathname === ${JSON.stringify(SCHEDULED_PATH)}) return runCron(url, env, ctx);
    const request = withoutLoopback(given);
    try {
      return await worker.fetch(request, env, ctx);
    } finally {
      if (request.body !== null && !request.bodyUsed) await request.body.pipeTo(new WritableStream()).catch(() => {});
    }
  },
};
`;
}
