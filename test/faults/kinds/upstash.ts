/** Upstash misbehaves. */
import type { Fault } from '../fault.ts';
import { REDIS_TIMEOUT_MS } from '../world.ts';
import { answer, answerLost, flaky, slow, truncated } from './flaky.ts';

const store = 'redis';

export const upstashFaults: readonly Fault[] = [
  flaky({
    name: 'upstash-429',
    what: 'Upstash is throttled and answers 429',
    store,
    misbehave: async () => answer(429, { error: 'ERR max requests limit exceeded' }),
  }),
  flaky({
    name: 'upstash-500',
    what: 'Upstash answers 500',
    store,
    misbehave: async () => answer(500, { error: 'ERR internal error' }),
  }),
  flaky({
    name: 'upstash-slow',
    what: 'Upstash answers late, and what was given up takes effect late',
    store,
    misbehave: (forward, random) => slow(forward, random, REDIS_TIMEOUT_MS),
  }),
  flaky({
    name: 'upstash-truncated',
    what: "Upstash's answers are cut in their middle",
    store,
    misbehave: truncated,
  }),
  flaky({
    name: 'upstash-answer-lost',
    what: 'Upstash does what is asked, and its answer is lost',
    store,
    misbehave: answerLost,
  }),
];
