/** Neon misbehaves. */
import type { Fault } from '../fault.ts';
import { POSTGRES_TIMEOUT_MS } from '../world.ts';
import { answer, answerLost, flaky, slow, truncated } from './flaky.ts';

const store = 'neon';

export const neonFaults: readonly Fault[] = [
  flaky({
    name: 'neon-500',
    what: 'Neon answers 500',
    store,
    misbehave: async () => answer(500, { message: 'internal error' }),
  }),
  flaky({
    name: 'neon-507',
    what: 'Neon answers 507, before or after it has done what was asked',
    store,
    async misbehave(forward, random) {
      if (random.chance(0.5)) await forward();
      return answer(507, { message: 'response is too large (max is 10485760 bytes)' });
    },
  }),
  flaky({
    name: 'neon-slow',
    what: 'Neon answers late, and what was given up takes effect late',
    store,
    misbehave: (forward, random) => slow(forward, random, POSTGRES_TIMEOUT_MS),
  }),
  flaky({
    name: 'neon-truncated',
    what: "Neon's answers are cut in their middle",
    store,
    misbehave: truncated,
  }),
  flaky({
    name: 'neon-answer-lost',
    what: 'Neon commits, and its answer is lost',
    store,
    misbehave: answerLost,
  }),
];
