/** The usual first design of a buffer. */
import { dirtyCodeKey, dirtyMessagesKey } from '../rooms/per-edit-keys.ts';
import { backbeat } from './backbeat.ts';
import { startExtraProcess } from './extra-process.ts';
import type { Target } from './target.ts';

export const perEdit: Target = {
  name: 'per-edit',
  about: 'each edit reads the session, then SET and SADD; a loop flushes session by session',
  ackMeans: 'Redis confirmed it',
  loadScript: backbeat.loadScript,
  stackArgs: ['--host=partykit', '--entry=bench/rooms/per-edit.ts'],
  stackEnv: {},
  isSwept: false,
  hasRooms: true,
  usesFronts: true,
  hasChat: true,
  patienceMs: 30_000,
  async start({ stack }) {
    const loop = await startExtraProcess(
      'bench/rooms/per-edit-loop.ts',
      {
        UPSTASH_REDIS_REST_URL: stack.redisRestUrl,
        UPSTASH_REDIS_REST_TOKEN: stack.redisRestToken,
        DATABASE_URL: stack.databaseUrl,
        NEON_FETCH_ENDPOINT: stack.neonFetchEndpoint,
      },
      false,
    );
    return { url: null, pids: { 'flush loop': loop.pid }, inspectorUrl: null, stop: () => loop.stop() };
  },
  async isDrained({ redis }) {
    const [code, messages] = await Promise.all([
      redis.redis.scard(dirtyCodeKey),
      redis.redis.scard(dirtyMessagesKey),
    ]);
    return code + messages === 0;
  },
  stored: ({ postgres }) => postgres.sessions(),
  storedBytesSql: backbeat.storedBytesSql,
  storedMessages: ({ postgres }) => postgres.messages(),
};
