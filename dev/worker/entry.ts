/** The entry that Miniflare gets: the Worker's own, with a route that calls its cron, and with the clock that a test asks for. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clockModule, hasTrueClock } from '../clock.ts';
import type { WorkerOptions } from './options.ts';

/**
 * @returns the file to bundle.
 *
 * Miniflare's own route for scheduled handlers doesn't reach a Worker with assets (seen with 4.20260426.0). This one has the path of
 * partykit's.
 */
export function writeEntry({
  folder,
  entry,
  clock,
}: Pick<WorkerOptions, 'folder' | 'entry' | 'clock'>): string {
  const file = join(folder, 'entry.js');
  const main = JSON.stringify(entry);
  const isTrue = hasTrueClock(clock);
  if (!isTrue) writeFileSync(join(folder, 'clock.js'), clockModule(clock));
  writeFileSync(
    file,
    `${isTrue ? '' : "import { toTrueTime } from './clock.js';"}
import worker, { SessionRoom as Room } from ${main};
export * from ${main};
${isTrue ? 'export { Room as SessionRoom };' : CLOCKED_ROOM}
export default {
  ...worker,
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== '/__scheduled__') return worker.fetch(request, env, ctx);
    await worker.scheduled({ scheduledTime: Date.now() }, env, ctx);
    return new Response('ok');
  },
};
`,
  );
  return file;
}

/** The runtime's alarms go by the true clock, as they would where the machine itself is wrong: so theirs are put right. */
const CLOCKED_ROOM = `export class SessionRoom extends Room {
  constructor(ctx, env) {
    const setAlarm = ctx.storage.setAlarm.bind(ctx.storage);
    ctx.storage.setAlarm = (atMs) => setAlarm(toTrueTime(atMs));
    super(ctx, env);
  }
}`;
