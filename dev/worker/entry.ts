/** The entry that Miniflare gets: the Worker's own, with the clock that a test asks for. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clockModule, hasTrueClock } from '../clock.ts';
import type { WorkerOptions } from './options.ts';

/** @returns the file to bundle. */
export function writeEntry({
  folder,
  entry,
  clock,
}: Pick<WorkerOptions, 'folder' | 'entry' | 'clock'>): string {
  const file = join(folder, 'entry.js');
  const main = JSON.stringify(entry);
  if (hasTrueClock(clock)) {
    writeFileSync(file, drainedWorker(main));
    return file;
  }
  writeFileSync(join(folder, 'clock.js'), clockModule(clock));
  // The runtime's alarms go by the true clock, as they would where the machine itself is wrong: so theirs are put right.
  writeFileSync(
    file,
    `import { toTrueTime } from './clock.js';
import { SessionRoom as Room } from ${main};
${drainedWorker(main)}
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
 * The runtime resets a connection on which a request's body was left unread, and with it the caller's next request. Cloudflare's network
 * reads it to the end; here this does, as `wrangler dev` does by a middleware of its own.
 */
function drainedWorker(main: string): string {
  return `import worker from ${main};
export * from ${main};
export default {
  ...worker,
  async fetch(request, env, ctx) {
    try {
      return await worker.fetch(request, env, ctx);
    } finally {
      if (request.body !== null && !request.bodyUsed) await request.body.pipeTo(new WritableStream()).catch(() => {});
    }
  },
};
`;
}
