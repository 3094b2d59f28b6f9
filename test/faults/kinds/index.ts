/** Every fault there is. */
import type { Fault } from '../fault.ts';
import { dataFaults } from './data.ts';
import { deployFaults } from './deploy.ts';
import { neonFaults } from './neon.ts';
import { postgresFaults } from './postgres.ts';
import { redisFaults } from './redis.ts';
import { roomFaults } from './room.ts';
import { sweepFaults } from './sweeps.ts';
import { upstashFaults } from './upstash.ts';
import { workerFaults } from './worker.ts';

export const FAULTS: readonly Fault[] = [
  ...roomFaults,
  ...workerFaults,
  ...postgresFaults,
  ...redisFaults,
  ...upstashFaults,
  ...neonFaults,
  ...sweepFaults,
  ...deployFaults,
  ...dataFaults,
];

/** Whether two faults can happen in one round and everything is promised still. */
export function canPair(a: Fault, b: Fault): boolean {
  const isTooMuch =
    a.loses !== undefined && b.loses !== undefined && (a.loses === 'redis' || b.loses === 'redis');
  return a !== b && !isTooMuch && !a.parts.some((part) => b.parts.includes(part));
}
