/** y-partykit in `partykit dev`, its documents in Postgres through the same HTTP front. */
import { partykitInspector } from '../measure/heap.ts';
import type { Target } from './target.ts';
import { createDocumentsTable, DOCUMENTS_BYTES_SQL, storedDocuments } from './yjs.ts';

export const yPartykit: Target = {
  name: 'y-partykit',
  about: 'y-partykit 0.0.33 with load and save callbacks',
  ackMeans: 'the room has it in memory (its echo); stored 2 to 10 s later',
  loadScript: 'bench/peers/load-y-partykit.ts',
  stackArgs: ['--host=partykit', '--entry=bench/peers/y-partykit-server.ts'],
  stackEnv: {},
  isSwept: false,
  hasRooms: true,
  usesFronts: true,
  hasChat: false,
  patienceMs: 60_000,
  async start(engines) {
    await createDocumentsTable(engines.postgres);
    const inspectorUrl = await partykitInspector(engines.stack.pids.worker);
    return { url: null, pids: {}, inspectorUrl, stop: async () => {} };
  },
  stored: storedDocuments,
  storedBytesSql: DOCUMENTS_BYTES_SQL,
  storedMessages: async () => new Map(),
};
