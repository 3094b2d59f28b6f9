/** Our rooms on Postgres alone. */
import { backbeat } from './backbeat.ts';
import type { Target } from './target.ts';

export const direct: Target = {
  name: 'direct',
  about: 'the same rooms on Postgres alone, one UPDATE an edit',
  ackMeans: 'Postgres committed it',
  loadScript: backbeat.loadScript,
  stackArgs: ['--entry=bench/rooms/direct.ts'],
  stackEnv: {
    // Postgres isn't standing in for anything here: no pause between writes, and time for those that queue.
    COMMIT_MIN_MS: '0',
    COMMIT_MAX_MS: '1',
    COMMIT_FALLBACK_MS: '0',
    POSTGRES_TIMEOUT_MS: '60000',
  },
  isSwept: false,
  hasRooms: true,
  usesFronts: true,
  hasChat: true,
  patienceMs: 30_000,
  // What Postgres hasn't committed wasn't acknowledged.
  isDrained: async () => true,
  stored: ({ postgres }) => postgres.sessions(),
  storedBytesSql: backbeat.storedBytesSql,
  storedMessages: ({ postgres }) => postgres.messages(),
};
