/** The product as it is. */
import { randomPort } from '../../dev/ports.ts';
import { startOwnRooms } from './own-rooms.ts';
import type { Target } from './target.ts';

/** One request flushes everything; a large backlog takes a while. */
const FLUSH_TIMEOUT_MS = 120_000;

export const backbeat: Target = {
  name: 'backbeat',
  about: 'rooms, write buffer in Redis, Postgres written behind',
  ackMeans: 'Redis confirmed it',
  loadScript: 'bench/load/main.ts',
  stackArgs: [],
  stackEnv: {},
  isSwept: true,
  hasRooms: true,
  usesFronts: true,
  hasChat: true,
  patienceMs: 60_000,
  async flush({ stack }) {
    const response = await fetch(new URL('/flush', stack.workerUrl), {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.flushSecret}` },
      signal: AbortSignal.timeout(FLUSH_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`the Worker answered a flush with ${response.status}`);
    await response.arrayBuffer();
  },
  isDrained: async ({ redis }) => (await redis.dirtySessions()) === 0,
  stored: ({ postgres }) => postgres.sessions(),
  storedBytesSql: 'select id, octet_length(code) + octet_length(receipts::text) as bytes from sessions',
  storedMessages: ({ postgres }) => postgres.messages(),
};

/** With V8's inspector, which shows the heap of the rooms' isolate, and what it spends its time on. */
export async function backbeatWithInspector(): Promise<Target> {
  const stackEnv = { ...backbeat.stackEnv, BACKBEAT_INSPECTOR_PORT: String(await randomPort()) };
  return { ...backbeat, stackEnv };
}

/**
 * A spike: those who watch are connected to relays, which are watchers of the room.
 * @param relays how many the room has.
 * @param paceMs least time between two frames of a relay to its watchers, in milliseconds.
 */
export function withRelays(target: Target, relays: number, paceMs: number): Target {
  return {
    ...target,
    about: `${target.about}; those who watch by ${relays} relays`,
    async start({ stack }) {
      const bindings = { UPSTREAM_URL: stack.roomUrl, RELAYS: String(relays), PACE_MS: String(paceMs) };
      const { url, pid, stop } = await startOwnRooms('bench/relay/room.ts', 'RelayRoom', bindings);
      return { url: null, watchersUrl: url, pids: { relays: pid }, inspectorUrl: null, stop };
    },
  };
}
