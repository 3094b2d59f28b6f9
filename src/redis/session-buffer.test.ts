/** Which keys the scripts are given: Redis Cluster and Upstash want to know them before a script runs. */
import { describe, expect, it } from 'vitest';
import type { RedisScripts } from './client.ts';
import { keysFor } from './keys.ts';
import { SessionBuffer } from './session-buffer.ts';

const keys = keysFor('p:');

/** A buffer that keeps what its scripts are given. */
function recorded() {
  const runs: { name: string; keys: string[]; args: string[] }[] = [];
  const run: RedisScripts['run'] = async (name, keys, args, reply) => {
    runs.push({ name, keys, args });
    return reply.parse(name === 'peek' ? [1, 'none', 0, []] : []);
  };
  const redis = { run } as Partial<RedisScripts> as RedisScripts;
  return { buffer: new SessionBuffer({ redis, keys, cleanTtlS: 1 }), runs };
}

const bounds = { maxSessions: 1, maxBytes: 1 };
const keysOf = (...ids: string[]) => ids.flatMap((id) => [keys.session(id), keys.messages(id)]);

describe('a script is given the keys of its sessions', () => {
  it('to settle them', async () => {
    const { buffer, runs } = recorded();
    const settlement = {
      dirtySinceMs: 1,
      storedRev: null,
      mark: '',
      writtenMessages: [
        { id: 'm1', position: 1 },
        { id: 'm2', position: 2 },
      ],
      letters: [],
    };
    await buffer.settle([
      { ...settlement, sessionId: 'a' },
      { ...settlement, sessionId: 'b', writtenMessages: [] },
    ]);
    expect(runs[0]?.keys.slice(5)).toEqual(keysOf('a', 'b'));
    expect(runs[0]?.args).not.toContain(keys.prefix);
  });

  it('to read them, where the caller names them', async () => {
    const { buffer, runs } = recorded();
    await buffer.peekSessions(['a', 'b'], bounds);
    expect(runs[0]?.keys.slice(2)).toEqual(keysOf('a', 'b'));
    expect(runs[0]?.args).not.toContain(keys.prefix);
  });
});
