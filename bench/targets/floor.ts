/** The floor: the same runtime with rooms that do the least there is to do. */
import { z } from 'zod';
import type { Stack } from '../../test/support/stack.ts';
import { startExtraProcess } from './extra-process.ts';
import type { Target } from './target.ts';

const readySchema = z.object({ url: z.url(), workerdPid: z.number() });

/** The floor's process. */
export interface FloorRooms {
  url: string;
  pid: number;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** @param port a free one without it. */
export async function startFloorRooms(
  stack: Pick<Stack, 'redisRestUrl' | 'redisRestToken'>,
  commitMs: number,
  port?: string,
): Promise<FloorRooms> {
  const server = await startExtraProcess(
    'bench/floor/server.ts',
    {
      FRONT_URL: stack.redisRestUrl,
      FRONT_TOKEN: stack.redisRestToken,
      COMMIT_MS: String(commitMs),
      ...(port === undefined ? {} : { PORT: port }),
    },
    true,
  );
  const { url, workerdPid } = readySchema.parse(JSON.parse(server.line));
  return {
    url,
    pid: server.pid,
    stop: () => server.stop(),
    async kill() {
      process.kill(workerdPid, 'SIGKILL');
      await server.stop('SIGKILL');
    },
  };
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
