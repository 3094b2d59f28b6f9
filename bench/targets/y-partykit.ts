/** y-partykit in `partykit dev`, its documents in Postgres through the same HTTP front. */
import type { Target } from './target.ts';
import { createDocumentsTable, storedDocuments } from './yjs.ts';

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
    return { url: null, pids: {}, stop: async () => {} };
  },
  stored: storedDocuments,
  storedMessages: async () => new Map(),
};
