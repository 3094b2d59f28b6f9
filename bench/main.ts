/** `npm run bench`: measures the whole system on this machine. */
import { type BenchOptions, parseOptions, USAGE, UsageError } from './options.ts';
import type { Say } from './run-load.ts';
import { audienceScenario } from './scenarios/audience.ts';
import { floorScenario } from './scenarios/floor.ts';
import { flushOnlyScenario } from './scenarios/flush-only.ts';
import { idleScenario } from './scenarios/idle.ts';
import { loadScenario } from './scenarios/load.ts';
import { mergingScenario } from './scenarios/merging.ts';
import { peersScenario } from './scenarios/peers.ts';
import { quickScenario } from './scenarios/quick.ts';
import { returnScenario } from './scenarios/return.ts';
import { scaleScenario } from './scenarios/scale.ts';

const say: Say = (line) => {
  process.stderr.write(`[bench] ${line}\n`);
};

async function run(options: BenchOptions): Promise<string[]> {
  const { mode } = options;
  switch (mode.kind) {
    case 'load':
    case 'room':
      return loadScenario(options, say);
    case 'scale':
      return scaleScenario(options, mode.sessions, say);
    case 'audience':
      return audienceScenario(options, mode, say);
    case 'quick':
      return quickScenario(options, say);
    case 'floor':
      return floorScenario(options, mode.sessions, say);
    case 'return':
      return returnScenario(options, mode.rooms, say);
    case 'flush-only':
      return flushOnlyScenario(options, mode.sessions, say);
    case 'idle':
      return idleScenario(options, say);
    case 'peers':
      return peersScenario(options, mode.peers, say);
    case 'merging':
      return mergingScenario(options, mode.edits, say);
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) process.stdout.write(USAGE);
  else for (const file of await run(options)) say(`wrote ${file}`);
} catch (error) {
  process.stderr.write(
    `${error instanceof UsageError ? `${error.message} (--help lists the options)` : error instanceof Error ? error.stack : error}\n`,
  );
  process.exitCode = 1;
}
