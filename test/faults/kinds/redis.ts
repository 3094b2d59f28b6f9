/** Redis goes away, hangs, refuses, or loses what it had. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { until } from '../until.ts';

const DOWN_MS: [number, number] = [0, 3_000];
const FREEZE_MS = 10_000;
const REFUSE_MS: [number, number] = [1_500, 4_000];
/** It may take a few turns of the sweeper. */
const FULL_MS = 60_000;
const LAG_MS: [number, number] = [50, 3_000];
/**
 * Every key with its time to live (ms, 0 for ever) and what it holds; and all that put back, in the stead of
 * what is there. Scripts, as everybody goes on writing.
 */
const KEEP = `
  local kept = {}
  for _, key in ipairs(redis.call('KEYS', '*')) do
    kept[#kept + 1] = key
    kept[#kept + 1] = tostring(math.max(0, redis.call('PTTL', key)))
    kept[#kept + 1] = redis.call('DUMP', key)
  end
  return kept`;
const GO_BACK = `
  redis.call('FLUSHALL')
  for i = 1, #ARGV, 3 do redis.call('RESTORE', ARGV[i], ARGV[i + 1], ARGV[i + 2]) end`;

export const redisFaults: readonly Fault[] = [
  {
    name: 'redis-kill',
    what: 'kill -9 Redis, then started from its append-only file',
    parts: ['redis'],
    async run({ world: { stack }, random }) {
      await stack.control.kill('redis');
      await delay(random.int(...DOWN_MS));
      await stack.control.start('redis');
    },
  },
  {
    name: 'redis-freeze',
    what: 'Redis stopped by SIGSTOP for 10 s',
    parts: ['redis'],
    async run({ world: { stack } }) {
      await stack.control.pause('redis');
      await delay(FREEZE_MS);
      await stack.control.resume('redis');
    },
  },
  {
    name: 'redis-out-of-memory',
    what: 'Redis has no memory left for a while',
    parts: ['redis'],
    async run({ world: { redis }, random }) {
      await redis.config('SET', 'maxmemory', '1');
      await delay(random.int(...REFUSE_MS));
      await redis.config('SET', 'maxmemory', '0');
    },
  },
  {
    name: 'redis-full',
    what: 'Redis takes no more data until all that was dirty has been flushed',
    parts: ['redis'],
    async run({ world }) {
      await world.redis.config('SET', 'maxmemory', '1');
      let dirty = '';
      try {
        await until(
          () => `a full Redis drains by itself; dirty: ${dirty}`,
          async () => {
            dirty = await world.describeDirty();
            return dirty === '';
          },
          FULL_MS,
        );
      } finally {
        await world.redis.config('SET', 'maxmemory', '0');
      }
    },
  },
  {
    name: 'redis-read-only',
    what: 'Redis is a read-only replica for a while',
    parts: ['redis'],
    async run({ world: { redis }, random }) {
      // Of a port where nobody answers: it keeps its data and waits.
      await redis.call('REPLICAOF', '127.0.0.1', '1');
      await delay(random.int(...REFUSE_MS));
      await redis.call('REPLICAOF', 'NO', 'ONE');
    },
  },
  {
    name: 'redis-loses-everything',
    what: 'Redis is emptied at once, or comes back without its file',
    parts: ['redis'],
    loses: 'redis',
    async run({ world: { stack, redis }, random }) {
      if (random.chance(0.5)) {
        await redis.flushall();
        return;
      }
      await stack.control.kill('redis');
      rmSync(join(stack.dataDir, 'redis'), { recursive: true });
      await stack.control.start('redis');
    },
  },
  {
    name: 'redis-goes-back',
    what: 'Redis becomes what it was up to 3 s ago, as after a failover to a replica that lagged',
    parts: ['redis'],
    loses: 'redis',
    async run({ world: { redis }, random }) {
      const kept = await redis.callBuffer('EVAL', KEEP, 0);
      await delay(random.int(...LAG_MS));
      await redis.call('EVAL', GO_BACK, 0, ...(kept as Buffer[]));
    },
  },
];
