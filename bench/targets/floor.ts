/** The floor: the same runtime with rooms that do the least there is to do. */
import type { Stack } from '../../test/support/stack.ts';
import { type OwnRooms, startOwnRooms } from './own-rooms.ts';
import type { Target } from './target.ts';

/** @param port a free one without it. */
export function startFloorRooms(
  { redisRestUrl, redisRestToken }: Pick<Stack, 'redisRestUrl' | 'redisRestToken'>,
  commitMs: number,
  port?: string,
): Promise<OwnRooms> {
  const bindings = { FRONT_URL: redisRestUrl, FRONT_TOKEN: redisRestToken, COMMIT_MS: String(commitMs) };
  return startOwnRooms('bench/floor/room.ts', 'FloorRoom', bindings, port);
}

/** @param commitMs the least time between two requests of a room to the Redis front. */
export function floorTarget(commitMs: number): Target {
  return {
    name: 'floor',
    about: 'a bare Durable Object that reads the frames and makes as many bare requests',
    ackMeans: 'the Redis front has answered something',
    loadScript: 'bench/load/main.ts',
    stackArgs: [],
    stackEnv: {},
    isSwept: false,
    hasRooms: true,
    usesFronts: true,
    hasChat: false,
    patienceMs: 60_000,
    async start({ stack }) {
      const { url, pid, stop } = await startFloorRooms(stack, commitMs);
      return { url, pids: { server: pid }, inspectorUrl: null, stop };
    },
    isDrained: async () => true,
    stored: async () => new Map(),
    storedBytesSql: 'select id, 0 as bytes from sessions',
    storedMessages: async () => new Map(),
  };
}
