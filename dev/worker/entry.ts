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
    writeFileSync(file, `export * from ${main};\nexport { default } from ${main};\n`);
    return file;
  }
  writeFileSync(join(folder, 'clock.js'), clockModule(clock));
  // The runtime's alarms go by the true clock, as they would where the machine itself is wrong: so theirs are put right.
  writeFileSync(
    file,
    `import { toTrueTime } from './clock.js';
import { SessionRoom as Room } from ${main};
export * from ${main};
export { default } from ${main};
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
