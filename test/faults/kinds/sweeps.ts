/** More than one flush at once. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { holdOne } from '../hold.ts';
import { SWEEP_LEASE_MS } from '../world.ts';

const AT_ONCE = 4;
const TIMES = 5;

export const sweepFaults: readonly Fault[] = [
  {
    name: 'four-sweeps',
    what: 'four sweeps at once, again and again, with the sweeper and the rooms at work',
    parts: ['worker'],
    async run({ world }) {
      for (let i = 0; i < TIMES; i++) {
        await Promise.all(Array.from({ length: AT_ONCE }, () => world.worker('/flush')));
      }
    },
  },
  {
    name: 'sweep-past-its-lease',
    what: 'a sweep hangs in Postgres until its lease has gone to another, then goes on',
    parts: ['worker'],
    async run({ world, random, sessions }) {
      const held = holdOne(
        world.proxy,
        random.pick(['before', 'after'] as const),
        // A room's own flush, which needs no lease, writes one session.
        ({ does, mentions }) =>
          does.has('write') && sessions.filter(({ ledger }) => mentions(ledger.sessionId)).length > 1,
      );
      await held.reached;
      await delay(SWEEP_LEASE_MS + random.int(100, 2_000));
      await world.worker('/flush');
      held.release('arrive');
    },
  },
];
