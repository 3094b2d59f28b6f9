/** The rooms' process dies. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../fault.ts';
import { holdOne } from '../hold.ts';
import { patiently } from '../until.ts';

/** Revisions of this term are above 2^52. */
const TERM = 2 ** 30;
/** Sessions whose terms jump. */
const JUMPS = 10;

export const roomFaults: readonly Fault[] = [
  {
    name: 'room-kill',
    what: 'kill -9 the Worker with all rooms, the API and the sweeper',
    parts: ['worker'],
    loses: 'room',
    async run({ world: { stack } }) {
      await stack.control.kill('worker');
      await stack.control.start('worker');
    },
  },
  {
    name: 'room-kill-in-commit',
    what: 'kill -9 the Worker while a commit is on its way there or back; it may arrive after their death',
    parts: ['worker'],
    loses: 'room',
    async run({ world: { stack, proxy }, random }) {
      const point = random.pick(['before', 'after'] as const);
      const fate = random.pick(['arrive', 'vanish'] as const);
      const held = holdOne(proxy, point, ({ does }) => does.has('commit'));
      await held.reached;
      await stack.control.kill('worker');
      // Before or after the next room has taken over.
      if (random.chance(0.5)) held.release(fate);
      await stack.control.start('worker');
      held.release(fate);
    },
  },
  {
    name: 'room-storage-lost',
    what: 'the Worker is killed, and comes back with all rooms’ own storage lost',
    parts: ['worker'],
    loses: 'room',
    async run({ world: { stack } }) {
      await stack.control.kill('worker');
      // As when a Worker is renamed: its rooms are new objects.
      rmSync(join(stack.dataDir, 'worker', 'state'), { recursive: true, force: true });
      await stack.control.start('worker');
    },
  },
  {
    name: 'terms-jump',
    what: 'Redis knows terms near 2³⁰ of some sessions: their rooms are refused, and open them in a greater one',
    parts: [],
    async run({ world: { redis, keys }, random, sessions }) {
      for (const { ledger } of random.some(sessions, JUMPS)) {
        await patiently('a term is registered', () =>
          redis.hset(keys.session(ledger.sessionId), 'term', TERM + random.int(0, 999)),
        );
      }
    },
  },
];
