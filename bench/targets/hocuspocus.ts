/** Hocuspocus on the same engines, by its own connections to them. */
import { z } from 'zod';
import { startExtraProcess } from './extra-process.ts';
import type { Target } from './target.ts';
import { createDocumentsTable, DOCUMENTS_BYTES_SQL, storedDocuments } from './yjs.ts';

const readySchema = z.object({ url: z.string(), inspectorUrl: z.string() });

export const hocuspocus: Target = {
  name: 'hocuspocus',
  about: 'Hocuspocus 3.4.4 with its database and Redis extensions, in one Node process',
  ackMeans: 'the server has it in memory; stored 2 to 10 s later',
  loadScript: 'bench/peers/load-hocuspocus.ts',
  stackArgs: [],
  stackEnv: {},
  isSwept: false,
  hasRooms: false,
  usesFronts: false,
  hasChat: false,
  patienceMs: 60_000,
  async start(engines) {
    await createDocumentsTable(engines.postgres);
    const { stack } = engines;
    const server = await startExtraProcess(
      'bench/peers/hocuspocus-server.ts',
      { DATABASE_URL: stack.databaseUrl, REDIS_URL: stack.redisUrl ?? '' },
      true,
    );
    const { url, inspectorUrl } = readySchema.parse(JSON.parse(server.line));
    return { url, pids: { server: server.pid }, inspectorUrl, stop: () => server.stop() };
  },
  stored: storedDocuments,
  storedBytesSql: DOCUMENTS_BYTES_SQL,
  storedMessages: async () => new Map(),
};
